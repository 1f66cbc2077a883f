"""`python -m bench.wrong_keys`: requests with a valid key while another client at the same address tries
wrong keys."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import load
from bench.database import database
from bench.operations import VIEWER
from bench.servers import BenchError, Server, running
from permissions.tokens import new_api_key

_SCRIPT = Path(__file__).with_name("wrong_keys.lua")
_CONNECTIONS, _PAUSE_MS = 50, 4  # 10,000 a second and more, if the server answers at once.
_KEYS = 60_000
_WARM_UP_SECONDS = 2  # Until the address has used up its limit.


@dataclass
class Case:
    """Requests with the valid key, and those with wrong keys at the same time."""

    name: str
    keys: int = 0
    """Number of different wrong keys, sent in turn."""
    is_mangled: bool = False
    reads: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    wrong: list[float] = field(default_factory=list)
    failed: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    if load.find_wrk() is None:
        print("wrk makes the load: install it.")  # noqa: T201
        return 2
    cases = [
        Case("nothing"),
        Case("a wrong checksum", 1, is_mangled=True),
        Case("one wrong key", 1),
        Case("different wrong keys", _KEYS),
    ]
    try:
        with database() as found, running("ours", found) as server:
            for _ in range(asked.rounds):
                for case in cases:
                    _measure(case, server, asked.seconds, found.folder)
    except BenchError as error:
        print(error)  # noqa: T201
        return 1
    return _report(cases)


def _measure(case: Case, server: Server, seconds: int, folder: Path) -> None:
    url = f"http://127.0.0.1:{server.port}/graphql"
    with _wrong_keys(case, url, seconds, folder):
        good = load.run(VIEWER, url, seconds, folder, checked=True)
    case.reads.append(good.requests_per_second)
    case.p99_ms.append(good.p99_ms)
    case.failed += good.failed


@contextmanager
def _wrong_keys(case: Case, url: str, seconds: int, folder: Path) -> Iterator[None]:
    if not case.keys:
        yield
        return
    tokens = folder / "wrong_keys"
    keys = (new_api_key()[0] for _ in range(case.keys))
    tokens.write_text("".join(f"{key[:-6] + '------' if case.is_mangled else key}\n" for key in keys))
    command = ["wrk", "--threads", "1", "--connections", str(_CONNECTIONS), "--timeout", "10s"]
    command += ["--duration", f"{_WARM_UP_SECONDS + seconds}s", "--script", str(_SCRIPT), url, "--"]
    command += [str(tokens), load.body_of(VIEWER).decode(), str(_PAUSE_MS)]
    flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    time.sleep(_WARM_UP_SECONDS)
    yield
    told = json.loads(flood.communicate(timeout=seconds + 60)[0].splitlines()[-1])
    if told["refused"] != told["requests"]:
        raise BenchError(f"{told['requests'] - told['refused']:,} wrong keys were not refused.")
    case.wrong.append(told["requests"] / told["seconds"])


def _report(cases: list[Case]) -> int:
    alone = statistics.median(cases[0].reads)
    print("| besides the reads | wrong keys/s | valid reads/s | ratio to reads alone | p99 ms | failed |")  # noqa: T201
    print("| --- | ---: | ---: | ---: | ---: | ---: |")  # noqa: T201
    for case in cases:
        reads, p99_ms = statistics.median(case.reads), statistics.median(case.p99_ms)
        wrong = f"{statistics.median(case.wrong):,.0f}" if case.wrong else ""
        print(  # noqa: T201
            f"| {case.name} | {wrong} | {reads:,.0f} | {reads / alone:.2f} | {p99_ms:.1f} | {case.failed} |"
        )
    return 1 if any(case.failed for case in cases) else 0


if __name__ == "__main__":
    sys.exit(main())
