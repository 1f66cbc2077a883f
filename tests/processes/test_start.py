"""The `team-access` command as people run it: real processes, from nothing, killed, and started wrongly."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import pytest

from embedded import server as embedded
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.serving import free_port

ROOT = Path(__file__).parents[2]
START_TIMEOUT_SECONDS = 60
END_TIMEOUT_SECONDS = 20


class Command:
    """`team-access` with settings of its own, in a folder without a `.env` file."""

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        self.folder = folder
        self.port = int(settings.setdefault("PORT", str(free_port())))
        settings.setdefault("DATA_DIR", str(folder / "data"))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def outcome(self) -> tuple[int, str, str]:
        """The exit code, what it printed and what it complained of."""
        out, err = self.process.communicate(timeout=START_TIMEOUT_SECONDS)
        return self.process.returncode, out, err

    def get(self, path: str) -> httpx.Response:
        """By a connection of its own, which any of its processes may take."""
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=5, verify=NO_AUTHORITIES)

    def status(self) -> int:
        """Of its first answer."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with suppress(httpx.TransportError):
                return self.get("/health").status_code
            time.sleep(0.02)
        raise AssertionError(self.outcome())

    def processes(self) -> set[int]:
        """Itself, what it has started, what those have started, and so on."""
        listing = subprocess.run(
            ["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True
        ).stdout
        parents = {int(pid): int(parent) for pid, parent in map(str.split, listing.splitlines())}
        found = {self.process.pid}
        while more := {pid for pid, parent in parents.items() if parent in found} - found:
            found |= more
        return found


@contextmanager
def running(folder: Path, *arguments: str, **settings: str) -> Iterator[Command]:
    command = Command(folder, *arguments, **settings)
    try:
        yield command
    finally:
        processes = command.processes()
        command.process.kill()
        command.process.communicate()
        wait_until_gone(processes)  # They write to the folder until they have ended.


def wait_until_gone(processes: set[int]) -> None:
    deadline = time.monotonic() + END_TIMEOUT_SECONDS
    while left := alive(processes):
        assert time.monotonic() < deadline, f"still there: {left}"
        time.sleep(0.01)


def alive(processes: set[int]) -> set[int]:
    listing = subprocess.run(["ps", "-axo", "pid=,stat="], capture_output=True, text=True, check=True).stdout
    states = dict(line.split(maxsplit=1) for line in listing.splitlines())
    return {pid for pid in processes if not states.get(str(pid), "Z").startswith("Z")}


async def rows(folder: Path, query: str, database: str = embedded.DATABASE) -> list[tuple[object, ...]]:
    server = embedded.Server(folder / "data" / "postgresql", None)
    connection = await server.connect(database)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def wait_until_half_filled_in(serve: Command) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and serve.process.poll() is None:
        with suppress(OSError, asyncpg.PostgresError):
            if await rows(serve.folder, "SELECT FROM users LIMIT 1", f"{embedded.DATABASE}_unfinished"):
                return
        time.sleep(0.005)  # noqa: ASYNC251 - nothing else runs in this loop
    raise AssertionError(serve.outcome())


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not pytest's: it closes its folders to other users each time it runs, and PostgreSQL may be another."""
    with tempfile.TemporaryDirectory(prefix="team-access-start-") as path:
        yield Path(path)


async def test_a_start_killed_while_it_fills_in_the_demo_is_made_up_for_by_the_next(folder: Path) -> None:
    with running(folder, "serve") as killed:
        await wait_until_half_filled_in(killed)
        processes = killed.processes()
        killed.process.kill()
        assert len(processes) > 2
        wait_until_gone(processes)

    with running(folder, "serve") as serve:
        assert serve.status() == 200
        roles = await rows(folder, "SELECT DISTINCT role FROM members")
        processes = serve.processes()
        serve.process.send_signal(signal.SIGINT)
        code, out, err = serve.outcome()

    assert {role for (role,) in roles} == {"ADMIN", "MEMBER", "VIEWER"}
    assert (code, err) == (0, "")
    assert f"http://127.0.0.1:{serve.port}/graphql\n" in out
    assert f"http://127.0.0.1:{serve.port}/mailbox\n" in out
    assert len(re.findall(rf"http://127\.0\.0\.1:{serve.port}/sign-in/[\w-]{{43}}\n", out)) == 3
    wait_until_gone(processes)


async def test_a_killed_one_takes_all_along_that_it_started_and_the_next_finds_everything(
    folder: Path,
) -> None:
    events = "SELECT account_id, sequence, hash FROM audit_events ORDER BY 1, 2"
    port = str(free_port())
    with running(folder, "serve", PORT=port, WORKERS="2") as killed:
        assert killed.status() == 200
        before = await rows(folder, events)
        processes = killed.processes()
        killed.process.kill()
        with running(folder, "serve", PORT=port) as serve:  # In the instant after.
            wait_until_gone(processes)  # Until then, they may answer.
            assert serve.status() == 200
            assert await rows(folder, events) == before != []

            processes = serve.processes()
            postmaster = (folder / "data" / "postgresql" / "data" / "postmaster.pid").read_text().split()[0]
            os.kill(int(postmaster), signal.SIGKILL)
            code, _, err = serve.outcome()

    assert code == 1
    assert "PostgreSQL has ended" in err
    wait_until_gone(processes)


def test_an_operator_needs_no_server(folder: Path, database_url: str) -> None:
    code, out, err = Command(
        folder, "account", "create", "Analytical Engines", "ada@example.com", DATABASE_URL=database_url
    ).outcome()

    assert (code, err) == (0, "")
    assert "analytical-engines" in out


def test_what_an_operator_gets_wrong_is_said(folder: Path, database_url: str) -> None:
    code, _, err = Command(
        folder, "entitlements", "grant", "nobody", "no-theme", "1", DATABASE_URL=database_url
    ).outcome()

    assert code == 1
    assert_one_sentence(err)


def assert_one_sentence(err: str) -> None:
    assert "Traceback" not in err
    assert err.count("\n") == 1
    assert err.endswith(".\n")


@pytest.mark.parametrize(
    ("name", "value", "hint"),
    [
        ("PORT", "http", "integer"),
        ("WORKERS", "0", "greater than or equal to 1"),
        ("SMTP_URL", "mail", "smtp://"),
        ("SELLER_COUNTRY", "Germany", "two letters"),
        ("TAX_RATES", "CH=8.1", "fractions"),
        ("TAX_RATES", "Switzerland=0.081", "country codes"),
        ("TAX_RATES", "CH", "CH=0.081"),
    ],
)
def test_a_wrong_setting_is_named(folder: Path, name: str, value: str, hint: str) -> None:
    settings = {"PORT": str(free_port()), name: value}
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}

    ended = subprocess.run(
        [sys.executable, "-m", "cli", "serve"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{name}: ")
    assert hint in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert list(folder.iterdir()) == []


def test_a_taken_port_is_named_before_anything_is_made(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        code, _, err = Command(folder, "serve", PORT=str(port)).outcome()

    assert code == 1
    assert f"Port {port} is in use" in err
    assert_one_sentence(err)
    assert list(folder.iterdir()) == []


def test_an_address_that_is_not_of_this_machine_is_named(folder: Path) -> None:
    code, _, err = Command(folder, "serve", HOST="192.0.2.1").outcome()

    assert code == 1
    assert "on 192.0.2.1 is not available: set PORT or HOST to another." in err
    assert_one_sentence(err)
    assert list(folder.iterdir()) == []


def test_a_data_folder_that_cannot_be_written(folder: Path) -> None:
    (folder / "file").touch()

    code, _, err = Command(folder, "serve", DATA_DIR=str(folder / "file" / "data")).outcome()

    assert code == 1
    assert "Set DATA_DIR" in err
    assert_one_sentence(err)


def test_a_full_disk(folder: Path) -> None:
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", folder], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    try:
        code, _, err = Command(folder, "serve").outcome()
    finally:
        subprocess.run(["umount", folder], check=True)

    assert code == 1
    assert "disk is full" in err
    assert_one_sentence(err)


def test_a_database_that_cannot_be_reached(folder: Path) -> None:
    url = f"postgresql://team_access:secret@127.0.0.1:{free_port()}/team_access"

    code, _, err = Command(folder, "serve", DATABASE_URL=url).outcome()

    assert code == 1
    assert "DATABASE_URL" in err
    assert "secret" not in err
    assert_one_sentence(err)


def test_a_user_that_the_database_refuses(folder: Path, postgresql: embedded.Server) -> None:
    url = postgresql.url("somebody_else", "postgres")

    code, _, err = Command(folder, "serve", DATABASE_URL=url).outcome()

    assert code == 1
    assert "user or the password" in err
    assert_one_sentence(err)


def test_old_tables_are_refused_until_they_are_migrated(
    folder: Path, postgresql: embedded.Server, empty_database: str
) -> None:
    urls = {
        "DATABASE_URL": empty_database.replace(embedded.OWNER_ROLE, embedded.APP_ROLE, 1),
        "MIGRATION_DATABASE_URL": empty_database,
    }

    code, _, err = Command(folder, "serve", **urls).outcome()

    assert code == 1
    assert "team-access migrate" in err
    assert_one_sentence(err)

    assert Command(folder, "migrate", **urls).outcome()[::2] == (0, "")
    with running(folder, "serve", "--no-worker", **urls) as serve:
        assert serve.status() == 200
        serve.process.terminate()
        _, out, _ = serve.outcome()
    assert "/sign-in/" not in out


def test_help_lists_every_setting(folder: Path) -> None:
    code, out, _ = Command(folder, "--help").outcome()

    assert code == 0
    for name in ("DATABASE_URL", "MAIL_FROM", "INVITATION_LIFETIME_SECONDS"):
        assert name in out
