"""The floor: what is left if there is no GraphQL. A bare ASGI callable that looks up who asks, in one
statement, and answers by one more, written for this very answer.

`/json/members` has its JSON from PostgreSQL, `/rows/members` makes it of rows, and so on.
"""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

import asyncpg
import orjson

from bench import floor_json, floor_rows
from bench.serving import POOL_SIZE, environment_url, serve

LOOK_UP = """
    SELECT sessions.id AS session_id, users.id AS user_id, members.account_id, members.id AS member_id,
        members.role
    FROM sessions JOIN users ON users.id = sessions.user_id
    LEFT JOIN members ON members.user_id = users.id AND members.removed_at IS NULL
    WHERE sessions.token_hash = $1 AND sessions.ended_at IS NULL AND sessions.expires_at > now()"""
_HEADERS = [(b"content-type", b"application/json; charset=utf-8")]

Answer = Callable[[asyncpg.Connection, asyncpg.Record], Awaitable[bytes]]


def _of_json(statement: str, key: str) -> Answer:
    async def answer(connection: asyncpg.Connection, who: asyncpg.Record) -> bytes:
        data: str = await connection.fetchval(statement, who[key])
        return b'{"data":' + data.encode() + b"}"

    return answer


def _of_rows(statement: str, key: str, make: Callable[[list[asyncpg.Record]], Any]) -> Answer:
    async def answer(connection: asyncpg.Connection, who: asyncpg.Record) -> bytes:
        data = make(await connection.fetch(statement, who[key]))
        return orjson.dumps({"data": data}, option=orjson.OPT_UTC_Z)

    return answer


_ANSWERS: dict[str, Answer] = {}
for _name, _key in (
    ("viewer", "user_id"),
    ("members", "account_id"),
    ("licenses", "account_id"),
    ("audit", "account_id"),
    ("nested", "account_id"),
):
    _ANSWERS[f"/json/{_name}"] = _of_json(getattr(floor_json, _name.upper()), _key)
    _ANSWERS[f"/rows/{_name}"] = _of_rows(
        getattr(floor_rows, _name.upper()), _key, getattr(floor_rows, _name)
    )


class Floor:
    def __init__(self) -> None:
        self._pool: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        token = next((value[7:] for name, value in scope["headers"] if name == b"authorization"), b"")
        while (await receive()).get("more_body"):
            pass
        status, body = await self._answer(scope["path"], token)
        await send({"type": "http.response.start", "status": status, "headers": _HEADERS})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, path: str, token: bytes) -> tuple[int, bytes]:
        async with self._pool.acquire() as connection:
            memberships = await connection.fetch(LOOK_UP, sha256(token).digest())
            if len(memberships) != 1 or memberships[0]["role"] != "ADMIN":
                return 403, b"{}"
            return 200, await _ANSWERS[path](connection, memberships[0])

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        self._pool = await asyncpg.create_pool(
            environment_url(),
            min_size=POOL_SIZE,
            max_size=POOL_SIZE,
            reset=_nothing,  # Nothing is changed on a connection, so that it needs no statement to be reset.
            server_settings={"application_name": "bench-floor", "jit": "off"},
        )
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._pool.close()
        await send({"type": "lifespan.shutdown.complete"})


async def _nothing(_connection: object) -> None:
    pass


if __name__ == "__main__":
    serve("bench.floor:Floor")
