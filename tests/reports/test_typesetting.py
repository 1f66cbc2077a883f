"""PDFs are typeset by processes with limits, in turns, which end with the request."""

import asyncio
import fcntl
import gc
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import httpx
import pytest

from engine.fair_share import Claim
from models.columns import now
from resolvers import typesetting
from resolvers.typesetting import DocumentTooLarge, TypesettingFailed
from tests.downloads.test_transfers import folder, serve
from tests.support.commands import Command, alive, wait_until_gone
from tests.support.documents import pages, report, report_link, told
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.live import until
from tests.support.many_events import more_events
from tests.support.world import World

__all__ = ["folder", "serve"]
MIB = 1 << 20
_THIS = frozenset([os.getpid()])
"""The server that runs in the process of the tests."""
# A second after another from then on: so many rows of `more_events`.
PERIOD: dict[str, Any] = {"from": "2101-01-01T00:00:00Z", "until": "2101-01-01T01:21:40Z"}


def typesetters(server: frozenset[int] = _THIS) -> set[int]:
    """Processes that typeset for the processes of this server."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"typesetter.py" in command and parent in server:
            found.add(int(process.name))
    return found


async def long_report(world: World) -> str:
    """Link to a report whose process is seen before it ends, however rarely it is looked for."""
    await more_events(world, 4_000)
    return await report_link(world, "AUDIT_LOG", "PDF", **PERIOD)


async def one_more_than(before: set[int], server: frozenset[int] = _THIS) -> int:
    async with asyncio.timeout(60):
        while not (more := typesetters(server) - before):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return more.pop()


async def is_limited(pid: int) -> None:
    """It has read its job, and knows whom to end with."""
    async with asyncio.timeout(60):
        while str(typesetting.MEMORY_BYTES) not in _limits(pid):  # noqa: ASYNC110
            await asyncio.sleep(0.001)


def _limits(pid: int) -> str:
    return Path(f"/proc/{pid}/limits").read_text()


@contextmanager
def all_places_taken() -> Iterator[None]:
    files = [os.open(path, os.O_RDONLY) for path in typesetting._PLACES]
    for file in files:
        fcntl.flock(file, fcntl.LOCK_EX)
    try:
        yield
    finally:
        for file in files:
            os.close(file)


async def test_the_server_keeps_nothing_of_its_pdfs(world: World, serve: Command) -> None:
    await more_events(world, 600)  # A server that typesets them itself grows by 200 MiB.
    paths = [await report_link(world, "AUDIT_LOG", "PDF", **PERIOD) for _ in range(4)]
    url = f"http://127.0.0.1:{serve.port}"
    resident = []

    for path in paths:
        answer = await asyncio.to_thread(httpx.get, url + path, timeout=120)
        assert answer.status_code == 200
        resident.append(sum(_resident(pid) for pid in serve.processes()))

    assert resident[-1] - resident[0] < 60 * MIB


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize(("name", "value"), [("MEMORY_BYTES", 350 * MIB), ("SECONDS", 1)])
async def test_a_pdf_that_takes_too_much_is_refused(
    world: World, name: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, name, value)
    await more_events(world, 4_900)
    before = typesetters()

    plain = await world.http.get(await report_link(world, "AUDIT_LOG", "PDF", **PERIOD), timeout=60)

    assert (plain.status_code, plain.json()["error"]["code"]) == (413, "TOO_LARGE")
    assert "CSV" in plain.json()["error"]["message"]
    assert typesetters() - before == set()
    assert await world.events(actions=["REPORT_DOWNLOADED"]) == []
    assert (await report(world, "TEAM", "PDF")).startswith(b"%PDF")


async def test_a_killed_one_is_an_error_and_the_next_one_goes_well(world: World) -> None:
    before, long = typesetters(), await long_report(world)
    answer = asyncio.create_task(world.http.get(long))
    os.kill(await one_more_than(before), signal.SIGKILL)

    assert (await answer).status_code == 413
    assert (await world.http.get(await report_link(world, "TEAM", "PDF"))).status_code == 200
    assert (await told(world, "REPORT_DOWNLOADED"))["details"]["complete"] is True


async def test_who_waits_too_long_is_told_when_to_come_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "_WAITING_SECONDS", 0.2)
    path = await report_link(world, "TEAM", "PDF")

    with all_places_taken():
        refused = await world.http.get(path)

    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) > 0
    assert (await world.http.get(path)).status_code == 200


async def test_no_more_wait_than_may(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "_MOST_WAITING", 2)
    path = await report_link(world, "TEAM", "PDF")

    with all_places_taken():
        waiting = [asyncio.create_task(world.http.get(path)) for _ in range(3)]
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    answers = await asyncio.gather(*waiting)

    assert [answer.result().status_code for answer in done] == [503]
    assert sorted(answer.status_code for answer in answers) == [200, 200, 503]


async def test_an_account_that_wants_many_leaves_others_their_turn(world: World) -> None:
    path = await report_link(world, "TEAM", "PDF")
    other = World(world.http, world.settings, world.database, world.superuser)
    other.people["ADMIN"] = await other.found("Other", "other@example.com")
    others = await report_link(other, "TEAM", "PDF")

    with all_places_taken():
        waiting = [asyncio.create_task(world.http.get(path)) for _ in range(110)]
        done: set[asyncio.Task[httpx.Response]] = set()
        while len(done) < 100:
            done, _ = await asyncio.wait(waiting, timeout=0.05)
        wanted = asyncio.create_task(world.http.get(others))
        done, _ = await asyncio.wait([wanted], timeout=0.5)
    answers = [await each for each in waiting]

    assert done == set()
    assert (await wanted).status_code == 200
    assert [answer.status_code for answer in answers].count(200) == 10


async def test_accounts_of_one_person_have_no_more_turns_than_one(world: World) -> None:
    path, same = await report_link(world, "TEAM", "PDF"), await second_account(world)
    others = World(world.http, world.settings, world.database, world.superuser)
    others.people["ADMIN"] = await others.found("Other", "other@example.com")
    path_of_others = await report_link(others, "TEAM", "PDF")

    with all_places_taken():
        waiting = [asyncio.create_task(world.http.get(path)) for _ in range(10)]
        await until(lambda: typesetting._QUEUE._count == len(waiting))
        refused = await world.http.get(same)
        wanted = asyncio.create_task(world.http.get(path_of_others))
        await asyncio.wait([wanted], timeout=0.5)

    assert refused.status_code == 503
    assert (await wanted).status_code == 200
    assert [(await each).status_code for each in waiting] == [200] * 10
    await until_audited(world)


async def test_one_person_has_one_place(world: World) -> None:
    before, path, same = typesetters(), await report_link(world, "TEAM", "PDF"), await second_account(world)
    held = asyncio.create_task(world.http.get(path))
    pid = await one_more_than(before)
    os.kill(pid, signal.SIGSTOP)

    second = asyncio.create_task(world.http.get(same))
    done, _ = await asyncio.wait([second], timeout=2)

    os.kill(pid, signal.SIGCONT)
    assert done == set()
    assert [(await each).status_code for each in (held, second)] == [200, 200]
    await until_audited(world)


async def until_audited(world: World) -> None:
    """Until the downloads have their events."""
    async with asyncio.timeout(20):
        while await world.superuser.fetchval("SELECT count(*) FROM transfers"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def second_account(world: World) -> str:
    """The link to a report of another account of the same Admin."""
    same = World(world.http, world.settings, world.database, world.superuser)
    same.people["ADMIN"] = await same.found("Second", world.admin.email)
    return await report_link(same, "TEAM", "PDF")


async def test_who_waits_holds_no_rows(world: World) -> None:
    path = await report_link(world, "TEAM", "PDF")

    with all_places_taken():
        answers = [asyncio.create_task(world.http.get(path)) for _ in range(2)]
        await asyncio.wait(answers, timeout=0.5)
        await world.join("VIEWER", "later@example.com")

    texts = [" ".join(pages((await each).content)) for each in answers]
    assert sorted("later" in text for text in texts) == [False, True]


async def test_it_ends_with_the_download_that_wants_it(world: World) -> None:
    loop, unhandled = asyncio.get_running_loop(), list[Any]()
    loop.set_exception_handler(lambda _loop, context: unhandled.append(context))
    before, long = typesetters(), await long_report(world)
    async with httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=world.http.base_url, timeout=60) as http:
        answer = asyncio.create_task(http.get(long))
        pid = await one_more_than(before)
        os.kill(pid, signal.SIGSTOP)  # Never done by itself.
        answer.cancel()
        await asyncio.wait([answer])

    async with asyncio.timeout(10):
        while alive({pid}):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (await world.http.get(await report_link(world, "TEAM", "PDF"))).status_code == 200
    gc.collect()
    loop.set_exception_handler(None)
    assert unhandled == []


async def test_it_ends_with_its_server(world: World, serve: Command) -> None:
    path, server = await long_report(world), frozenset(serve.processes())
    async with httpx.AsyncClient(verify=NO_AUTHORITIES, timeout=60) as http:
        answer = asyncio.create_task(http.get(f"http://127.0.0.1:{serve.port}{path}"))
        pid = await one_more_than(set(), server)
        await is_limited(pid)
        os.kill(pid, signal.SIGSTOP)
        serve.process.kill()
        await asyncio.wait([answer])

    wait_until_gone({pid})


async def test_a_process_with_much_to_do_leaves_places_to_the_others() -> None:
    async def busy() -> None:
        while True:
            async with typesetting._place(monotonic() + 20):
                await asyncio.sleep(0.02)

    tasks = [asyncio.create_task(busy()) for _ in range(4)]
    await asyncio.sleep(0.1)

    for path in typesetting._PLACES:
        await _locked_by_another(path)

    for task in tasks:
        task.cancel()


async def _locked_by_another(path: Path) -> None:
    """As a process looks for a place."""
    file = os.open(path, os.O_RDONLY)
    async with asyncio.timeout(30):
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(typesetting._LOOKING_SECONDS)
    os.close(file)


def test_one_that_is_called_off_before_it_has_begun_is_ended_at_once() -> None:
    with all_places_taken():
        place = os.open(typesetting._PLACES[0], os.O_RDONLY)
        process = typesetting._Process("report.typ", now(), place)
        process.end()

        with pytest.raises(DocumentTooLarge, match="was ended"):
            process.run({})
    os.close(place)


async def test_a_template_with_an_error_is_no_document_that_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(typesetting, "_TEMPLATES", tmp_path)
    (tmp_path / "broken.typ").write_text('#panic("stop here")')

    async def nothing() -> dict[str, Any]:
        return {}

    with pytest.raises(TypesettingFailed, match=r"(?s)^broken\.typ was not set: .*stop here"):
        await typesetting.typeset("broken.typ", nothing, now(), Claim(uuid4()))
