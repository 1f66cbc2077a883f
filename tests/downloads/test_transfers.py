"""Downloads that do not end well are audited with what went out, each once."""

import asyncio
import json
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from models.accounts import Account
from models.database import Database
from models.downloads import DownloadKind
from models.storage import Storage, StorageUnavailable
from resolvers.downloads import transfers
from resolvers.downloads.links import Content, Link, Subject
from settings import Settings
from tests.support.changes import nothing_changes
from tests.support.commands import Command, running, wait_until_gone
from tests.support.downloads import a_big_file, a_license, a_link, all_told, opened, stored, told
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.world import World
from web import downloads
from web import file_response as outgoing

MIB = 1 << 20
BIG = 64 * MIB
MOST_ON_THE_WAY = 16 * MIB
"""In the server's and the system's buffers, of which nobody knows whether the client has read them."""


@pytest.fixture
async def path(world: World, themes: dict[str, str]) -> AsyncIterator[str]:
    """Of a link to a file of 64 MiB."""
    await a_big_file(world, BIG)
    yield await a_link(world, await a_license(world, themes["aurora"]))
    await all_told(world)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="team-access-transfers-") as path:
        yield Path(path)


@pytest.fixture
def serve(folder: Path, world: World, database_url: str) -> Iterator[Command]:
    """A server of its own on the same database and the same files."""
    settings = {"DATABASE_URL": database_url, "STORAGE_URL": world.settings.storage_url}
    with running(folder, "serve", "--no-worker", LOG_LEVEL="debug", **settings) as command:
        assert command.status() == 200
        yield command


async def noted(world: World, least: int = 1) -> int:
    """How many bytes of the one transfer are noted, once they are so many."""
    async with asyncio.timeout(30):
        while True:
            sent = await world.superuser.fetchval("SELECT bytes_sent FROM transfers")
            if sent is not None and sent >= least:
                return int(sent)
            await asyncio.sleep(0.02)


async def test_a_client_that_hangs_up(world: World, path: str) -> None:
    reader, writer = await opened(world.settings.port, path)
    await reader.readexactly(5 * MIB)
    writer.transport.abort()

    (event,) = await told(world)
    details = event["details"]
    assert 5 * MIB - 1024 <= details["bytes"] <= 5 * MIB + MOST_ON_THE_WAY
    assert (details["size"], details["complete"]) == (BIG, False)
    sent = f"{details['bytes']:,} bytes of {BIG:,}"
    assert event["summary"] == f"Member downloaded {sent} of aurora-1.1.0.zip of Aurora for a.example.com"


async def test_a_slow_client_holds_up_its_own_bytes_alone(world: World, path: str) -> None:
    reader, writer = await opened(world.settings.port, path)
    await reader.readexactly(MIB)

    first = await noted(world, MIB)
    await asyncio.sleep(transfers.NOTED_SECONDS * 1.5)
    second = await noted(world)
    async with asyncio.timeout(20):
        rest = 0
        while piece := await reader.read(MIB):
            rest += len(piece)
            if rest >= BIG - MIB:
                break
    writer.close()

    assert first <= second <= MIB + MOST_ON_THE_WAY
    (event,) = await told(world)
    assert event["details"]["complete"] is True


async def test_a_client_that_takes_nothing_for_long_is_cut_off(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "STALLED_SECONDS", 0.3)
    _, writer = await opened(world.settings.port, path)
    await noted(world, 0)

    (event,) = await told(world)

    assert event["details"]["complete"] is False
    writer.close()


async def test_a_storage_that_is_down(world: World, path: str) -> None:
    file = stored(world, f"{BIG:064x}")
    file.unlink()
    file.mkdir()

    plain = await world.http.get(path)
    shown = await world.http.get(path, headers={"accept": "text/html"})

    file.rmdir()
    for answer in (plain, shown):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
        assert str(file.parent) not in answer.text
    assert plain.json()["error"]["code"] == "UNAVAILABLE"
    assert "<h1>" in shown.text
    for event in await told(world, 2):
        assert (event["details"]["bytes"], event["details"]["complete"]) == (0, False)
        assert event["summary"].endswith("and received no bytes")
    assert await world.superuser.fetchval("SELECT last_downloaded_at FROM licenses") is None


async def test_a_storage_that_fails_in_the_middle(world: World, path: str) -> None:
    reader, writer = await opened(world.settings.port, path)
    await reader.readexactly(MIB)
    os.truncate(stored(world, f"{BIG:064x}"), 20 * MIB)
    received = MIB
    async with asyncio.timeout(20):
        while piece := await reader.read(MIB):
            received += len(piece)
    writer.close()

    (event,) = await told(world)
    assert event["details"]["complete"] is False
    assert event["details"]["bytes"] <= received < BIG
    assert event["details"]["bytes"] >= 19 * MIB


async def test_a_file_of_another_size_is_never_whole(world: World, path: str) -> None:
    os.truncate(stored(world, f"{BIG:064x}"), BIG - 1)

    with pytest.raises(httpx.RemoteProtocolError, match="peer closed connection"):
        await world.http.get(path)

    (event,) = await told(world)
    assert event["details"]["complete"] is False


@pytest.mark.parametrize("fails", [False, True])
async def test_what_is_made_while_it_goes_out(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    """Of unknown size: nobody could tell a short answer from a whole one, were the connection not cut."""

    async def lines(_start: int, _end: int | None) -> AsyncGenerator[bytes]:
        for number in range(1_000):
            yield b"%999d\n" % number
        if fails:
            raise StorageUnavailable("The file storage is gone.")

    async def open_lines(_settings: Settings, _database: Database, _storage: Storage, link: Link) -> Content:
        subject = Subject(Account, link.member.account_id, "Acme", "some lines", {"file": "lines.txt"})
        return Content(subject, "lines.txt", "text/plain", None, None, lines)

    monkeypatch.setattr(downloads, "OPENERS", {DownloadKind.THEME_FILE: open_lines})

    asking = world.http.get(path, headers={"range": "bytes=0-9"})
    if fails:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await asking
    else:
        answer = await asking
        assert (answer.status_code, len(answer.content)) == (200, 1_000_000)
        assert answer.headers["accept-ranges"] == "none"
        assert "content-length" not in answer.headers
        head = await world.http.head(path)
        assert "content-length" not in head.headers

    (event,) = await told(world)
    assert event["details"] == {"bytes": 1_000_000, "complete": not fails, "file": "lines.txt", "size": None}
    did = "downloaded 1,000,000 bytes of some lines" if fails else "downloaded some lines"
    assert event["summary"] == f"Member {did}"


async def test_what_takes_too_long_to_make_is_not_waited_for(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outgoing, "STALLED_SECONDS", 0.2)
    ended = asyncio.Event()

    async def nothing(_start: int, _end: int | None) -> AsyncGenerator[bytes]:
        try:
            await asyncio.sleep(60)
            yield b""
        finally:
            ended.set()

    async def open_nothing(
        _settings: Settings, _database: Database, _storage: Storage, link: Link
    ) -> Content:
        subject = Subject(Account, link.member.account_id, "Acme", "nothing")
        return Content(subject, "nothing.txt", "text/plain", None, None, nothing)

    monkeypatch.setattr(downloads, "OPENERS", {DownloadKind.THEME_FILE: open_nothing})

    answer = await world.http.get(path)

    assert (answer.status_code, ended.is_set()) == (503, True)
    (event,) = await told(world)
    assert event["summary"] == "Member began to download nothing and received no bytes"


async def test_a_process_that_is_killed(world: World, path: str, serve: Command) -> None:
    reader, writer = await opened(serve.port, path)
    await reader.readexactly(3 * MIB)
    sent = await noted(world, 3 * MIB)
    processes = serve.processes()
    for each in processes:
        os.kill(each, 9)
    wait_until_gone(processes)
    writer.close()

    async with nothing_changes(world):
        assert await transfers.audit_lost(world.database) == 0
    audited = await asyncio.gather(*(transfers.audit_lost(world.database, 0) for _ in range(5)))

    assert max(audited) == 1
    (event,) = await told(world)
    assert event["details"] == {
        "bytes": sent,
        "complete": False,
        "file": "aurora-1.1.0.zip",
        "site": "a.example.com",
        "size": BIG,
        "theme": "aurora",
    }
    assert event["actor"]["member"]["id"] == world.member.member_id
    assert event["requestId"]


async def test_what_was_given_up_for_lost_goes_on_no_more(world: World, path: str) -> None:
    reader, writer = await opened(world.settings.port, path)
    await reader.readexactly(MIB)

    assert await transfers.audit_lost(world.database, -1) == 1

    received = MIB
    async with asyncio.timeout(20):
        while received < BIG and await asyncio.sleep(0.05, True) and (piece := await reader.read(MIB)):
            received += len(piece)
    writer.close()
    assert received < BIG
    (event,) = await told(world)
    assert event["details"]["complete"] is False


async def test_what_cannot_be_noted_goes_on_no_more(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others would take it for lost, and audit less than what goes out."""
    monkeypatch.setattr(transfers, "NOTED_SECONDS", 0.05)
    monkeypatch.setattr(transfers, "LOST_SECONDS", 0.4)
    reader, writer = await opened(world.settings.port, path)
    await reader.readexactly(MIB)

    await world.superuser.execute("ALTER TABLE transfers RENAME COLUMN seen_at TO away")
    try:
        await all_told(world)
    finally:
        await world.superuser.execute("ALTER TABLE transfers RENAME COLUMN away TO seen_at")

    writer.close()
    (event,) = await told(world)
    assert event["details"]["complete"] is False


async def test_an_event_that_cannot_be_appended_comes_later(world: World, path: str) -> None:
    reader, writer = await opened(world.settings.port, path)
    await noted(world, MIB)

    await world.superuser.execute("ALTER TABLE transfers RENAME TO away")
    try:
        async with asyncio.timeout(20):
            await reader.readexactly(BIG)
        await asyncio.sleep(0.3)
        assert await world.events(actions=["THEME_FILE_DOWNLOADED"]) == []
    finally:
        await world.superuser.execute("ALTER TABLE away RENAME TO transfers")

    writer.close()
    (event,) = await told(world)
    assert event["details"]["complete"] is True


async def test_one_lost_transfer_that_cannot_be_audited_does_not_hold_up_the_others(
    world: World, path: str
) -> None:
    (link,) = await world.superuser.fetch("SELECT token_hash FROM download_links")
    good = {"targetType": "Account", "targetId": "0" * 32, "targetName": "Acme", "thing": "it", "details": {}}
    for told_, seen in (("{}", "2 hours"), (json.dumps({**good, "size": 9}), "1 hour")):
        await world.superuser.execute(
            "INSERT INTO transfers (id, token_hash, bytes_sent, facts, started_at, seen_at)"
            f" VALUES (gen_random_uuid(), $1, 5, $2, now(), now() - interval '{seen}')",
            link["token_hash"],
            told_,
        )

    assert await transfers.audit_lost(world.database) == 2

    assert await world.superuser.fetchval("SELECT facts::text FROM transfers") == "{}"
    await world.superuser.execute("DELETE FROM transfers")
    (event,) = await told(world)
    assert event["summary"] == "Member downloaded 5 bytes of 9 of it"


async def test_a_server_that_ends_audits_what_it_cuts(world: World, path: str, serve: Command) -> None:
    reader, writer = await opened(serve.port, path)
    await reader.readexactly(MIB)

    serve.process.terminate()
    exit_code, _, _ = await asyncio.to_thread(serve.outcome)
    writer.close()

    assert exit_code == 0
    assert not await world.superuser.fetchval("SELECT count(*) FROM transfers")
    (event,) = await told(world)
    assert MIB - 1024 <= event["details"]["bytes"] < BIG
    assert event["details"]["complete"] is False


async def test_the_token_is_in_no_log(world: World, path: str, serve: Command) -> None:
    async with httpx.AsyncClient(
        verify=NO_AUTHORITIES, base_url=f"http://127.0.0.1:{serve.port}", timeout=30
    ) as http:
        assert (await http.get(path)).status_code == 200
        stored(world, f"{BIG:064x}").unlink()
        assert (await http.get(path)).status_code == 503
    await all_told(world)
    serve.process.terminate()
    _, out, err = serve.outcome()

    assert "storage_unavailable" in err
    assert path.removeprefix("/download/") not in out + err


async def test_a_large_file_takes_little_memory(world: World, themes: dict[str, str], serve: Command) -> None:
    license_id = await a_license(world, themes["aurora"])
    url = f"http://127.0.0.1:{serve.port}"
    await a_big_file(world, 4 * MIB)
    small = await a_link(world, license_id)
    await asyncio.to_thread(httpx.get, url + small, verify=NO_AUTHORITIES)
    await a_big_file(world, 300 * MIB)
    path = await a_link(world, license_id)
    processes = serve.processes()
    before = {pid: _resident(pid) for pid in processes}

    most, received = 0, 0
    async with (
        httpx.AsyncClient(verify=NO_AUTHORITIES, timeout=30) as http,
        http.stream("GET", url + path) as answer,
    ):
        async for piece in answer.aiter_raw(MIB):
            received += len(piece)
            if received % (20 * MIB) < len(piece):
                await asyncio.sleep(0.02)  # A client that is slower than the disk.
                most = max(most, *(_resident(pid) - before[pid] for pid in processes))

    assert received == 300 * MIB
    assert most < 30 * MIB, f"{most / MIB:.0f} MiB"
    await all_told(world)


def _resident(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
