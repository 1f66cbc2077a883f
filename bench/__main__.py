"""`python -m bench`: compares this server with a floor without GraphQL, another fast server, and an ordinary
server."""

import argparse
import asyncio
import signal
import subprocess
import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from bench import results
from bench.database import database
from bench.load import CONNECTIONS, find_wrk
from bench.measuring import PGBENCH, Bench, started
from bench.operations import OPERATIONS
from bench.report import tables, write_readme
from bench.results import Results
from bench.servers import COMMANDS, BenchError

# Wide enough that the tables do not wrap.
out = Console(highlight=False, width=max(100, Console().width))
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    asked = _arguments()
    if asked.readme:
        write_readme(results.load())
        return 0
    if find_wrk() is None:
        out.print("wrk makes the load: install it (Debian: apt install wrk, macOS: brew install wrk).")
        return 2
    for each in _ENDING:
        signal.signal(each, _stop)
    try:
        found = _run(asked)
    except BenchError as error:
        out.print(str(error), style="red", markup=False)
        return 1
    except KeyboardInterrupt:
        out.print("Stopped; everything that was started is ended.")
        return 130
    results.save(found)
    for table in tables(found):
        out.print(table)
    return 0


def _stop(*_: object) -> None:
    """Stops once: a second Ctrl-C does not interrupt the clean-up."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


def _run(asked: argparse.Namespace) -> Results:
    operations = [OPERATIONS[name] for name in asked.only]
    names = [name for name in asked.servers if name in COMMANDS]
    with (
        Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=out
        ) as bar,
    ):
        task = bar.add_task("Starting PostgreSQL", total=None)

        def say(what: str) -> None:
            bar.update(task, description=what.ljust(50), advance=1)

        with database() as postgresql:
            say("Starting the servers")
            with started(names, postgresql) as servers:
                bench = Bench(postgresql, operations, servers, PGBENCH in asked.servers, asked.seconds)
                bench.prepare(say)
                bar.update(task, completed=0, total=asked.rounds * sum(map(len, bench.cells.values())))
                for round in range(asked.rounds):
                    bench.measure(round, say)
                return results.summarised(bench.cells, servers, _how(asked, postgresql))


def _how(asked: argparse.Namespace, postgresql: Any) -> dict[str, Any]:
    return {
        "seconds": asked.seconds,
        "rounds": asked.rounds,
        "connections": CONNECTIONS,
        "postgresql": asyncio.run(postgresql.version()),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    operations, servers = list(OPERATIONS), [*COMMANDS, PGBENCH]
    parser.add_argument("--only", type=_among(operations), default=operations, help=", ".join(operations))
    parser.add_argument("--servers", type=_among(servers), default=servers, help=", ".join(servers))
    parser.add_argument("--seconds", type=int, default=5, help="how long each is measured, each time")
    parser.add_argument("--rounds", type=int, default=5, help="how many times, in turns")
    parser.add_argument("--readme", action="store_true", help="put the last results into bench/README.md")
    return parser.parse_args()


def _among(known: list[str]) -> Any:
    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",") if name.strip()]
        if not names or not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"some of {', '.join(known)}")
        return [name for name in known if name in names]

    return parse


if __name__ == "__main__":
    try:
        sys.exit(main())
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd[0]} fails: {error.stderr or error}")
