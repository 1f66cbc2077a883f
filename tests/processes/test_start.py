"""The `team-access` command in real processes: started, killed and started with mistakes."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import asyncpg
import pytest

from embedded import server as embedded
from tests.support import commands
from tests.support.commands import START_TIMEOUT_SECONDS, assert_one_sentence, folder, wait_until_gone
from tests.support.forked_commands import ROOT
from tests.support.serving import free_port

__all__ = ["folder"]


class Command(commands.Command):
    """Started as an operator starts it: a new interpreter, which imports everything and cleans up at its end.

    Where another test shows the same of the interpreter, `commands.Command` saves the imports."""

    def _start(self, arguments: tuple[str, ...], environment: dict[str, str]) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "cli", *arguments],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def running(folder: Path, *arguments: str, **settings: str) -> AbstractContextManager[commands.Command]:
    return commands.ended(Command(folder, *arguments, **settings))


async def rows(folder: Path, query: str, database: str = embedded.DATABASE) -> list[tuple[object, ...]]:
    server = embedded.Server(folder / "data" / "postgresql", None)
    connection = await server.connect(database)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def wait_until_half_filled_in(serve: commands.Command) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and serve.process.poll() is None:
        with suppress(OSError, asyncpg.PostgresError):
            if await rows(serve.folder, "SELECT FROM users LIMIT 1", f"{embedded.DATABASE}_unfinished"):
                return
        time.sleep(0.05)  # noqa: ASYNC251 - nothing else runs in this loop
    raise AssertionError(serve.outcome())


async def test_what_was_killed_is_made_up_for_by_the_next_start(folder: Path) -> None:
    """At its first start while it fills in the demo, and later while it serves by two processes."""
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
    await _is_killed_while_it_serves(folder)


async def _is_killed_while_it_serves(folder: Path) -> None:
    """It takes along all that it has started, and the next one finds everything."""
    events = "SELECT account_id, sequence, hash FROM audit_events ORDER BY 1, 2"
    port = str(free_port())
    with running(folder, "serve", PORT=port, WORKERS="2") as killed:
        assert killed.status() == 200
        before, published = await rows(folder, events), killed.get("/.well-known/jwks.json").json()
        processes = killed.processes()
        killed.process.kill()
        with running(folder, "serve", PORT=port) as serve:  # In the instant after.
            wait_until_gone(processes)  # Until then, they may answer.
            assert serve.status() == 200
            assert await rows(folder, events) == before != []
            assert serve.get("/.well-known/jwks.json").json() == published
            assert len(published["keys"]) == 1

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
    code, _, err = commands.Command(
        folder, "entitlements", "grant", "nobody", "no-theme", "1", DATABASE_URL=database_url
    ).outcome()

    assert code == 1
    assert_one_sentence(err)


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
    code, _, err = commands.Command(folder, "serve", HOST="192.0.2.1").outcome()

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

    code, _, err = commands.Command(folder, "serve", DATABASE_URL=url).outcome()

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

    code, _, err = commands.Command(folder, "serve", **urls).outcome()

    assert code == 1
    assert "team-access migrate" in err
    assert_one_sentence(err)

    assert commands.Command(folder, "migrate", **urls).outcome()[::2] == (0, "")
    with commands.running(folder, "serve", "--no-worker", **urls) as serve:
        assert serve.status() == 200
        serve.process.terminate()
        _, out, _ = serve.outcome()
    assert "/sign-in/" not in out


def test_help_lists_every_setting(folder: Path) -> None:
    code, out, _ = Command(folder, "--help").outcome()

    assert code == 0
    for name in ("DATABASE_URL", "MAIL_FROM", "INVITATION_LIFETIME_SECONDS"):
        assert name in out
