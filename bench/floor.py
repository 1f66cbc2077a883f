"""The floor: a server without GraphQL. A bare ASGI callable that reads the credential with one statement and
the data with another one, both written by hand for the response. A check of a license has one statement, for
the license by its key, and a signature.

For `/json/members` PostgreSQL writes the JSON, for `/rows/members` Python builds it from rows, and so on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import asyncpg
import orjson

from bench import floor_json, floor_rows, floor_verify
from bench.serving import POOL_SIZE, environment_url, serve

LOOK_UP = """
    SELECT sessions.id AS session_id, users.id AS user_id, members.account_id, members.id AS member_id,
        members.role
    FROM sessions JOIN users ON users.id = sessions.user_id
    LEFT JOIN members ON members.user_id = users.id AND members.removed_at IS NULL
    WHERE sessions.token_hash = $1 AND sessions.ended_at IS NULL AND sessions.expires_at > now()"""
_SETTINGS = {"application_name": "bench-floor", "jit": "off"}
_HEADERS = [(b"content-type", b"application/json; charset=utf-8")]
_ABOUT_PERSON = "viewer"
_VERIFY = "/rows/verify"

Prepared = asyncpg.prepared_stmt.PreparedStatement
Answer = Callable[[Prepared, Any], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class _Way:
    """Handler of one path: a statement for a person or an account, and the function that builds the response
    from its result."""

    statement: str
    about: str
    answer: Answer


async def _of_json(statement: Prepared, id: Any) -> bytes:
    data: str = await statement.fetchval(id)
    return b'{"data":' + data.encode() + b"}"


def _of_rows(make: Callable[[list[asyncpg.Record]], Any]) -> Answer:
    async def answer(statement: Prepared, id: Any) -> bytes:
        return orjson.dumps({"data": make(await statement.fetch(id))}, option=orjson.OPT_UTC_Z)

    return answer


def _ways() -> dict[str, _Way]:
    ways = {}
    for name in ("viewer", "members", "licenses", "audit", "nested"):
        about = "user_id" if name == _ABOUT_PERSON else "account_id"
        statement, make = getattr(floor_rows, name.upper()), getattr(floor_rows, name)
        ways[f"/rows/{name}"] = _Way(statement, about, _of_rows(make))
        ways[f"/json/{name}"] = _Way(getattr(floor_json, name.upper()), about, _of_json)
    ways[_VERIFY] = _Way(floor_verify.STATEMENT, "key", floor_verify.answer)
    return ways


class Floor:
    def __init__(self) -> None:
        self._ways = _ways()
        # Keeps prepared statements. asyncpg's own pool takes 30 microseconds more per request.
        self._connections: asyncio.LifoQueue[tuple[Prepared, dict[str, Prepared]]] = asyncio.LifoQueue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        token = next((value[7:] for name, value in scope["headers"] if name == b"authorization"), b"")
        message = await receive()
        body = message["body"]
        while message["more_body"]:
            message = await receive()
            body += message["body"]
        status, body = await self._answer(scope["path"], token, body)
        await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str, token: bytes, body: bytes) -> tuple[int, bytes]:
        way = self._ways.get(path)
        if way is None:
            return 404, b"{}"
        look_up, statements = connection = await self._connections.get()
        try:
            if path == _VERIFY:
                return 200, await way.answer(statements[path], body)
            memberships = await look_up.fetch(sha256(token).digest())
            if len(memberships) != 1 or memberships[0]["role"] != "ADMIN":
                return 403, b"{}"
            return 200, await way.answer(statements[path], memberships[0][way.about])
        finally:
            self._connections.put_nowait(connection)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        opened = [await self._connect() for _ in range(POOL_SIZE)]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for connection in opened:
            await connection.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(environment_url(), server_settings=_SETTINGS)
        statements = {path: await connection.prepare(way.statement) for path, way in self._ways.items()}
        self._connections.put_nowait((await connection.prepare(LOOK_UP), statements))
        return connection


if __name__ == "__main__":
    serve("bench.floor:Floor")
