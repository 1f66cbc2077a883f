"""`python -m bench.reports`: the audit log as CSV, through the app and directly from PostgreSQL's COPY."""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
from asyncpg.utils import _mogrify
from rich.console import Console

from bench.data import READER_TOKEN, id_of
from bench.database import Database, database
from bench.servers import BenchError, Server, running
from embedded.folder import binaries
from models.members import Role
from permissions.viewer import Membership
from resolvers.reports.files import csv_statement
from resolvers.reports.queries import ReportFormat, ReportKind, ReportRequest, rows_of

_ACCOUNT = 100
_REQUEST = """mutation ($id: ID!) { requestReport(input: {accountId: $id, kind: AUDIT_LOG, format: CSV}) {
  download { url } userErrors { message } } }"""
_COPIES = """INSERT INTO audit_events SELECT (event).* FROM (SELECT jsonb_populate_record(event,
    jsonb_build_object('sequence', $1 * n + event.sequence, 'id', gen_random_uuid())) AS event
    FROM audit_events AS event, generate_series(1, $2) AS n) AS copies"""
_INDEXES = """SELECT indexrelid::regclass::text FROM pg_index
    WHERE indrelid = 'audit_events'::regclass AND NOT indisprimary"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="in thousands of 5")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    with database() as found, running("ours", found) as server:
        rows = asyncio.run(_fill(found, asked.rows))
        sql = asyncio.run(_copy_statement(found))
        before = server.memory_bytes()
        ways: dict[str, Callable[[], int]] = {
            "ours": lambda: _through_the_app(server),
            "COPY": lambda: _by_psql(found, sql),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(asked.rounds):
            for name, write in ways.items():
                began = time.perf_counter()
                size = write()
                seconds[name].append(time.perf_counter() - began)
        grown = server.memory_bytes() - before
    rates = {name: rows / statistics.median(each) for name, each in seconds.items()}
    Console(highlight=False, soft_wrap=True).print(
        f"{rows:,} rows, {size / 1e6:.0f} MB; medians of {asked.rounds}: through the app"
        f" {rates['ours']:,.0f} rows a second, COPY {rates['COPY']:,.0f}:"
        f" {rates['ours'] / rates['COPY']:.2f} of it;"
        f" the server has {grown / 2**20:+.1f} MB afterwards"
    )
    sys.exit(grown > 50 * 2**20)


async def _fill(found: Database, rows: int) -> int:
    """Copies the reader's events repeatedly, without the indexes that exports do not use."""
    connection = await found.superuser()
    try:
        await connection.execute("SET session_replication_role = replica")
        for record in await connection.fetch(_INDEXES):
            await connection.execute(f"DROP INDEX {record[0]}")
        events = await connection.fetchval("SELECT count(*) FROM audit_events")
        await connection.execute(_COPIES, events, rows // events - 1)
        await connection.execute("VACUUM ANALYZE audit_events")
        return int(await connection.fetchval("SELECT count(*) FROM audit_events"))
    finally:
        await connection.close()


async def _copy_statement(found: Database) -> str:
    """The query of the report as a COPY statement, with its value in the text."""
    account_id = id_of("account", _ACCOUNT)
    membership = Membership(account_id, id_of("member", _ACCOUNT), Role.ADMIN)
    request = ReportRequest(ReportKind.AUDIT_LOG, ReportFormat.CSV)
    sql, arguments = csv_statement(rows_of(request, membership))
    connection = await asyncpg.connect(found.url)
    try:
        return str(await _mogrify(connection, sql, tuple(arguments)))
    finally:
        await connection.close()


def _through_the_app(server: Server) -> int:
    """Requests a link and downloads the report. Returns the number of bytes."""
    address, size = f"http://127.0.0.1:{server.port}", 0
    with httpx.Client(base_url=address, timeout=120) as client:
        variables = {"id": f"account_{id_of('account', _ACCOUNT).hex}"}
        answer = client.post(
            "/graphql",
            json={"query": _REQUEST, "variables": variables},
            headers={"authorization": f"Bearer {READER_TOKEN}"},
        ).json()
        try:
            path = httpx.URL(answer["data"]["requestReport"]["download"]["url"]).path
        except TypeError:
            raise BenchError(f"No report: {answer}") from None
        with client.stream("GET", path) as response:
            for piece in response.iter_raw(1 << 20):
                size += len(piece)
    return size


def _by_psql(found: Database, sql: str) -> int:
    command = [
        str(binaries() / "psql"),
        "--quiet",
        "--no-psqlrc",
        "--host",
        found.host,
        "--username",
        found.role,
    ]
    command += [found.name, "--command", f"COPY ({sql}) TO STDOUT WITH (FORMAT csv, HEADER)"]
    with tempfile.TemporaryFile() as file:
        subprocess.run(command, check=True, stdout=file)  # noqa: S603
        return file.tell() or Path(f"/proc/self/fd/{file.fileno()}").stat().st_size


if __name__ == "__main__":
    main()
