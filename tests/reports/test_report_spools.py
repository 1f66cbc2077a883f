"""Slow readers of reports delay no other request, and the space for reports is limited."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from models import Account, spools
from resolvers.accounts import operator
from resolvers.global_ids import encode
from tests.support.documents import report_link
from tests.support.downloads import all_told
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.locks import until_waiting, waiting
from tests.support.many_events import more_events
from tests.support.serving import free_port, serving
from tests.support.world import Person, World

COPYING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database()"

READING = '%AS "accountId"%'
"""Statements of reports."""


async def link_of(world: World, person: Person, kind: str = "AUDIT_LOG") -> str:
    data = await person.ask("{ account { id } }")
    return await report_link(world, kind, by=person, accountId=data["account"]["id"])


@asynccontextmanager
async def stalled(world: World, path: str) -> AsyncIterator[tuple[bytes, asyncio.StreamReader]]:
    """A reader who takes the beginning of the answer in, and then nothing."""
    url = httpx.URL(str(world.http.base_url))
    reader, writer = await asyncio.open_connection(url.host, url.port, limit=65_536)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nConnection: close\r\n\r\n".encode())
    try:
        yield await reader.readuntil(b"\r\n"), reader
    finally:
        writer.transport.abort()


async def none_is_copied(world: World) -> None:
    async with asyncio.timeout(20):
        while await world.superuser.fetchval(COPYING):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@asynccontextmanager
async def limited(world: World, **settings: object) -> AsyncIterator[World]:
    """The same world, served within other limits."""
    changed = world.settings.model_copy(update={"port": free_port(), **settings})
    client = httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=f"http://127.0.0.1:{changed.port}", timeout=60)
    async with serving(changed), client as http:
        yield World(http, changed, world.database, world.superuser, world.account_id, world.people)


async def test_slow_readers_hold_up_no_other_account(world: World) -> None:
    others = [await world.found(f"Other {number}", f"o{number}@example.com") for number in range(3)]
    await more_events(world, 4_000, note_bytes=2_500)
    slow = [await link_of(world, person) for person in others]
    path = await link_of(world, world.admin)

    async with stalled(world, slow[0]), stalled(world, slow[1]), stalled(world, slow[2]):
        await none_is_copied(world)
        response = await world.http.get(path)

    assert response.status_code == 200
    assert response.text.count("\r\n") > 4_000
    assert list((world.settings.data_dir / "reports").iterdir()) == []
    await all_told(world)
    events = await world.superuser.fetch(
        "SELECT details FROM audit_events WHERE action = 'REPORT_DOWNLOADED' AND details::text LIKE '%false%'"
    )
    assert len(events) == 3


async def test_an_account_has_one_report_made_at_a_time(world: World) -> None:
    beta = await world.found("Beta", "beta@example.com")
    mine = [await link_of(world, world.admin) for _ in range(4)]
    theirs = await link_of(world, beta, "TEAM")

    async with world.superuser.transaction():
        await world.superuser.execute("LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE")
        asked = [asyncio.create_task(world.http.get(path)) for path in mine]
        await until_waiting(world.superuser, 1, READING)
        # Its event waits for the lock; its bytes do not.
        async with asyncio.timeout(20), world.http.stream("GET", theirs) as made:
            body = await anext(made.aiter_bytes())
            reading = len(await waiting(world.superuser, READING))
    answers = await asyncio.gather(*asked)

    assert reading == 1
    assert b"beta@example.com" in body
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_a_person_has_one_report_made_at_a_time_over_all_accounts(world: World) -> None:
    """So that the three places at once are not all taken by one person with three accounts."""
    paths = [await report_link(world, "AUDIT_LOG")]
    for number in range(2):
        account = await operator.create_account(world.database, f"Own {number}", world.admin.email)
        paths.append(await report_link(world, "AUDIT_LOG", accountId=encode(Account, account.id)))
    beta = await world.found("Beta", "beta@example.com")
    theirs = await link_of(world, beta)

    async with world.superuser.transaction():
        await world.superuser.execute("LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE")
        asked = [asyncio.create_task(world.http.get(path)) for path in paths]
        await until_waiting(world.superuser, 1, READING)
        asked.append(asyncio.create_task(world.http.get(theirs)))
        await until_waiting(world.superuser, 2, READING)
        await asyncio.sleep(0.2)
        reading = len(await waiting(world.superuser, READING))
    answers = await asyncio.gather(*asked)

    assert reading == 2
    assert [answer.status_code for answer in answers] == [200] * 4


async def test_a_report_that_is_too_large_is_refused(world: World) -> None:
    await more_events(world, 4_000)
    async with limited(world, report_max_bytes=2**20) as there:
        path = await link_of(there, there.admin)

        plain = await there.http.get(path)
        page = await there.http.get(path, headers={"accept": "text/html"})
        small = await there.http.get(await link_of(there, there.admin, "TEAM"))

    assert (plain.status_code, plain.json()["error"]["code"]) == (413, "TOO_LARGE")
    assert page.status_code == 413
    assert "shorter period" in page.text
    assert small.status_code == 200


async def test_a_report_is_refused_while_the_disk_is_nearly_full(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = await link_of(world, world.admin)
    with monkeypatch.context() as full:
        full.setattr(spools, "_KEPT_FREE_BYTES", 2**60)
        refused = await world.http.get(path)

    afterwards = await world.http.get(path)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert int(refused.headers["retry-after"]) > 0
    assert afterwards.status_code == 200


async def test_a_report_is_refused_where_it_cannot_be_kept(world: World, tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    async with limited(world, data_dir=tmp_path) as there:
        path = await link_of(there, there.admin)

        refused = await there.http.get(path)
        (tmp_path / "reports").unlink()
        afterwards = await there.http.get(path)

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert str(tmp_path) not in refused.text
    assert afterwards.status_code == 200


@pytest.mark.parametrize("undisturbed_seconds", [300, -1])
async def test_a_slow_reader_gives_way_in_time(
    world: World, undisturbed_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once here, where it is not left undisturbed for five minutes."""
    monkeypatch.setattr(spools, "_UNDISTURBED_SECONDS", undisturbed_seconds)
    beta = await world.found("Beta", "beta@example.com")
    await more_events(world, 4_000, note_bytes=2_500)
    room = 24 * 2**20
    async with limited(world, report_max_bytes=room, report_spool_bytes=room) as there:
        slow, path = await link_of(there, there.admin), await link_of(there, beta)

        async with stalled(there, slow) as (status_line, reader):
            await none_is_copied(world)
            beside = await there.http.get(path)
            rest = await reader.read()
        await all_told(there)
        afterwards = await there.http.get(path)

    assert b"200" in status_line
    assert afterwards.status_code == 200
    if undisturbed_seconds > 0:
        assert beside.status_code == 503
        assert int(beside.headers["retry-after"]) > 0
        assert rest.endswith(b"0\r\n\r\n")
    else:
        assert beside.status_code == 200
        assert not rest.endswith(b"0\r\n\r\n")


async def test_an_account_that_holds_several_reports_gives_way_at_once(world: World) -> None:
    beta = await world.found("Beta", "beta@example.com")
    await more_events(world, 4_000, note_bytes=2_500)
    report_bytes = 24 * 2**20
    size = len((await world.http.get(await link_of(world, world.admin))).content)
    room = report_bytes + 2 * size + size // 2
    async with limited(world, report_max_bytes=report_bytes, report_spool_bytes=room) as there:
        held = [await link_of(there, there.admin) for _ in range(3)]
        path = await link_of(there, beta)

        async with (
            stalled(there, held[0]) as (first, _),
            stalled(there, held[1]) as (second, _),
            stalled(there, held[2]) as (third, _),
        ):
            await none_is_copied(world)
            beside = await there.http.get(path)
        await all_told(there)

    assert all(b"200" in status_line for status_line in (first, second, third))
    assert beside.status_code == 200
