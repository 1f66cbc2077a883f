"""Load generator for all servers: wrk with one thread and 16 connections."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from secrets import choice
from string import ascii_lowercase

from bench.data import READER_TOKEN, WRITERS
from bench.operations import Operation

CONNECTIONS = 16
_SCRIPT = Path(__file__).with_name("wrk.lua")
_MARKER = "uniquesitenumber"  # As in the script.


@dataclass(frozen=True, slots=True)
class Measured:
    """Result for one operation on one server."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    failed: int
    """Number of requests without a response, with a status other than 200, or, if checked, with errors."""
    wire_bytes: float = 0
    """Average size of a response with its headers."""


def find_wrk() -> str | None:
    return shutil.which("wrk")


def body_of(operation: Operation, account_id: str = "", site: str = "") -> bytes:
    if operation.path:
        return json.dumps(operation.bodies()[0]).encode()
    asked: dict[str, object] = {"query": " ".join(operation.query.split())}
    if operation.is_change:
        asked["variables"] = {"input": {"accountId": account_id, **operation.input(site)}}
    return json.dumps(asked).encode()


def run(
    operation: Operation,
    url: str,
    seconds: int,
    folder: Path,
    *,
    checked: bool,
    token: str = READER_TOKEN,
    connections: int = CONNECTIONS,
) -> Measured:
    """Runs the load. `checked` parses each response of a read, which takes time of the generator; responses
    of changes are always parsed. `token` is the session of the reads."""
    letters = "".join(choice(ascii_lowercase) for _ in range(6))
    check = "checked" if checked or operation.is_change else "-"
    wanted = 'userErrors":[]' if operation.is_change else "VALID" if operation.path else "data"
    command = ["wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "10s", "--script", str(_SCRIPT), url, "--"]
    command += [str(_requests(operation, folder, token)), letters, check, wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)  # noqa: S603
    found = json.loads(done.stdout.splitlines()[-1])
    return Measured(
        requests_per_second=found["requests"] / found["seconds"],
        p50_ms=found["p50_ms"],
        p99_ms=found["p99_ms"],
        failed=found["failed"],
        wire_bytes=found["bytes"] / max(found["requests"], 1),
    )


def _requests(operation: Operation, folder: Path, token: str) -> Path:
    """File of requests for the script."""
    path = folder / f"{operation.name}.requests"
    if operation.is_change:
        site, writers = f"{_MARKER}.example.com", WRITERS[: operation.accounts]
        pairs = [(each.token, body_of(operation, each.account_id, site)) for each in writers]
    elif operation.path:
        pairs = [(token, json.dumps(each).encode()) for each in operation.bodies()]
    else:
        pairs = [(token, body_of(operation))]
    path.write_text("".join(f"{token}\t{body.decode()}\n" for token, body in pairs))
    return path
