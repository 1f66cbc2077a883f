"""The server when its job worker is killed or cannot start."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx

from tests.support.commands import START_TIMEOUT_SECONDS, Command, folder, running, wait_until_gone
from tests.support.http_clients import NO_AUTHORITIES

__all__ = ["folder"]


def logged(serve: Command, event: str) -> dict[str, Any]:
    """The next line of its log about that."""
    assert serve.process.stderr is not None
    for line in serve.process.stderr:
        entry: dict[str, Any] = json.loads(line) if line.startswith("{") else {}
        if entry.get("event") == event:
            return entry
    raise AssertionError(f"it ended, and never logged {event}")


def wait_for_health(serve: Command, status: str) -> list[str]:
    """Its problems then."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        response = serve.get("/health")
        assert response.status_code == 200
        if response.json()["status"] == status:
            problems: list[str] = response.json()["problems"]
            return problems
        time.sleep(0.02)
    raise AssertionError(f"never {status}")


def test_a_killed_job_worker_is_started_again_and_the_api_goes_on(folder: Path, database_url: str) -> None:
    settings = {"DATABASE_URL": database_url, "LOG_LEVEL": "info", "LOG_FORMAT": "json"}
    with running(folder, "serve", **settings) as serve:
        pid = logged(serve, "job_worker_started")["pid"]
        serve.status()
        wait_for_health(serve, "ok")

        for delay_seconds in (1, 2):
            os.kill(pid, signal.SIGKILL)
            (problem,) = wait_for_health(serve, "degraded")
            ended = logged(serve, "job_worker_ended")
            wait_for_health(serve, "ok")
            pid = logged(serve, "job_worker_started")["pid"]

            assert "job worker" in problem
            assert ended["reason"] == "killed by signal 9"
            assert ended["restart_in_seconds"] == delay_seconds
        processes = serve.processes()
        assert pid in processes
        serve.process.send_signal(signal.SIGTERM)
        code, _, _ = serve.outcome()

    assert code == 0
    wait_until_gone(processes)


def test_a_job_worker_started_again_ends_with_a_server_that_is_killed(
    folder: Path, database_url: str
) -> None:
    settings = {"DATABASE_URL": database_url, "LOG_LEVEL": "info", "LOG_FORMAT": "json"}
    with running(folder, "serve", **settings) as serve:
        pid = logged(serve, "job_worker_started")["pid"]
        serve.status()
        os.kill(pid, signal.SIGKILL)
        wait_for_health(serve, "degraded")
        wait_for_health(serve, "ok")
        processes = serve.processes()

        serve.process.kill()

        wait_until_gone(processes)


def test_a_job_worker_that_cannot_start_ends_the_server_with_the_reason(
    folder: Path, database_url: str
) -> None:
    (folder / "data").mkdir()
    (folder / "data" / "mailbox").touch()

    code, _, err = Command(folder, "serve", DATABASE_URL=database_url).outcome()

    assert code == 1
    assert "mailbox" in err
    assert "The job worker cannot start." in err
    assert "Traceback" not in err


def test_a_server_without_a_job_worker_is_not_degraded(folder: Path, database_url: str) -> None:
    with running(folder, "serve", "--no-worker", DATABASE_URL=database_url) as serve:
        serve.status()

        assert wait_for_health(serve, "ok") == []


def test_the_processes_share_their_rate_limits(folder: Path) -> None:
    """From the first start on, which creates the demo data before the processes, and after a restart."""
    settings = {"WORKERS": "2", "RATE_LIMIT_PER_MINUTE_PER_ADDRESS": "20"}
    for start in ("first", "second"):
        with running(folder, "serve", **settings) as serve:
            serve.status()
            answers = [
                httpx.post(
                    f"http://127.0.0.1:{serve.port}/graphql",
                    json={"query": "{ __typename }"},
                    verify=NO_AUTHORITIES,
                )
                for _ in range(40)  # Each by a connection of its own, which any of the processes may take.
            ]
            serve.process.send_signal(signal.SIGINT)
            serve.outcome()

        assert 20 <= [answer.status_code for answer in answers].count(200) < 30, start
