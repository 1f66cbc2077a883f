"""Search for a text in the summaries of the audit log: spellings, parts of long logs, erased persons."""
# ruff: noqa: RUF001 - letters of other scripts are what is tested

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.text_forms import folded
from tests.support.changes import PROVISION_LICENSE, UPDATE_ACCOUNT, nothing_changes
from tests.support.people import erased, joined
from tests.support.stored_keys import with_key
from tests.support.world import Person, World

PAGE = """query ($text: String, $first: Int, $after: String, $last: Int, $before: String) {
  account { auditLog(filter: { text: $text }, first: $first, after: $after, last: $last, before: $before) {
    totalCount edges { cursor node { sequence summary action } } } } }"""
SPELLINGS = {
    "Zoë Weiß & Söhne": ["ZOE\u0308 WEISS", "zoë weiß", "ẞ & s", "ẞ &", "Ë W", "Ë"],
    "Γιώργος": ["ΓΙΏΡΓΟΣ", "γιώργοσ", "ΓΙΩ\u0301ΡΓΟΣ", "ώΡ"],
    "Иванова": ["ИВАН", "ванова", "В"],
    "ｗｉｄｅ ﬁne": ["wide FI", "ﬁNE", "ｗｉｄ"],
    "100%_\\' \"; --": ["100%_", "%_\\'", "0%_", "_\\'", '"; -'],
    "漢字の会社": ["漢字", "字", "の会社"],
}
EVENTS = 12_000
# Copies one event many times. Every 4,000th has a rare word, every 100th a seldom one.
FILL = f"""
CREATE TEMP TABLE one AS SELECT * FROM audit_events ORDER BY sequence LIMIT 1;
ALTER TABLE one DROP COLUMN summary_folded;
UPDATE one SET action = 'LICENSE_PROVISIONED';
INSERT INTO audit_events (account_id, sequence, id, occurred_at, action, outcome, summary, actor_kind,
    actor_member_id, actor_name, details, version, salt, previous_hash, hash)
  SELECT account_id, 1000 + n, gen_random_uuid(), occurred_at, action, outcome,
    'common' || CASE WHEN n % 4000 = 17 THEN ' rarely' ELSE '' END
      || CASE WHEN n % 100 = 3 THEN ' seldom' ELSE '' END || CASE WHEN n % 3 = 0 THEN ' often' ELSE '' END,
    actor_kind, actor_member_id, actor_name, details, version, salt, previous_hash, hash
  FROM one, generate_series(1, {EVENTS}) n;
DROP TABLE one
"""

Found = tuple[int | None, list[int]]


async def found(person: Person, text: str, **page: Any) -> Found:
    listed = (await person.ask(PAGE, text=text, **page))["account"]["auditLog"]
    return listed["totalCount"], [edge["node"]["sequence"] for edge in listed["edges"]]


async def summaries(world: World, text: str) -> list[str]:
    listed = (await world.admin.ask(PAGE, text=text, first=100))["account"]["auditLog"]["edges"]
    return [edge["node"]["summary"] for edge in listed]


@pytest.mark.usefixtures("each_executor")
async def test_a_summary_is_found_by_any_spelling(world: World) -> None:
    for name, spellings in SPELLINGS.items():
        await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name=name)
        await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Other")
        log = (await world.admin.ask(PAGE, first=100))["account"]["auditLog"]["edges"]

        for spelling in (name, *spellings):
            due = [
                edge["node"]["summary"] for edge in log if folded(spelling) in folded(edge["node"]["summary"])
            ]
            assert due
            assert await summaries(world, spelling) == due, spelling


async def test_a_site_is_found_by_its_encoded_form(world: World, themes: dict[str, str]) -> None:
    await world.grant("aurora", 1)
    await world.admin.change(
        PROVISION_LICENSE, accountId=world.account_id, themeId=themes["aurora"], site="bücher.example"
    )

    for spelling in ("BÜCHER.example", "xn--bcher-kva.example", "XN--BCHER-KVA"):
        assert len(await summaries(world, spelling)) == 1, spelling


async def test_api_calls_are_not_searched(world: World) -> None:
    script = await with_key(world, world.member)
    await script.ask("{ account { name } }")
    (call,) = await world.events(actions=["API_CALLED"])
    assert "called the API" in call["summary"]

    for filter in (
        {},
        {"actions": ["API_CALLED"]},
        {"targetTypes": ["ApiKey"]},
        {"requestId": call["requestId"]},
    ):
        assert await world.events(text="called the API", **filter) == []
    assert await world.events(text="", requestId=call["requestId"]) == [call]


async def test_a_text_that_is_too_long_is_refused(world: World) -> None:
    assert (await found(world.admin, "a" * 200))[0] == 0

    async with nothing_changes(world):
        (error,) = (await world.admin.post(PAGE, text="a" * 201))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "200" in error["message"]


@pytest.mark.parametrize("text", ["a", "ab", "%", " x"])
async def test_a_text_that_is_too_short_is_refused(world: World, text: str) -> None:
    (error,) = (await world.admin.post(PAGE, text=text))["errors"]

    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["message"] == "`text` needs at least 3 letters, or one that is not ASCII."


async def test_an_erased_person_is_found_no_more(world: World) -> None:
    person = await joined(world, "Zenobia Weiß", "zenobia@example.org")
    await world.admin.change(UPDATE_ACCOUNT, accountId=world.account_id, name="Élan")
    assert len(await summaries(world, "ZENOBIA WEISS")) > 1
    before = await found(world.admin, "", first=100)
    kept = await summaries(world, "élan")

    await erased(world, person)

    assert await summaries(world, "zenobia") == await summaries(world, "weiss") == []
    assert await summaries(world, "ÉLAN") == kept
    assert len(await summaries(world, "erased PERSON")) > 1
    assert (await found(world.admin, "", first=100))[1][-len(before[1]) :] == before[1]


async def test_entries_of_the_index(world: World) -> None:
    """Each group of letters once, shorter ones of other scripts than ASCII alone, and none of an API call."""
    entries = (
        'SELECT array_agg(substr(entry, 5) ORDER BY entry COLLATE "C")'
        " FROM unnest(tsvector_to_array(audit_search_entries(gen_random_uuid(), 8192, NULL, $1))) AS entry"
    )
    marks = ["\x01", "\x0110 8", "\x0113 1", "\x0116 0", "\x0119 0", "\x0122 0"]

    assert await world.superuser.fetchval(entries, "abcabc") == [*marks, "abc", "bca", "cab"]
    assert await world.superuser.fetchval(entries, "ab") == marks
    for length in range(3, 40):
        text = "the quick brown fox jumps over the lazy dog"[:length]
        groups = {text[start : start + 3] for start in range(length - 2)}
        assert await world.superuser.fetchval(entries, text) == [*marks, *sorted(groups)]
    assert await world.superuser.fetchval(entries, "äb") == [*marks, "b", "ä", "äb"]
    assert await world.superuser.fetchval(entries, None) is None


async def test_parts_of_a_long_log(world: World) -> None:
    await world.superuser.execute(FILL)
    numbers = range(1001, 1001 + EVENTS)
    words = {
        "common": numbers,
        "often": [number for number in numbers if (number - 1000) % 3 == 0],
        "seldom": [number for number in numbers if (number - 1000) % 100 == 3],
        "rarely": [number for number in numbers if (number - 1000) % 4000 == 17],
        "common s": [
            number for number in numbers if (number - 1000) % 100 == 3 and (number - 1000) % 4000 != 17
        ],
        "ely": [number for number in numbers if (number - 1000) % 4000 == 17],
        "seldom rarely": [],
        "qqq": [],
        "é": [],
    }
    (middle,) = (await world.admin.ask(PAGE, text="rarely", first=1, after=None))["account"]["auditLog"][
        "edges"
    ]

    for text, due in words.items():
        newest = sorted(due, reverse=True)
        later = [number for number in newest if number < middle["node"]["sequence"]]
        total = len(due) if len(due) <= 10_000 else None
        rows = {
            "first": (newest[:50], {"first": 50}),
            "after": (later[:50], {"first": 50, "after": middle["cursor"]}),
            "before": (
                [number for number in newest if number > middle["node"]["sequence"]][-50:],
                {"last": 50, "before": middle["cursor"]},
            ),
            "last": (newest[-50:], {"last": 50}),
        }
        for name, (sequences, page) in rows.items():
            older = [number for number in (await found(world.admin, text, **page))[1] if number > 1000]
            assert older == sequences, (text, name)
        if all(number > 1000 for number in (await found(world.admin, text, last=1))[1]):
            assert (await found(world.admin, text))[0] == total, text


LETTERS = st.text("abcZéÄß ςΣﬁｱ漢\u0301\u0345\u037a\u1fb3\u200d\u00adİ𝔸ℌ①각가", max_size=20)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(LETTERS, st.text(max_size=20)), min_size=20, max_size=60))
async def test_postgresql_folds_as_icu_does(world: World, texts: list[str]) -> None:
    texts = [text.replace("\x00", "") for text in texts]

    assert await _folded(world, texts) == [folded(text) for text in texts]


@pytest.mark.parametrize("length", [100, 1_000, 5_000])
async def test_a_text_of_ligatures_is_cut_once_it_is_folded(world: World, length: int) -> None:
    ligatures = "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}" * length

    (text,) = await _folded(world, [ligatures])

    assert text == folded(ligatures)[:1_000]


async def test_postgresql_folds_every_letter_as_icu_does(world: World) -> None:
    letters = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    some = [letter for number, letter in enumerate(letters) if folded(letter) != letter or number % 40 == 0]
    assert len(some) > 30_000

    assert await _folded(world, some) == [folded(letter) for letter in some]


async def _folded(world: World, texts: list[str]) -> list[str]:
    return (
        await world.superuser.fetchval(
            "SELECT array_agg(folded_text(text) ORDER BY place) FROM unnest($1::text[])"
            " WITH ORDINALITY AS each (text, place)",
            texts,
        )
        or []
    )
