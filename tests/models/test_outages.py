"""During an outage of the database requests get 503 with Retry-After, and the log stays short."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from engine import outages
from engine.outage_log import OutageLog
from models.notifications import ACCESS
from tests.processes.test_faults import account_held
from tests.support.changes import INVITE_ONE, UPDATE_ACCOUNT
from tests.support.database_proxy import DatabaseProxy, proxied
from tests.support.graphql_ws import Socket, connected
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.live import until
from tests.support.locks import until_waiting
from tests.support.serving import free_port, serving
from tests.support.world import Person, World
from web import authentication

ACCOUNT = "{ account { name } }"


@dataclass
class Stage:
    world: World
    proxy: DatabaseProxy
    http: httpx.AsyncClient

    @property
    def admin(self) -> Person:
        return Person(self.http, token=self.world.admin.token)

    async def ask(self, body: Any, **headers: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.admin.token}", **headers}
        return await self.http.post("/graphql", json=body, headers=headers)


@asynccontextmanager
async def served(world: World, **changes: Any) -> AsyncIterator[Stage]:
    assert world.settings.database_url is not None
    async with proxied(world.settings.database_url.get_secret_value()) as proxy:
        port = free_port()
        settings = world.settings.model_copy(
            update={"port": port, "database_url": SecretStr(proxy.url), **changes}
        )
        client = httpx.AsyncClient(verify=NO_AUTHORITIES, base_url=f"http://127.0.0.1:{port}", timeout=30)
        async with serving(settings), client as http:
            stage = Stage(world, proxy, http)
            await stage.admin.ask(ACCOUNT)
            yield stage


async def _stopped(stage: Stage) -> None:
    await stage.proxy.stop()


def _refusing(sqlstate: str, words: str) -> Callable[[Stage], Awaitable[None]]:
    async def refuse(stage: Stage) -> None:
        stage.proxy.refusal = sqlstate, words
        stage.proxy.cut()

    return refuse


@dataclass(frozen=True)
class Outage:
    begin: Callable[[Stage], Awaitable[None]]
    reason: str = "The database cannot be reached."
    """What /readyz says."""


OUTAGES = {
    "nobody listens": Outage(_stopped),
    "it starts": Outage(
        _refusing("57P03", "the database system is starting up"), "The database is starting or shutting down."
    ),
    "it ends": Outage(
        _refusing("57P01", "terminating connection due to administrator command"),
        "The database is starting or shutting down.",
    ),
    "too many connections": Outage(
        _refusing("53300", "sorry, too many clients already"), "The database has no free connection."
    ),
    "the password was changed": Outage(
        _refusing("28P01", "password authentication failed"),
        "The database refuses the role or the password in DATABASE_URL.",
    ),
}


async def _is_back(stage: Stage) -> None:
    stage.proxy.refusal = None
    await stage.proxy.start()


def assert_unavailable(response: httpx.Response, error: dict[str, Any]) -> None:
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert error.get("extensions", error)["code"] == "UNAVAILABLE"
    assert "ry again" in error["message"]


@pytest.mark.parametrize("outage", OUTAGES)
async def test_every_request_is_answered_503_until_the_database_is_back(world: World, outage: str) -> None:
    async with served(world) as stage:
        await OUTAGES[outage].begin(stage)

        for accept in ("application/json", "application/graphql-response+json"):
            for document in (ACCOUNT, "{ viewer { user { name } } }", "{ __typename }"):
                response = await stage.ask({"query": document}, accept=accept)
                assert_unavailable(response, response.json()["errors"][0])
                assert "data" not in response.json()
        response = await stage.ask([{"query": ACCOUNT}, {"query": ACCOUNT}])
        assert_unavailable(response, response.json()["errors"][0])
        cookie = f"{world.settings.session_cookie}={world.admin.token}"
        page = await stage.http.get("/graphql", headers={"accept": "text/html", "cookie": cookie})
        assert page.status_code == 503
        assert page.headers["content-type"].startswith("text/html")
        assert int(page.headers["retry-after"]) > 0
        for path in ("/join/x", "/claim/x", "/sign-in/x", "/download/x"):
            page = await stage.http.get(path, headers={"accept": "text/html"})
            assert page.status_code == 503
            assert page.headers["content-type"].startswith("text/html")
            assert int(page.headers["retry-after"]) > 0
            response = await stage.http.get(path, headers={"accept": "application/json"})
            assert_unavailable(response, response.json()["error"])
        leaked = [{"token": "ta_H1cuYqEtCxUNtZEW-2bpw_8ZCOkGlJIWDmQ-71k3ZLsAbRzSA"}]
        response = await stage.http.post("/leaked-keys", json=leaked)
        assert_unavailable(response, response.json()["error"])
        assert (await stage.http.get("/health")).status_code == 503
        assert (await stage.http.get("/livez")).status_code == 200
        ready = await stage.http.get("/readyz")
        assert ready.status_code == 503
        assert ready.json()["checks"] == {
            "database": OUTAGES[outage].reason,
            "tables": "The version of the tables is not known while the database cannot be used.",
            "shutdown": None,
        }

        await _is_back(stage)
        assert (await stage.ask({"query": ACCOUNT})).json()["data"]["account"]["name"] == "Acme"


async def test_an_operation_on_an_open_socket_gets_its_error_and_the_socket_stays(world: World) -> None:
    async with served(world) as stage, connected(str(stage.http.base_url), world.admin.token) as socket:
        await _first(socket, "next")  # By then the socket's credential was looked up again.
        await _stopped(stage)
        error = await _first(socket, "error")
        await _is_back(stage)

        assert error["payload"][0]["extensions"]["code"] == "UNAVAILABLE"
        assert "ry again" in error["payload"][0]["message"]
        assert (await _first(socket, "next"))["payload"]["data"]["account"]["name"] == "Acme"


async def _first(socket: Socket, kind: str) -> dict[str, Any]:
    """The first message of that kind; the next one of the same operation is left."""
    async with asyncio.timeout(20):
        while True:
            message = await (await socket.subscribe(ACCOUNT)).message()
            if message["type"] == kind:
                return message


async def test_a_change_whose_connection_is_lost_is_answered_503(world: World) -> None:
    input = {"accountId": world.account_id, "email": "bob@example.com", "role": "VIEWER"}
    async with served(world) as stage, account_held(world):
        change = asyncio.create_task(stage.ask({"query": INVITE_ONE, "variables": {"input": input}}))
        await until_waiting(world.superuser)
        stage.proxy.cut()
        response = await change

    assert_unavailable(response, response.json()["errors"][0])
    assert "it may have been made" in response.json()["errors"][0]["message"]


async def test_readers_who_find_no_connection_free_are_answered_503(world: World) -> None:
    async with served(world, database_pool_size=1) as stage:
        async with world.superuser.transaction():
            await world.superuser.execute("LOCK TABLE licenses IN ACCESS EXCLUSIVE MODE")
            holds_it = asyncio.create_task(stage.ask({"query": "{ account { licenses { totalCount } } }"}))
            await until_waiting(world.superuser)
            response = await stage.ask({"query": ACCOUNT})
            # It is interrupted for others twice.
            while "errors" not in response.json():
                response = await stage.ask({"query": ACCOUNT})
        await holds_it

    assert_unavailable(response, response.json()["errors"][0])


async def test_an_outage_is_one_line_of_the_log(
    world: World, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "_LOG", OutageLog())
    async with served(world) as stage:
        await _stopped(stage)

        await asyncio.gather(*(stage.ask({"query": ACCOUNT}) for _ in range(100)))
        await asyncio.gather(*(stage.http.get("/join/x") for _ in range(100)))

    written = capfd.readouterr().err
    assert written.count("database_unavailable") == 1
    assert len(written.splitlines()) == 1


async def test_a_lost_connection_does_not_slow_down_the_operations_that_met_it(
    world: World, capfd: pytest.CaptureFixture[str]
) -> None:
    document = {"query": "{ account { invitations { nodes { email } } } }"}
    async with served(world) as stage:

        def cut_once(asked: bytes) -> None:
            if b"FROM invitations" in asked:
                stage.proxy.when_asked = lambda _asked: None
                stage.proxy.cut()

        stage.proxy.when_asked = cut_once
        answers = [(await stage.ask(document)).json()["data"] for _ in range(2)]

    assert answers[0] == answers[1]
    assert answers[0]["account"]["invitations"]["nodes"]
    assert "fast_path_failed" not in capfd.readouterr().err


async def test_an_announcement_that_is_lost_loses_no_change(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "_LOG", OutageLog())
    lost = asyncio.Event()
    async with served(world) as stage:

        def cut_once(asked: bytes) -> None:
            if b"pg_notify($1, each)" in asked and not lost.is_set():
                lost.set()
                stage.proxy.cut()

        stage.proxy.when_asked = cut_once
        input = {"accountId": world.account_id, "name": "New"}
        changed = await stage.ask({"query": UPDATE_ACCOUNT, "variables": {"input": input}})
        await asyncio.wait_for(lost.wait(), 10)
        found = await stage.ask({"query": ACCOUNT})

    assert changed.json()["data"]["updateAccount"]["account"]["name"] == "New"
    assert found.json()["data"]["account"]["name"] == "New"


async def test_a_websocket_outlives_a_credential_that_cannot_be_looked_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "_RETRY_SECONDS", 0.05)
    lost = 0

    def lose(_asked: bytes) -> None:
        nonlocal lost
        lost += 1
        raise ConnectionResetError

    async with served(world) as stage, connected(str(stage.http.base_url), stage.admin.token) as socket:
        await asyncio.sleep(0.3)  # Until the listener has looked, and waits.
        stage.proxy.when_asked = lose
        await world.superuser.execute("SELECT pg_notify($1, id::text) FROM sessions", ACCESS)
        await until(lambda: lost > 2)
        stage.proxy.when_asked = lambda _asked: None

        answered = await (await socket.subscribe(ACCOUNT)).next()
        assert answered["name"]
        await world.admin.ask("mutation { signOut { userErrors { code } } }")
        assert (await socket.closed())[0] == 4403
