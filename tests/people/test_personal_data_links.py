"""The link to a person's data: who may request it, who may use it, and until when."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from models.columns import now
from models.downloads import DownloadKind
from resolvers.downloads import transfers
from tests.reports.test_report_spools import limited, stalled
from tests.sessions.test_sign_in_events import info_logs
from tests.support.changes import (
    ERASE_VIEWER,
    LEAVE,
    REMOVE,
    REQUEST_PERSONAL_DATA,
    REVOKE_SESSION,
    nothing_changes,
)
from tests.support.documents import report_link
from tests.support.downloads import all_told
from tests.support.locks import until_waiting, waiting
from tests.support.many_events import more_events
from tests.support.personal_data import personal_data_link
from tests.support.stored_keys import uuid_of, with_key
from tests.support.world import World
from web.app_state import State

HTML = {"accept": "text/html,*/*;q=0.8"}


@pytest.fixture(autouse=True)
async def _ends(world: World) -> AsyncIterator[None]:
    yield
    await all_told(world)


@pytest.mark.parametrize("by_cookie", [False, True])
async def test_a_session_requests_it(world: World, by_cookie: bool) -> None:
    name, value = ("cookie", "ta_session={}") if by_cookie else ("authorization", "Bearer {}")
    headers = {name: value.format(world.member.token)}

    response = await world.http.post("/graphql", json={"query": REQUEST_PERSONAL_DATA}, headers=headers)

    payload = response.json()["data"]["requestPersonalData"]
    download = payload["download"]
    assert payload["userErrors"] == []
    assert download["fileName"] == f"personal-data-{now():%Y-%m-%d}.json"
    assert (download["mediaType"], download["size"]) == ("application/json", None)
    lifetime = datetime.fromisoformat(download["expiresAt"]) - now()
    assert timedelta(minutes=4) < lifetime <= timedelta(minutes=5)
    path = download["url"].removeprefix(world.settings.public_url)
    answer = await world.http.get(path, headers=headers)
    assert (answer.status_code, answer.json()["user"]["email"]) == (200, "member@example.com")
    assert answer.headers["content-type"] == "application/json"
    assert download["fileName"] in answer.headers["content-disposition"]
    assert answer.headers["cache-control"] == "no-store"


async def test_an_api_key_is_no_person(world: World) -> None:
    script = await with_key(world, world.member, "READ", "PROVISION")

    answer = await script.post(REQUEST_PERSONAL_DATA)

    assert answer["data"] == {"requestPersonalData": None}
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert error["message"] == "This cannot be done with an API key: sign in instead."
    assert not await world.superuser.fetchval("SELECT count(*) FROM download_links")


async def test_nobody_gets_none(world: World) -> None:
    async with nothing_changes(world):
        answer = await world.nobody.post(REQUEST_PERSONAL_DATA)

    assert answer["data"] == {"requestPersonalData": None}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UNAUTHENTICATED"]
    assert not await world.superuser.fetchval("SELECT count(*) FROM download_links")


async def _signed_out(world: World) -> None:
    data = await world.member.ask("{ viewer { sessions { id isCurrent } } }")
    (session,) = (each for each in data["viewer"]["sessions"] if each["isCurrent"])
    await world.member.change(REVOKE_SESSION, sessionId=session["id"])


def _by_sql(statement: str) -> Callable[[World], Awaitable[Any]]:
    return lambda world: world.superuser.execute(statement)


ENDED = "UPDATE members SET sessions_valid_from = now()"
POLICY = """UPDATE accounts SET max_session_age_seconds = 60;
  UPDATE sessions SET created_at = created_at - interval '2 minutes'"""
MEANWHILE = {
    "signed out": (_signed_out, 403, "SIGNED_OUT"),
    "sessions ended": (_by_sql(ENDED), 403, "REAUTHENTICATION_REQUIRED"),
    "policy set": (_by_sql(POLICY), 403, "REAUTHENTICATION_REQUIRED"),
    "session over": (_by_sql("UPDATE sessions SET expires_at = now()"), 403, "SIGNED_OUT"),
    "too late": (_by_sql("UPDATE download_links SET expires_at = now()"), 410, "EXPIRED"),
    "forgotten": (_by_sql("DELETE FROM download_links"), 404, "UNKNOWN"),
}


@pytest.mark.parametrize("what", MEANWHILE)
async def test_a_link_is_checked_again_when_it_is_used(world: World, what: str) -> None:
    path = await personal_data_link(world.member)
    happens, status_code, code = MEANWHILE[what]
    await happens(world)

    async with nothing_changes(world):
        plain = await world.http.get(path)
        head = await world.http.head(path)
        page = await world.http.get(path, headers=HTML)

    assert [each.status_code for each in (plain, head, page)] == [status_code] * 3
    assert plain.json()["error"]["code"] == code
    assert "member@example.com" not in plain.text + page.text
    assert "<h1>" in page.text
    assert not await world.superuser.fetchval("SELECT count(*) FROM transfers")


async def test_a_credential_of_another_person_is_refused_beside_the_link(world: World) -> None:
    path = await personal_data_link(world.member)
    script = await with_key(world, world.member)

    async with nothing_changes(world):
        for headers in (
            {"cookie": f"ta_session={world.admin.token}"},
            {"authorization": f"Bearer {world.admin.token}"},
            {"authorization": f"Bearer {script.token}"},
            {"authorization": "Bearer nonsense"},
        ):
            answer = await world.http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "WRONG_PERSON"), headers


async def test_another_browser_and_another_session_of_the_person_may_use_it(world: World) -> None:
    path = await personal_data_link(world.member)
    again = await world.sign_in("member@example.com")

    for headers in ({}, {"cookie": f"ta_session={again.token}"}, {"authorization": f"Bearer {again.token}"}):
        assert (await world.http.get(path, headers=headers)).status_code == 200, headers


async def test_it_is_sent_from_the_beginning_only(world: World) -> None:
    """Its size is not known before the end, and each document is of another moment."""
    path = await personal_data_link(world.member)

    head = await world.http.head(path)
    part = await world.http.get(path, headers={"range": "bytes=10-20"})

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == "application/json"
    assert head.headers["accept-ranges"] == part.headers["accept-ranges"] == "none"
    assert "content-length" not in head.headers
    assert part.status_code == 200
    assert orjson.loads(part.content)["format"] == "team-access-personal-data"


async def test_no_log_of_an_account_has_it_and_the_process_log_does(world: World) -> None:
    before = await world.events()
    with info_logs() as logs:
        response = await world.http.get(await personal_data_link(world.member))
        await all_told(world)

    assert await world.events() == before
    user_id = await world.superuser.fetchval("SELECT id FROM users WHERE email = 'member@example.com'")
    lines = {line["event"]: line for line in logs if line["event"].startswith("personal_data")}
    assert lines.keys() == {"personal_data_requested", "personal_data_downloaded"}
    assert {line["user_id"] for line in lines.values()} == {str(user_id)}
    downloaded = lines["personal_data_downloaded"]
    assert (downloaded["bytes"], downloaded["complete"]) == (len(response.content), True)
    assert downloaded["request_id"] == response.headers["x-request-id"]
    assert "member@example.com" not in str(lines)


async def test_a_transfer_whose_process_died_is_in_the_log_of_the_worker(world: World) -> None:
    await personal_data_link(world.member)
    await world.superuser.execute(
        "INSERT INTO transfers (id, token_hash, bytes_sent, facts, started_at, seen_at, request_id)"
        """ SELECT gen_random_uuid(), token_hash, 7, '{"size": null}', now(), now(), 'lost'"""
        " FROM download_links"
    )

    with info_logs() as logs:
        assert await transfers.audit_lost(world.database, 0) == 1

    (line,) = (line for line in logs if line["event"] == "personal_data_downloaded")
    assert (line["bytes"], line["complete"], line["request_id"]) == (7, False, "lost")
    assert not await world.superuser.fetchval("SELECT count(*) FROM transfers")


async def test_a_person_has_one_report_or_document_made_at_a_time(world: World) -> None:
    own = [await personal_data_link(world.admin)] * 2
    own.append(await report_link(world, "AUDIT_LOG"))
    theirs = await personal_data_link(world.member)

    async with world.superuser.transaction():
        await world.superuser.execute("LOCK TABLE invitations IN ACCESS EXCLUSIVE MODE")
        asked = [asyncio.create_task(world.http.get(path)) for path in own]
        await until_waiting(world.superuser, 1, "%invitations%")
        asked.append(asyncio.create_task(world.http.get(theirs)))
        await until_waiting(world.superuser, 2, "%invitations%")
        await asyncio.sleep(0.2)
        reading = len(await waiting(world.superuser, "%invitations%"))
    answers = await asyncio.gather(*asked)

    assert reading == 2
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_a_removal_in_progress_is_in_the_document_or_is_not(world: World) -> None:
    """All of the document is of one moment. The link is that of the person, not of the member."""
    path = await personal_data_link(world.member)
    async with world.superuser.transaction():
        # The removal waits for its event to be written, and the document reads beside it.
        await world.superuser.execute("LOCK TABLE audit_heads IN SHARE MODE")
        removing = asyncio.create_task(world.admin.change(REMOVE, memberId=world.member.member_id))
        await until_waiting(world.superuser)
        during = (await world.http.get(path)).json()
        assert not removing.done()
    assert not (await removing)["userErrors"]

    after = (await world.http.get(path)).json()

    ((before_removal,), (removed,)) = during["memberships"], after["memberships"]
    assert before_removal["removedAt"] is None
    assert removed["removedAt"]
    assert "MEMBER_REMOVED" not in {event["action"] for event in during["auditEventsByOthers"]}
    assert "MEMBER_REMOVED" in {event["action"] for event in after["auditEventsByOthers"]}


async def test_a_link_of_an_erased_person_is_unknown(world: World) -> None:
    person = await world.sign_in("gone@example.com")
    path = await personal_data_link(person)
    erased = await person.change(ERASE_VIEWER, email="gone@example.com")
    assert erased == {"userErrors": []}

    response = await world.http.get(path)

    assert (response.status_code, response.json()["error"]["code"]) == (404, "UNKNOWN")
    assert not await world.superuser.fetchval("SELECT count(*) FROM download_links")


async def test_a_download_is_cut_off_when_the_person_is_erased(world: World, app_state: State) -> None:
    member = world.member
    await world.superuser.execute(
        "INSERT INTO sign_in_links (token_hash, email, created_at, expires_at)"
        " SELECT sha256(convert_to(n::text, 'UTF8')), 'member@example.com', now(), now()"
        " FROM generate_series(1, 100000) AS n"
    )
    await member.change(LEAVE, accountId=world.account_id)
    async with stalled(world, await personal_data_link(member)) as (status_line, reader):
        erased = await member.change(ERASE_VIEWER, email="member@example.com")
        left = await world.superuser.fetchval("SELECT count(*) FROM transfers")
        async with asyncio.timeout(20):
            while app_state.transfers._open:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        rest = await reader.read()

    assert erased == {"userErrors": []}
    assert b"200" in status_line
    assert left == 0
    assert not rest.endswith(b"0\r\n\r\n")


async def test_a_document_that_is_too_large_is_refused(world: World) -> None:
    await more_events(world, 4_000, world.admin)
    async with limited(world, report_max_bytes=2**20) as there:
        refused = await there.http.get(await personal_data_link(there.admin))

    assert (refused.status_code, refused.json()["error"]["code"]) == (413, "TOO_LARGE")
    assert "Ask the operator" in refused.json()["error"]["message"]


@pytest.mark.parametrize(
    "columns",
    [
        {"user_id": "user", "account_id": "account", "member_id": "member"},
        {"account_id": "account", "member_id": "member"},
        {},
    ],
)
async def test_a_link_to_personal_data_is_of_a_person_alone(world: World, columns: dict[str, str]) -> None:
    ids = {
        "user": await world.superuser.fetchval("SELECT id FROM users LIMIT 1"),
        "account": uuid_of(world.account_id),
        "member": uuid_of(world.member.member_id),
    }
    values = [ids[kind] for kind in columns.values()]
    names = "".join(f", {name}" for name in columns)
    places = "".join(f", ${place}" for place in range(2, len(values) + 2))

    with pytest.raises(asyncpg.CheckViolationError, match="ck_download_links_recipient"):
        await world.superuser.execute(
            "INSERT INTO download_links (token_hash, credential_kind, credential_id, credential_label, kind,"
            f" subject, created_at, expires_at{names}) VALUES ('x', 'SESSION', gen_random_uuid(), 'x', $1,"
            f" '{{}}', now(), now(){places})",
            DownloadKind.PERSONAL_DATA,
            *values,
        )
