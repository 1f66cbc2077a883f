"""Secrets of links, cookies and headers are in no log and no table."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio
import websockets

from models.database import Database
from settings import Settings
from tests.invitations.test_invitations import invite
from tests.support.changes import INVITE_MANY, RESEND, ROTATE_API_KEY
from tests.support.forked_commands import ROOT, ForkedCommand
from tests.support.http_clients import loopback_client
from tests.support.links import emailed_link, session_of
from tests.support.serving import free_port, listening
from tests.support.smtp import smtp_server
from tests.support.world import ACCEPT, CLAIM_API_KEY, GENERATE_API_KEY, SIGN_IN, Person, World

HEADERS_OF_NO_SESSION = ("Bearer {}", "Basic {}", "{}", "Bearer  {} {}")


@contextmanager
def command(folder: Path, name: str, *arguments: str, **settings: str) -> Iterator[Path]:
    """`team-access`, talkative as it can be; where its output is."""
    output = folder / f"{name}.log"
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": "json",
        **settings,
    }
    with output.open("ab") as log:
        process = ForkedCommand(folder, arguments, environment, output=log.fileno())
        try:
            yield output
        finally:
            process.terminate()
            process.wait(20)


@pytest_asyncio.fixture
async def served(
    database_url: str, database: Database, superuser: asyncpg.Connection, tmp_path: Path
) -> AsyncIterator[World]:
    """By a process of its own, without a worker: emails stay where the test can read them."""
    port = free_port()
    settings = Settings(_env_file=None, port=port, data_dir=tmp_path / "data")
    with command(
        tmp_path, "serve", "serve", "--no-worker", DATABASE_URL=database_url, PORT=str(port),
        DATA_DIR=str(tmp_path / "data"), SMTP_URL="smtp://127.0.0.1:1",
    ):  # fmt: skip
        await listening(port)
        async with loopback_client(f"http://127.0.0.1:{port}") as http:
            yield World(http, settings, database, superuser)


async def test_no_secret_is_in_a_log_or_in_a_table(served: World, database_url: str, tmp_path: Path) -> None:
    secrets = [*await _sign_in(served), *await _invite_and_join(served), *await _generate_and_claim(served)]
    await _go_wrong(served, secrets)
    secrets.append(await _fail(served))
    await _fail_to_deliver(served, database_url, tmp_path)

    assert len(set(secrets)) > 10
    postgresql = Path(await served.superuser.fetchval("SHOW data_directory")).parent
    logs = {path.name: path.read_text() for path in [*tmp_path.glob("*.log"), postgresql / "log"]}  # noqa: ASYNC240
    logs |= await _tables(served.superuser)
    # That it would have been seen: what is no secret is there.
    assert "page_failed" in logs["serve.log"]
    assert "operation_failed" in logs["serve.log"]
    assert "Application callable raised" not in logs["serve.log"]
    assert "admin@example.com" in logs["users"]
    for name, content in logs.items():
        for secret in secrets:
            assert secret[:20] not in content, (name, _around(content, secret[:20]))


async def _sign_in(world: World) -> list[str]:
    world.people["ADMIN"] = await world.found()
    by_page = await emailed_link(world, "admin@example.com")
    answer = await world.http.post(f"/sign-in/{by_page}")
    cookie = str(session_of(answer, world).token)
    await world.http.get("/graphql", headers={"accept": "text/html", "cookie": f"ta_session={cookie}"})
    used = await emailed_link(world, "admin@example.com")
    for _ in range(2):
        await world.nobody.change(SIGN_IN, token=used)
    assert (await world.http.get(f"/sign-in/{used}")).status_code == 410
    return [str(world.admin.token), by_page, cookie, used, await world.token_for("admin@example.com")]


async def _invite_and_join(world: World) -> list[str]:
    payload = await invite(world, idempotencyKey="once")
    first = await world.token_for("bob@example.com")
    await invite(world, idempotencyKey="once")
    await world.admin.change(RESEND, invitationId=payload["invitation"]["id"])
    secrets = [first, await world.token_for("bob@example.com")]
    rows = [{"email": f"{name}@example.com", "role": "VIEWER"} for name in ("cy", "dora", "eve")]
    await world.admin.change(INVITE_MANY, accountId=world.account_id, invitations=rows)
    secrets += [await world.token_for(row["email"]) for row in rows]
    for secret in secrets:
        assert (await world.http.get(f"/join/{secret}")).status_code in (200, 404)
        await world.http.post(f"/join/{secret}", headers={"cookie": f"ta_session={world.admin.token}"})
    await world.http.post(f"/join/{secrets[2]}/decline")
    joined = await world.http.post(f"/join/{secrets[1]}")
    accepted = await world.nobody.change(ACCEPT, token=secrets[3], name="Dora")
    await world.nobody.change(ACCEPT, token=secrets[3])
    return [*secrets, str(session_of(joined, world).token), str(accepted["sessionToken"])]


async def _generate_and_claim(world: World) -> list[str]:
    """And rotate, use and report as leaked, with the key in each place that a scanner may name."""
    bob = {"accountId": world.account_id, "memberId": await _member_id(world, "bob@example.com")}
    links = []
    for name in ("by page", "by API"):
        await world.admin.change(GENERATE_API_KEY, **bob, name=name, idempotencyKey=name)
        links.append(await world.token_for("bob@example.com"))
    page = await world.http.post(f"/claim/{links[0]}")
    claimed = await world.nobody.change(CLAIM_API_KEY, token=links[1])
    await world.nobody.change(CLAIM_API_KEY, token=links[1])
    own = await world.admin.change(GENERATE_API_KEY, accountId=world.account_id, name="own")
    rotated = await world.admin.change(ROTATE_API_KEY, apiKeyId=own["apiKey"]["id"], overlapSeconds=60)
    keys = [
        *re.findall("ta_[A-Za-z0-9_-]{49}", page.text),
        claimed["secret"],
        own["secret"],
        rotated["secret"],
    ]
    assert len({key for key in keys if key}) == 4
    for key in keys:
        await Person(world.http, token=key).post("{ viewer { user { id } } }")
    findings = [{"token": key, "url": f"https://x.example/?{key}", "source": key} for key in keys]
    await world.http.post("/leaked-keys", json=findings)
    await world.http.post("/leaked-keys", content=f"[{findings}")
    return [*links, *keys]


async def _member_id(world: World, email: str) -> str:
    id = await world.superuser.fetchval("SELECT id FROM members WHERE email = $1", email)
    return f"member_{id.hex}"


async def _go_wrong(world: World, secrets: list[str]) -> None:
    """As clients do that are mistaken: secrets where they do not belong."""
    for secret in secrets:
        for path in (
            f"/join/{secret}/x",
            f"/nothing/{secret}",
            f"/sign-in/{secret}%00",
            f"/?t={secret}",
            f"/claim/{secret}x",
        ):
            await world.http.get(path)
        for header in HEADERS_OF_NO_SESSION:
            headers = {"authorization": header.format(secret, secret)}
            await world.http.post("/graphql", json={"query": "{ viewer { user { id } } }"}, headers=headers)
        for document in (
            f'mutation {{ signIn(input: {{ token: "{secret}" }}) {{',
            f'mutation {{ signIn(input: {{ token: "{secret}", no: 1 }}) {{ viewer {{ user {{ id }} }} }} }}',
            f"mutation {{ signIn(input: {{ token: {secret} }}) {{ viewer {{ user {{ id }} }} }} }}",
            f'{{ node(id: "{secret}") {{ id }} }}',
            f'mutation {{ claimApiKey(input: {{ token: "{secret}" }}) {{ secret userErrors {{ code }} }} }}',
        ):
            await world.nobody.post(document)
        await world.nobody.post(SIGN_IN, input=[secret])
    await _connect(world, secrets[0])


async def _connect(world: World, token: str) -> None:
    url = world.settings.public_url.replace("http", "ws") + "/graphql"
    for secret in (token, token[::-1]):
        async with websockets.connect(url, subprotocols=["graphql-transport-ws"]) as socket:  # type: ignore[list-item]
            await socket.send(
                f'{{"type": "connection_init", "payload": {{"Authorization": "Bearer {secret}"}}}}'
            )
            with suppress(websockets.ConnectionClosed):
                await socket.recv()


async def _fail(world: World) -> str:
    """The tables that tokens and emails go to are gone for a moment: these are failures of ours.

    Answers with the token that was used meanwhile."""
    link = await emailed_link(world, "admin@example.com")
    for table in ("sign_in_links", "pgqueuer", "sessions", "invitations", "api_keys"):
        await world.superuser.execute(f"ALTER TABLE {table} RENAME TO gone")
        try:
            answers: list[Any] = [
                await world.http.post(f"/sign-in/{link}"),
                await world.http.post("/sign-in", data={"email": "admin@example.com"}),
                await world.http.get(f"/join/{link}", headers={"cookie": f"ta_session={world.admin.token}"}),
                await world.http.post(f"/claim/{link}"),
                await world.http.post("/leaked-keys", json=[{"token": f"ta_{link}"}]),
            ]
            await world.nobody.post(SIGN_IN, input={"token": link})
            await invite_or_fail(world)
        finally:
            await world.superuser.execute(f"ALTER TABLE gone RENAME TO {table}")
        assert 500 in [answer.status_code for answer in answers]
    return link


async def invite_or_fail(world: World) -> None:
    fields = {"accountId": world.account_id, "email": "fay@example.com", "role": "VIEWER"}
    await world.admin.post(
        "mutation ($input: InviteMemberInput!) { inviteMember(input: $input) { userErrors { code } } }",
        input=fields,
    )


async def _fail_to_deliver(world: World, database_url: str, folder: Path) -> None:
    """One server is down, the next one disliked what it was sent, and says what."""
    quoting = [f"554 5.7.1 Spam: {email.text[:400]}".replace("\n", " ") for email in await world.emails()]
    async with smtp_server({"DATA": quoting}) as smtp:
        for port in (free_port(), smtp.port):
            url = f"smtp://127.0.0.1:{port}"
            with command(folder, "worker", "worker", DATABASE_URL=database_url, SMTP_URL=url) as output:
                await _wait_for("email_rejected" if port == smtp.port else "email_deferred", output)
                if port == smtp.port:
                    await _delivered(world)


async def _wait_for(word: str, output: Path) -> None:
    deadline = time.monotonic() + 20
    while word not in (written := await asyncio.to_thread(output.read_text)):
        assert time.monotonic() < deadline, written
        await asyncio.sleep(0.05)


async def _delivered(world: World) -> None:
    deadline = time.monotonic() + 30
    while await world.emails():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def _tables(superuser: asyncpg.Connection) -> dict[str, str]:
    names = await superuser.fetch(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace"
    )
    return {
        name: "\n".join(row[0] for row in await superuser.fetch(f"SELECT each::text FROM {name} AS each"))
        for (name,) in names
    }


def _around(content: str, secret: str) -> str:
    at = content.index(secret)
    return re.sub(re.escape(secret), "<the secret>", content[max(0, at - 200) : at + 200])
