"""`python -m bench.api_calls`: compares reads with a session and with an API key, in turns. Each call with
the key is an event that is committed before the response. All calls use one key, and so one account's log."""

import argparse
import asyncio
import statistics
import sys
from collections import defaultdict
from uuid import uuid4

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench import load
from bench.data import READER_TOKEN
from bench.database import Database, database
from bench.load import Measured, find_wrk
from bench.operations import AUDIT, LICENSES, MEMBERS, NESTED, VIEWER, Operation
from bench.servers import BenchError, Contestant, running
from permissions.tokens import new_api_key

READS = (VIEWER, MEMBERS, LICENSES, AUDIT, NESTED)
CONNECTIONS = (1, 16, 64)
WANTED_RATIO = 0.75
"""Required ratio of requests per second to those of sessions, with several connections."""
WANTED_MILLISECONDS = 3
"""Maximum additional median latency compared with a session, with one connection."""
_WARM_UP_SECONDS = 1
_KEY = """INSERT INTO api_keys (account_id, id, member_id, name, prefix, key_hash, scopes, created_by_id,
    created_at, claimed_at, last_used_at)
  SELECT account_id, $1, id, 'Dashboard', 'ta_bench', $2, ARRAY['READ'], id, now(), now(), '2100-01-01'
  FROM members WHERE user_id = (SELECT user_id FROM sessions WHERE token_hash = sha256($3))"""

out = Console(highlight=False, width=max(100, Console().width))
Rounds = dict[tuple[str, int, str], list[Measured]]
"""Measurements by operation, number of connections, and `session` or `key`."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.api_calls", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement")
    asked = parser.parse_args()
    if find_wrk() is None:
        out.print("wrk makes the load: install it (Debian: apt install wrk, macOS: brew install wrk).")
        return 2
    try:
        with database() as filled, running("ours", filled) as server:
            tokens = {"session": READER_TOKEN, "key": asyncio.run(_key(filled))}
            url = Contestant("ours", server).url(VIEWER)
            found = _measure(filled, url, tokens, asked.rounds, asked.seconds)
    except BenchError as error:
        out.print(str(error), style="red", markup=False)
        return 1
    return _report(found)


async def _key(filled: Database) -> str:
    key, key_hash = new_api_key()
    superuser = await filled.superuser()
    try:
        await superuser.execute(_KEY, uuid4(), key_hash, READER_TOKEN.encode())
    finally:
        await superuser.close()
    return key


def _measure(filled: Database, url: str, tokens: dict[str, str], rounds: int, seconds: int) -> Rounds:
    found: Rounds = defaultdict(list)
    with Progress(console=out) as bar:
        task = bar.add_task("", total=rounds * len(CONNECTIONS) * len(READS) * len(tokens))
        for round in range(rounds):
            for connections in CONNECTIONS:
                for operation in READS:
                    for name in sorted(tokens, reverse=bool(round % 2)):
                        bar.update(task, description=f"{operation.name}, {connections}, {name}".ljust(24))
                        measured = _run(operation, url, seconds, filled, tokens[name], connections)
                        found[operation.name, connections, name].append(measured)
                        bar.advance(task)
    return found


def _run(
    operation: Operation, url: str, seconds: int, filled: Database, token: str, connections: int
) -> Measured:
    for checked, length in ((True, _WARM_UP_SECONDS), (False, seconds)):
        measured = load.run(
            operation, url, length, filled.folder, checked=checked, token=token, connections=connections
        )
        if measured.failed:
            raise BenchError(f"{operation.name} failed {measured.failed} times.")
    return measured


def _report(found: Rounds) -> int:
    table = Table(
        "read", "connections", "session", "key", "ratio", "p50 session", "p50 key", "more", "wanted"
    )
    missed = 0
    for name, connections in dict.fromkeys((name, connections) for name, connections, _ in found):
        session, key = (_median(found[name, connections, each]) for each in ("session", "key"))
        ratio, more = key[0] / session[0], key[1] - session[1]
        few = connections == 1
        is_reached = more <= WANTED_MILLISECONDS if few else ratio >= WANTED_RATIO
        missed += not is_reached
        table.add_row(
            name,
            str(connections),
            *(f"{each[0]:,.0f}/s" for each in (session, key)),
            f"{ratio:.2f}",
            *(f"{each[1]:.2f} ms" for each in (session, key)),
            f"{more:+.2f} ms",
            f"{WANTED_MILLISECONDS} ms" if few else f"{WANTED_RATIO}",
            style="" if is_reached else "red",
        )
    out.print(table)
    return 1 if missed else 0


def _median(rounds: list[Measured]) -> tuple[float, float]:
    """Requests per second, and median latency in milliseconds."""
    return (
        statistics.median(each.requests_per_second for each in rounds),
        statistics.median(each.p50_ms for each in rounds),
    )


if __name__ == "__main__":
    sys.exit(main())
