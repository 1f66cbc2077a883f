"""Server processes that end unexpectedly."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from tests.support.commands import END_TIMEOUT_SECONDS, Command, running, wait_until_gone


def test_a_server_process_that_was_killed_is_started_again(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        assert serve.status() == 200
        killed = server_processes(serve)

        for process in killed:
            os.kill(process, signal.SIGKILL)
        wait_until_gone(killed)

        assert serve.status() == 200
        assert not server_processes(serve) & killed


def test_server_processes_that_end_again_and_again_end_the_server(tmp_path: Path, database_url: str) -> None:
    with running(tmp_path, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        assert serve.status() == 200
        deadline = time.monotonic() + END_TIMEOUT_SECONDS
        while serve.process.poll() is None and time.monotonic() < deadline:
            for process in server_processes(serve):
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.01)

        code, _, err = serve.outcome()

    assert code == 1
    assert err == "A server process has ended twice within seconds.\n"


def server_processes(serve: Command) -> set[int]:
    return serve.processes() - {serve.process.pid}
