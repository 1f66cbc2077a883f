"""`python -m bench.scale`: a page costs the same whatever the size of the account."""

import argparse
import asyncio
import tempfile
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from bench import scale_report
from bench.scale_appends import Price, prices
from bench.scale_cases import cases
from bench.scale_data import MadeAccount
from bench.scale_load import accounts_of, expect_many_accounts, fill, progress_bar
from bench.scale_measure import Accounts, Measured
from embedded.server import APP_ROLE, OWNER_ROLE, Server, running
from models import migrate
from models.database import Database

APPENDED_TO = 200_000
"""Number of events in a log before appends are measured."""

out = Console(highlight=False, width=max(220, Console().width))


def main() -> int:
    asked = _arguments()
    if asked.keep is not None:
        return _run(asked, asked.keep)
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        return _run(asked, Path(folder))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000, help="of the large account's log")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the data there for another run")
    parser.add_argument("--runs", type=int, default=200, help="of each page, in each account")
    parser.add_argument("--only", help="lists: auditLog,activity,members …")
    parser.add_argument("--no-appends", action="store_true", help="leave out what the log's indexes cost")
    parser.add_argument("--readme", action="store_true", help="write the results into bench/README.md")
    return parser.parse_args()


def _run(asked: argparse.Namespace, folder: Path) -> int:
    with running(folder / "postgresql", temporary=asked.keep is None) as server, progress_bar() as progress:
        database = _filled(server, asked.events, progress)
        asyncio.run(expect_many_accounts(server, database))
        measured = asyncio.run(_measure(server, database, asked, progress))
        out.print(scale_report.pages(measured))
        appended = [] if asked.no_appends else _appends(server, progress)
    if appended:
        out.print(scale_report.prices(appended))
    if asked.readme:
        scale_report.write_readme(measured, appended)
    missed = [each for each in measured if not each.is_reached]
    out.print(f"{len(measured) - len(missed)} of {len(measured)} pages are within their bound.")
    return 1 if missed else 0


def _filled(server: Server, events: int, progress: Progress) -> str:
    """Database with this many events. It has another name until it is complete."""
    name = f"scale_{events}"
    if not asyncio.run(server.has_database(name)):
        asyncio.run(_fill(server, f"{name}_new", events, progress))
        asyncio.run(server.rename_database(f"{name}_new", name))
    migrate.upgrade(server.url(OWNER_ROLE, name), APP_ROLE)
    return name


async def _fill(server: Server, name: str, events: int, progress: Progress) -> None:
    await server.create_database(name)
    await asyncio.to_thread(migrate.upgrade, server.url(OWNER_ROLE, name), APP_ROLE)
    await fill(server, name, accounts_of(events), progress)


async def _measure(
    server: Server, name: str, asked: argparse.Namespace, progress: Progress
) -> list[Measured]:
    large, small, *_ = accounts_of(asked.events)
    owner, reading = await server.connect(name), Database(server.url(APP_ROLE, name), 1)
    try:
        accounts = Accounts(reading, owner, large, small)
        measured: list[Measured] = []
        only = asked.only and asked.only.split(",")
        wanted = [case for case in cases() if not only or case.order.listed.name in only]
        for case in progress.track(wanted, description="pages of both accounts"):
            if not (measured and measured[-1].is_slow and case[:2] == measured[-1].case[:2]):
                measured.append(await accounts.measure(case, asked.runs))
        return measured
    finally:
        await owner.close()
        await reading.close()


def _appends(server: Server, progress: Progress) -> list[Price]:
    """Measures appends in a database of its own, because indexes are dropped."""
    name = "scale_appends"
    asyncio.run(_fill(server, name, APPENDED_TO, progress))
    try:
        account: MadeAccount = accounts_of(APPENDED_TO)[0]
        return asyncio.run(prices(server, name, account))
    finally:
        asyncio.run(server.drop_database(name))


if __name__ == "__main__":
    raise SystemExit(main())
