"""`python -m bench.wrong_keys`: requests with valid keys while another client at the same address tries wrong
ones: API keys, or license keys beside checks of licenses."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import load
from bench.data import license_checks
from bench.database import database
from bench.operations import VERIFY, VIEWER, Operation
from bench.servers import BenchError, Contestant, Server, running
from permissions.tokens import new_api_key
from resolvers.licenses.keys import new_license_key

_SCRIPT = Path(__file__).with_name("wrong_keys.lua")
_PAUSE_MS = 4  # 10,000 a second and more on 50 connections, if the server answers at once.
_MANY_CONNECTIONS = 480  # Of the 512 that an address may have.
_KEYS = 60_000
_WARM_UP_SECONDS = 2  # Until the address has used up its limit.


@dataclass
class Case:
    """Requests with valid keys, and those with wrong keys at the same time."""

    name: str
    operation: Operation
    """Operation of both."""
    wrong_key: Callable[[], str] | None = None
    keys: int = _KEYS
    """Number of different wrong keys, sent in turn."""
    connections: int = 50
    """Number of connections on which they are sent."""
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
        Case("nothing", VIEWER),
        Case("a wrong checksum", VIEWER, lambda: f"{_api_key()[:-6]}------", 1),
        Case("one wrong key", VIEWER, _api_key, 1),
        Case("different wrong keys", VIEWER, _api_key),
        Case("nothing", VERIFY),
        Case("a wrong check character", VERIFY, lambda: f"{new_license_key()[:-1]}U", 1),
        Case("one wrong license key", VERIFY, new_license_key, 1),
        Case("different wrong license keys", VERIFY, new_license_key),
        Case("the same over 480 connections", VERIFY, new_license_key, connections=_MANY_CONNECTIONS),
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
    url = Contestant("ours", server).url(case.operation)
    with _wrong_keys(case, url, seconds, folder):
        good = load.run(case.operation, url, seconds, folder, checked=True)
    case.reads.append(good.requests_per_second)
    case.p99_ms.append(good.p99_ms)
    case.failed += good.failed


@contextmanager
def _wrong_keys(case: Case, url: str, seconds: int, folder: Path) -> Iterator[None]:
    if case.wrong_key is None:
        yield
        return
    requests = folder / "wrong_keys"
    requests.write_text("".join(f"{_request(case, case.wrong_key())}\n" for _ in range(case.keys)))
    command = ["wrk", "--threads", "1", "--connections", str(case.connections), "--timeout", "10s"]
    command += ["--duration", f"{_WARM_UP_SECONDS + seconds}s", "--script", str(_SCRIPT), url, "--"]
    command += [str(requests), str(_PAUSE_MS)]
    flood = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    time.sleep(_WARM_UP_SECONDS)
    yield
    told = json.loads(flood.communicate(timeout=seconds + 60)[0].splitlines()[-1])
    if told["refused"] != told["requests"] and case.operation is VIEWER:
        raise BenchError(f"{told['requests'] - told['refused']:,} wrong keys were not refused.")
    case.wrong.append(told["requests"] / told["seconds"])


def _request(case: Case, key: str) -> str:
    if case.operation is VIEWER:
        return f"{key}\t{load.body_of(VIEWER).decode()}"
    return f"-\t{json.dumps({**license_checks()[0], 'key': key})}"


def _api_key() -> str:
    return new_api_key()[0]


def _report(cases: list[Case]) -> int:
    for operation in (VIEWER, VERIFY):
        print(f"\n{operation.name}\n")  # noqa: T201
        _report_operation([each for each in cases if each.operation is operation])
    return 1 if any(case.failed for case in cases) else 0


def _report_operation(cases: list[Case]) -> None:
    alone = statistics.median(cases[0].reads)
    print("| besides the reads | wrong keys/s | valid reads/s | ratio to reads alone | p99 ms | failed |")  # noqa: T201
    print("| --- | ---: | ---: | ---: | ---: | ---: |")  # noqa: T201
    for case in cases:
        reads, p99_ms = statistics.median(case.reads), statistics.median(case.p99_ms)
        wrong = f"{statistics.median(case.wrong):,.0f}" if case.wrong else ""
        print(  # noqa: T201
            f"| {case.name} | {wrong} | {reads:,.0f} | {reads / alone:.2f} | {p99_ms:.1f} | {case.failed} |"
        )


if __name__ == "__main__":
    sys.exit(main())
