"""The clients of `docs/guide/verify-a-license.md`, as the page prints them, and a proxy before the server."""

import asyncio
import atexit
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.guides import ROOT, blocks
from tests.support.serving import free_port

GUIDE = ROOT / "docs" / "guide" / "verify-a-license.md"
CODE = {block.language: block.text for block in blocks(GUIDE)}
LANGUAGES = ("php", "js")
_PROGRAMS = {"php": "php", "js": "node"}
_FILE_NAMES = {"php": "LicenseCheck.php", "js": "license-check.mjs"}
_RUN_PHP = """
set_error_handler(fn ($level, $text) => error_reporting() & $level ? throw new ErrorException($text) : false);
require $argv[1];
while (($line = fgets(STDIN)) !== false) {
    [$input, $call] = json_decode($line, true);
    echo json_encode((new LicenseCheck(...$input))->check(...$call)), "\\n";
}
"""
_RUN_JS = """
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
const { LicenseCheck } = await import(process.argv[1])
for await (const line of createInterface(process.stdin)) {
  const [{ file, ...input }, call] = JSON.parse(line)
  const read = () => existsSync(file) ? JSON.parse(readFileSync(file)) : null
  const write = (state) => writeFileSync(file, JSON.stringify(state))
  console.log(JSON.stringify(await new LicenseCheck({ ...input, read, write }).check(call)))
}
"""


@dataclass
class Client:
    """A client on a site: what its theme passes, and its state in a file."""

    language: str
    folder: Path
    input: dict[str, Any]

    def __post_init__(self) -> None:
        if shutil.which(_PROGRAMS[self.language]) is None:
            pytest.skip(f"{_PROGRAMS[self.language]} is not installed: this client did not run")
        self.input["file"] = str(self.folder / "state.json")

    async def check(self, **call: Any) -> tuple[str, bool, str | None]:
        """Status, whether the theme may work, and the problem. A warning of PHP is an error."""
        process = _process(self.language)
        print(json.dumps([self.input, call]), file=process.stdin, flush=True)
        assert process.stdout is not None
        result = json.loads(await asyncio.to_thread(process.stdout.readline))
        return result["status"], result["isAllowed"], result["problem"]

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(Path(self.input["file"]).read_text(encoding="utf-8"))
        return state

    def set_state(self, **values: object) -> None:
        Path(self.input["file"]).write_text(json.dumps({**self.state, **values}), encoding="utf-8")


@cache
def _process(language: str) -> "subprocess.Popen[str]":
    """Process that makes one check a line. It ends with its standard input."""
    folder = tempfile.TemporaryDirectory(prefix="license-client-")
    atexit.register(folder.cleanup)
    code = Path(folder.name, _FILE_NAMES[language])
    code.write_text(CODE[language], encoding="utf-8")
    arguments = {
        "php": ("php", "-r", _RUN_PHP, "--", str(code)),
        "js": ("node", "--no-warnings", "--input-type=module", "-e", _RUN_JS, str(code)),
    }[language]
    return subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def has_intl() -> bool:
    """Whether PHP has the extension intl."""
    php = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True)
    return "intl" in php.stdout.split()


Edit = Callable[[dict[str, Any]], Any]
"""Makes another JSON of one, or bytes of a whole response."""


def unchanged(members: dict[str, Any]) -> Any:
    return members


@dataclass
class Proxy:
    """Proxy that may change a request's JSON and the answer's. `delay_seconds` is before each answer."""

    port: int
    http: httpx.AsyncClient
    request: Edit = unchanged
    answer: Edit = unchanged
    delay_seconds: float = 0
    paths: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, path, _ = head.split(" ", 2)
        self.paths.append(path)
        length = re.search(r"(?i)content-length: *(\d+)", head)
        body = json.loads(await reader.readexactly(int(length[1]))) if length else None
        await asyncio.sleep(self.delay_seconds)
        response = await self.http.request(method, path, json=body and self.request(body))
        answer = self.answer(response.json()) if path == "/licenses/verify" else response.json()
        writer.write(answer if isinstance(answer, bytes) else _http(response.status_code, answer))
        await writer.drain()
        writer.close()


def _http(status: int, answer: Mapping[str, Any]) -> bytes:
    body = json.dumps(answer).encode()
    return b"HTTP/1.1 %d -\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(body)) + body


@asynccontextmanager
async def proxy(http: httpx.AsyncClient) -> AsyncIterator[Proxy]:
    before = Proxy(free_port(), http)
    async with await asyncio.start_server(before.handle, "127.0.0.1", before.port):
        yield before
