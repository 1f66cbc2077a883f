"""The ordinary server: a well-written server with Strawberry, SQLModel's ORM and DataLoaders.

Parsed and validated documents are cached, and rows of one kind are loaded together.
"""

from typing import Any

import orjson
import strawberry
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.requests import Request
from starlette.responses import Response
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from bench.ordinary_context import Context, authenticate
from bench.ordinary_types import Query, Time, format_time
from bench.serving import POOL_SIZE, environment_url, serve

SCHEMA = strawberry.Schema(
    query=Query,
    extensions=[ParserCache, ValidationCache],
    config=StrawberryConfig(
        scalar_map={Time: strawberry.scalar(name="DateTime", serialize=format_time)},
    ),
)


class View(GraphQL[Context, None]):
    def __init__(self) -> None:
        super().__init__(SCHEMA)
        engine = create_async_engine(
            environment_url().replace("postgresql://", "postgresql+asyncpg://"),
            pool_size=POOL_SIZE,
            max_overflow=0,
            json_deserializer=orjson.loads,
            connect_args={"server_settings": {"application_name": "bench-ordinary", "jit": "off"}},
        )
        self._sessions = async_sessionmaker(engine, class_=AsyncSession, expire_on_commit=False)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return await authenticate(self._sessions, token) if scheme == "Bearer" else Context(self._sessions)

    def encode_json(self, data: Any) -> bytes:
        return orjson.dumps(data)


if __name__ == "__main__":
    serve("bench.ordinary:View", lifespan=False)
