"""Searches find all equivalent spellings, and names sort by ICU's root collation."""
# ruff: noqa: RUF001 - letters of other scripts are what is tested

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import BadUserInput
from models.text_forms import folded, sort_key
from resolvers.audit.queries import _address
from resolvers.audit_streams.urls import clean_stream_url
from resolvers.hosts import ascii_host, folded_address, folded_host, folded_hosts
from resolvers.licenses.sites import clean_site
from resolvers.text import canonical_email, clean_email
from resolvers.user_errors import UserErrors
from tests.support.changes import (
    INVITE_ONE,
    UPDATE_BILLING,
    UPDATE_PROFILE,
    codes,
    nothing_changes,
    user_error,
)
from tests.support.documents import table
from tests.support.world import PROVISION, REQUEST_SIGN_IN, Person, World

MEMBERS = """query ($search: String, $first: Int, $after: String, $before: String, $last: Int) {
  account { members(orderBy: NAME, filter: { search: $search }, first: $first, after: $after, last: $last,
    before: $before) { totalCount edges { cursor node { name } } } } }"""
LICENSES = "query ($search: String) { account { licenses(filter: { search: $search }) { nodes { site } } } }"
INVITATIONS = (
    "query ($email: String) { account { invitations(filter: { email: $email }) { nodes { email } } } }"
)
EVENTS = "query ($ip: String) { account { auditLog(filter: { ip: $ip }) { totalCount } } }"

SORTED_NAMES = ["Ada Lovelace", "Ängel", "Émile", "Łukasz", "Øystein", "Zoe", "Γιώργος", "Анна", "\u674e"]
NAMES = {
    "Γιώργος": ["ΓΙΏΡΓΟΣ", "γιώργοσ", "ΓΙΩ\u0301ΡΓΟΣ", "Γιώρ", "ΏΡΓΟΣ"],
    "Zoë Weiß": ["ZOE\u0308 WEISS", "zoë weiß", "WEIẞ", "ë w"],
    "Ångström": ["\u212bngström", "A\u030angstro\u0308m", "ÅNGSTRÖM"],
}
SITES = {
    "bücher.example": [
        "xn--bcher-kva.example",
        "XN--BCHER-KVA.EXAMPLE",
        "BÜCHER.example",
        "bu\u0308cher\u3002example",
        "bücher.example.",
        "xn--bcher-kva",
        "ücher.ex",
    ],
    # The domain without a final sigma is another one: UTS 46 maps the capital to the other small letter.
    "γιώργοσ.example": ["ΓΙΏΡΓΟΣ.example", "ΓΙΩ\u0301ΡΓΟΣ.Example", "γιώργος", "\uff45xample"],
    "faß.example": ["FAẞ.example", "xn--fa-hia.example", "faß"],
}
EMAILS = {
    "ada@bücher.example": [
        "ADA@xn--bcher-kva.example",
        "ada@BU\u0308CHER\uff0eexample",
        " ada@bücher.example.",
    ],
    "γιώργος@example.com": ["ΓΙΏΡΓΟΣ@example.com", "γιώργοσ@EXAMPLE.com", "γιω\u0301ργος@example.com"],
}


@pytest.mark.usefixtures("each_executor")
async def test_names_sort_by_the_root_collation_and_are_paged_in_it(world: World) -> None:
    people = [world.admin, *[await world.join("VIEWER", f"v{number}@example.com") for number in range(8)]]
    for person, name in zip(people, reversed(SORTED_NAMES), strict=True):
        await _rename(person, name)
    others = {"Member", "Viewer"}

    whole = await _names(world.admin, first=100)
    paged, after = [], None
    while page := await _page(world.admin, first=2, after=after):
        paged += [edge["node"]["name"] for edge in page]
        after = page[-1]["cursor"]
    last = await _page(world.admin, last=3)
    before = await _page(world.admin, last=2, before=last[0]["cursor"])

    assert [name for name in whole if name not in others] == SORTED_NAMES
    assert paged == whole
    assert [edge["node"]["name"] for edge in before + last] == whole[-5:]


async def test_the_team_is_reported_in_the_order_of_names(world: World) -> None:
    await _rename(world.admin, "Zoe")
    await _rename(world.member, "Émile")
    await _rename(world.viewer, "Eva")

    rows = await table(world, "TEAM")

    assert [row["name"] for row in rows] == ["Émile", "Eva", "Zoe"]


@pytest.mark.usefixtures("each_executor")
async def test_names_are_found_by_any_spelling(world: World) -> None:
    for name, spellings in NAMES.items():
        for spelling in spellings:
            await _rename(world.viewer, name)
            assert await _names(world.member, search=spelling, first=9) == [name], spelling
            await _rename(world.viewer, "Nobody")
            assert await _names(world.member, search=spelling, first=9) == [], spelling


@pytest.mark.usefixtures("each_executor")
async def test_sites_are_found_by_any_spelling_and_refused_by_any_a_second_time(
    world: World, themes: dict[str, str]
) -> None:
    for site, spellings in SITES.items():
        input = {"accountId": world.account_id, "themeId": themes["aurora"]}
        whole = [
            spelling for spelling in spellings if "example" in folded(spelling) and "." in folded(spelling)
        ]
        payload = await world.admin.change(PROVISION, **input, site=whole[0])
        assert payload["license"]["site"] == site
        for spelling in spellings:
            nodes = (await world.viewer.ask(LICENSES, search=spelling))["account"]["licenses"]["nodes"]
            assert {"site": site} in nodes, spelling
        for spelling in (site, *whole):
            again = await world.admin.change(PROVISION, **input, site=spelling)
            assert codes(again) == ["INVALID"], spelling


@pytest.mark.usefixtures("each_executor")
async def test_addresses_are_found_by_any_spelling_and_invited_once(world: World) -> None:
    for email, spellings in EMAILS.items():
        invited = await world.admin.change(
            INVITE_ONE, accountId=world.account_id, email=spellings[0], role="VIEWER"
        )
        assert invited["invitation"]["email"] == email
        for spelling in (email, *spellings):
            nodes = (await world.admin.ask(INVITATIONS, email=spelling))["account"]["invitations"]["nodes"]
            assert nodes == [{"email": email}], spelling
            again = await world.admin.change(
                INVITE_ONE, accountId=world.account_id, email=spelling, role="VIEWER"
            )
            assert codes(again) == ["ALREADY_INVITED"], spelling


async def test_members_are_found_by_any_spelling_of_their_addresses(world: World) -> None:
    await world.join("VIEWER", "ada@bücher.example")

    for spelling in ("ADA@xn--bcher-kva.example", "xn--bcher-kva", "ada@bu\u0308cher.example", "BÜCHER"):
        assert len(await _names(world.admin, search=spelling, first=9)) == 1, spelling
        assert await _names(world.member, search=spelling, first=9) == []


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("::FFFF:0102:0304", "1.2.3.4"),
        ("2001:DB8:0::1", "2001:db8::1"),
        (" 127.0.0.1 ", "127.0.0.1"),
    ],
)
def test_an_ip_address_has_one_form(typed: str, written: str) -> None:
    assert _address(typed) == written


@pytest.mark.usefixtures("each_executor")
async def test_the_log_is_filtered_by_an_ip_address_in_any_notation(world: World) -> None:
    expected = (await world.admin.ask(EVENTS, ip="127.0.0.1"))["account"]["auditLog"]["totalCount"]

    mapped = (await world.admin.ask(EVENTS, ip="::FFFF:127.0.0.1"))["account"]["auditLog"]["totalCount"]
    (refusal,) = (await world.admin.post(EVENTS, ip="127.0.0.01"))["errors"]

    assert mapped == expected > 0
    assert "192.0.2.1" in refusal["message"]
    for text in ("localhost", "fe80::1%eth0", "::1%"):
        with pytest.raises(BadUserInput):
            _address(text)


LETTERS = st.text("abcdefgéàöüñçŁøßςσΣΓιώĄžИйабв漢字ｱﬁ", min_size=1, max_size=12)
RESPELLED = st.sampled_from(["lower", "upper", "title", "NFC", "NFD", "NFKC", "NFKD"])


@settings(max_examples=500)
@given(LETTERS, st.lists(RESPELLED, max_size=4))
def test_a_folded_text_is_the_same_for_every_spelling(text: str, ways: list[str]) -> None:
    assert folded(_respelled(text, ways)) == folded(text)
    assert folded(folded(text)) == folded(text)


@settings(max_examples=500)
@given(LETTERS, st.lists(st.sampled_from(["NFC", "NFD"]), max_size=3))
def test_a_composed_name_sorts_as_a_decomposed_one(text: str, ways: list[str]) -> None:
    assert sort_key(_respelled(text, ways)) == sort_key(text)


@settings(max_examples=500, suppress_health_check=[HealthCheck.filter_too_much])
@given(
    st.text("abcéöüñςσßйабв字", min_size=1, max_size=10),
    st.lists(st.sampled_from(["upper", "NFD", "NFC", "puny", "."])),
)
def test_a_site_is_one_in_every_spelling(label: str, ways: list[str]) -> None:
    try:
        site = clean_site(f"{label}.example")
    except UserErrors:
        return
    spelled: str = site
    for way in ways:
        if way == "puny":
            spelled = ".".join(_punycode(part) for part in spelled.split("."))
        elif way == ".":
            spelled = spelled.removesuffix(".") + "."
        elif way == "upper":
            # There is no capital that stands for ß or the final sigma alone.
            spelled = "".join(each if each in "ßς" else each.upper() for each in spelled)
        else:
            spelled = unicodedata.normalize(way, spelled)  # type: ignore[arg-type]

    assert clean_site(spelled) == site
    assert folded_host(spelled) == folded_host(site) == folded(site)
    assert folded_address(f"a@{spelled}") == folded_address(f"a@{site}")
    assert clean_email(f"a@{spelled}") == clean_email(f"a@{site}")


@settings(max_examples=300)
@given(st.text(max_size=80))
def test_a_canonical_address_is_its_own_canonical_form(local: str) -> None:
    email = canonical_email(f"{local}@example.com")

    assert email is None or canonical_email(email) == email


@pytest.mark.parametrize(
    "host",
    [
        "my_shop.example.com",
        "_x.example",
        "xn--bcher-kva.example",
        "B\u00dcCHER\u3002example",
        "a-.example",
        "a.b_c",
        "a..b.example",
        "1.2.3.4x.0x1f",
        "ab--cd.example",
        "\U0001f4a9.example",
        "example.com.",
    ],
)
def test_a_site_is_what_an_audit_stream_takes_for_a_host(host: str) -> None:
    site = _or_none(lambda: clean_site(host))
    url = _or_none(lambda: clean_stream_url(f"https://{host}/x", private_addresses=False))

    assert (site is None) == (url is None)
    assert site is None or url == f"https://{ascii_host(site)}/x"


def test_a_label_that_is_too_long_is_not_decoded_for_a_search(monkeypatch: pytest.MonkeyPatch) -> None:
    label = f"xn--{'fsqa' * 15}"
    monkeypatch.setattr("idna.ulabel", None)

    assert folded_host(label) == folded_hosts(label) == label


LONGEST = "a" * 64


@pytest.mark.parametrize(("local", "is_taken"), [(LONGEST, True), (LONGEST + "a", False), ("é" * 33, False)])
async def test_a_local_part_of_an_address_has_64_bytes_everywhere(
    world: World, local: str, is_taken: bool
) -> None:
    email = f"{local}@example.com"

    payloads = [
        await world.nobody.change(REQUEST_SIGN_IN, email=email),
        await world.admin.change(INVITE_ONE, accountId=world.account_id, email=email, role="VIEWER"),
        await world.admin.change(UPDATE_BILLING, accountId=world.account_id, email=email),
    ]

    for payload in payloads:
        assert codes(payload) == ([] if is_taken else ["INVALID"])
        assert is_taken or "64 bytes" in payload["userErrors"][0]["message"]


async def test_what_is_stored_beside_a_text_is_made_of_it(
    world: World, themes: dict[str, str], superuser: Any
) -> None:
    await world.admin.change(
        PROVISION, accountId=world.account_id, themeId=themes["aurora"], site="BÜCHER.example"
    )
    await _rename(world.viewer, "Γιώργος ΣΑΣ")

    members = await superuser.fetch("SELECT name, email, name_key, name_folded, email_folded FROM members")
    (license,) = await superuser.fetch("SELECT site, site_folded FROM licenses")
    catalog = await superuser.fetch("SELECT * FROM themes")

    assert {row["name"] for row in members} == {"Admin", "Member", "Γιώργος ΣΑΣ"}
    for row in members:
        assert row["name_key"] == sort_key(row["name"])
        assert (row["name_folded"], row["email_folded"]) == (folded(row["name"]), folded(row["email"]))
    assert license["site_folded"] == folded(license["site"]) == "bücher.example"
    for row in catalog:
        assert (row["name_key"], row["name_folded"]) == (sort_key(row["name"]), folded(row["name"]))
        assert row["text_folded"] == folded(f"{row['name']}\n{row['summary']}\n{row['slug']}")


def _or_none(clean: Callable[[], str]) -> str | None:
    try:
        return clean()
    except UserErrors:
        return None


def _punycode(label: str) -> str:
    label = unicodedata.normalize("NFC", "".join(letter.lower() for letter in label))
    return label if label.isascii() else "xn--" + label.encode("punycode").decode()


def _respelled(text: str, ways: list[str]) -> str:
    for way in ways:
        text = unicodedata.normalize(way, text) if way.startswith("NF") else getattr(text, way)()  # type: ignore[arg-type]
    return text


async def _rename(person: Person, name: str) -> None:
    payload = await person.change(UPDATE_PROFILE, name=name)
    assert not codes(payload), payload


async def _page(person: Person, **variables: Any) -> list[dict[str, Any]]:
    edges: list[dict[str, Any]] = (await person.ask(MEMBERS, **variables))["account"]["members"]["edges"]
    return edges


async def _names(person: Person, **variables: Any) -> list[str]:
    return [edge["node"]["name"] for edge in await _page(person, **variables)]


@pytest.mark.parametrize("label", ["xn--", "xn--a", "xn--\u00fc", "xn--0", f"xn--{'9' * 60}"])
async def test_a_search_for_what_no_label_decodes_to_finds_nothing(world: World, label: str) -> None:
    found = await world.admin.ask(
        "query ($search: String) { account { licenses(filter: { search: $search }) { totalCount } } }",
        search=f"{label}.example.com",
    )

    assert found["account"]["licenses"]["totalCount"] == 0


async def test_a_message_that_grows_as_it_is_composed_is_too_long(world: World) -> None:
    input = {"accountId": world.account_id, "email": "bob@example.com", "role": "VIEWER"}

    async with nothing_changes(world):
        refused = await world.admin.change(INVITE_ONE, **input, message="\u0958" * 1_000)
    taken = await world.admin.change(INVITE_ONE, **input, message="\u0958" * 500)

    assert user_error(refused) == ("INVALID", ["message"])
    assert len(taken["invitation"]["message"]) == 1_000
