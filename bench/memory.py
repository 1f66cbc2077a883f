"""`python -m bench.memory`: memory of a server after 100,000 requests of 10,000 different operations."""

import argparse
import asyncio
import json
import sys

from rich.console import Console
from rich.progress import Progress

from bench.data import READER_TOKEN
from bench.database import database
from bench.servers import BenchError, Server, running

_CONNECTIONS = 16
_OPERATIONS = 10_000
_FIRST = 1_000
_ALLOWED_MB = 30
_SHAPES = (
    "account { name members(first: %d) { nodes { name role } pageInfo { hasNextPage } } }",
    "account { licenses(first: %d) { nodes { site theme { name } holder { name } } totalCount } }",
    "account { auditLog(first: %d) { nodes { sequence summary actor { name } } } }",
    "viewer { user { name } memberships { role account { members(first: %d) { nodes { id } } } } }",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100_000)
    requests = parser.parse_args().requests
    with database() as found, running("ours", found) as server:
        first, last = asyncio.run(_measure(server, requests))
    grown = (last - first) / 2**20
    Console().print(
        f"after {_FIRST:,} requests {first / 2**20:.1f} MB, after {requests:,} of {_OPERATIONS:,} different"
        f" operations {last / 2**20:.1f} MB: {grown:+.1f} MB (wanted: at most {_ALLOWED_MB} MB more)"
    )
    sys.exit(grown > _ALLOWED_MB)


async def _measure(server: Server, requests: int) -> tuple[int, int]:
    """Bytes of all the server's processes, after the first requests and after all of them."""
    with Progress() as progress:
        task = progress.add_task("requests", total=requests)
        await _ask(server, range(_FIRST))
        first = server.memory_bytes()
        for begin in range(_FIRST, requests, _FIRST):
            progress.update(task, completed=begin)
            await _ask(server, range(begin, min(begin + _FIRST, requests)))
    return first, server.memory_bytes()


async def _ask(server: Server, numbers: range) -> None:
    await asyncio.gather(*(_connection(server, numbers[each::_CONNECTIONS]) for each in range(_CONNECTIONS)))


async def _connection(server: Server, numbers: range) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        for number in numbers:
            writer.write(_request(number % _OPERATIONS))
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            if b'"errors"' in body or b" 200 " not in head.splitlines()[0]:
                raise BenchError(f"An answer failed: {body[:200]!r}")
    finally:
        writer.close()


def _request(number: int) -> bytes:
    """Request with a unique operation: its aliases and page sizes depend on the number."""
    selection = _SHAPES[number % len(_SHAPES)] % (number % 100 + 1)
    body = json.dumps({"query": f"query Q{number} {{ q{number}: {selection} }}"}).encode()
    return (
        b"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s" % (READER_TOKEN.encode(), len(body), body)
    )


if __name__ == "__main__":
    main()
