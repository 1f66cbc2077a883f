"""The clients of `docs/guide/partner-dashboards.md`, as the page has them, and a proxy that loses answers."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.guides import ROOT, blocks
from tests.support.serving import free_port

GUIDE = ROOT / "docs" / "guide" / "partner-dashboards.md"
LANGUAGES = ("python", "js")
FILES = {
    "python": ("team_access.py", "provision.py", "follow.py"),
    "js": ("team-access.mjs", "provision.mjs", "follow.mjs"),
}
CODE = {
    language: [block.text for block in blocks(GUIDE) if block.language == language] for language in LANGUAGES
}
# Isolated from the packages of the project, because the client is to need none.
_PROGRAMS = {"python": (sys.executable, "-S"), "js": ("node",)}
_SEND = {
    "python": """
import json, os, sys
from team_access import ApiError, Client
client = Client(os.environ["TEAM_ACCESS_URL"], os.environ["TEAM_ACCESS_KEY"], patience_seconds=10)
try:
    print(json.dumps(client.send(sys.argv[1], **json.loads(sys.argv[2]))))
except ApiError as error:
    print(json.dumps(error.code))
""",
    "js": """
import { ApiError, Client } from './team-access.mjs'
const [url, key] = [process.env.TEAM_ACCESS_URL, process.env.TEAM_ACCESS_KEY]
const client = new Client({ url, key, patienceSeconds: 10 })
try {
  console.log(JSON.stringify(await client.send(process.argv[2], JSON.parse(process.argv[3]))))
} catch (error) {
  if (!(error instanceof ApiError)) throw error
  console.log(JSON.stringify(error.code))
}
""",
}
_FOLLOW = {
    "python": """
import os, sys
from follow import follow
from team_access import Client
client = Client(os.environ["TEAM_ACCESS_URL"], os.environ["TEAM_ACCESS_KEY"])
for event in follow(client, sys.argv[1], int(sys.argv[2])):
    print(event["sequence"], event["action"], flush=True)
""",
    "js": """
import { follow } from './follow.mjs'
import { Client } from './team-access.mjs'
const client = new Client({ url: process.env.TEAM_ACCESS_URL, key: process.env.TEAM_ACCESS_KEY })
for await (const { sequence, action } of follow(client, process.argv[2], Number(process.argv[3]))) {
  console.log(sequence, action)
}
""",
}


@dataclass
class Script:
    """The page's files in a folder, run by a process each."""

    language: str
    folder: Path
    url: str
    key: str

    def __post_init__(self) -> None:
        if shutil.which(_PROGRAMS[self.language][0]) is None:
            pytest.skip(f"{_PROGRAMS[self.language][0]} is not installed: this client did not run")
        texts = [*CODE[self.language], _SEND[self.language], _FOLLOW[self.language]]
        ending = Path(self._files[0]).suffix
        for name, text in zip((*self._files, f"sends{ending}", f"follows{ending}"), texts, strict=True):
            (self.folder / name).write_text(text, encoding="utf-8")

    @property
    def _files(self) -> Sequence[str]:
        return FILES[self.language]

    async def provision(self, *sites: str, order: str = "order-1") -> tuple[int, list[str], str]:
        """Exit code, lines of the report, and what was written to standard error."""
        process = await self._start(self._files[1], order, "aurora")
        output, errors = await asyncio.wait_for(process.communicate("\n".join(sites).encode()), 60)
        assert process.returncode is not None
        return process.returncode, output.decode().splitlines(), errors.decode()

    async def send(self, document: str, **variables: Any) -> Any:
        """The data, or the code of the error."""
        process = await self._start(f"sends{Path(self._files[0]).suffix}", document, json.dumps(variables))
        output, errors = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, errors.decode()
        return json.loads(output)

    @asynccontextmanager
    async def following(self, account_id: str, after: int) -> AsyncIterator["asyncio.subprocess.Process"]:
        """A process that prints sequence and action of each event in a line."""
        process = await self._start(f"follows{Path(self._files[0]).suffix}", account_id, str(after))
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()

    async def _start(self, *arguments: str) -> "asyncio.subprocess.Process":
        environment = {"TEAM_ACCESS_URL": self.url, "TEAM_ACCESS_KEY": self.key, "NO_PROXY": "*"}
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(
            *_PROGRAMS[self.language],
            *arguments,
            cwd=self.folder,
            env=environment,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
        )


@dataclass
class LossyProxy:
    """Proxy that passes requests to the server and may lose the answer, after the server has acted. Each of
    `answers` is sent in place of one answer to a change: bytes, of which none cut the connection."""

    port: int
    http: httpx.AsyncClient
    answers: list[bytes] = field(default_factory=list)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    before_next: Callable[[], Awaitable[None]] | None = None
    """Called once, before the next request is passed on."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Cuts all connections."""
        for writer in self._open:
            writer.transport.abort()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._pass_on(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = {name.lower(): value for name, value in re.findall(r"(?m)^([\w-]+): *(.*?)\r$", head)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.bodies.append(json.loads(body))
        sent = {name: headers[name] for name in ("content-type", "accept", "authorization")}
        before, self.before_next = self.before_next, None
        if before is not None:
            await before()
        async with self.http.stream("POST", "/graphql", content=body, headers=sent) as response:
            self.statuses.append(response.status_code)
            if self.answers and b"mutation" in body:
                await response.aread()
                writer.write(self.answers.pop(0))
                return
            names = ("content-type", "retry-after")
            lines = [f"{name}: {response.headers[name]}" for name in names if name in response.headers]
            start = [f"HTTP/1.1 {response.status_code} -", *lines, "connection: close", "", ""]
            writer.write("\r\n".join(start).encode())
            async for piece in response.aiter_raw():
                writer.write(piece)
                await writer.drain()


@asynccontextmanager
async def lossy_proxy(http: httpx.AsyncClient) -> AsyncIterator[LossyProxy]:
    before = LossyProxy(free_port(), http)
    async with await asyncio.start_server(before.handle, "127.0.0.1", before.port):
        yield before
        before.cut()


def answer(status: int, code: str, **headers: str) -> bytes:
    """Answer of the API with an error."""
    body = json.dumps({"errors": [{"message": code, "extensions": {"code": code}}]}).encode()
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    head = [f"HTTP/1.1 {status} -", *lines, f"content-length: {len(body)}", "connection: close", "", ""]
    return "\r\n".join(head).encode() + body
