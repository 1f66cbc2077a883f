"""The configuration in `deploy/` on a real Prometheus, which reads the metrics of a real server."""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from telemetry.families import FAMILIES
from tests.support.commands import START_TIMEOUT_SECONDS, folder, wait_until_gone
from tests.support.forked_commands import ROOT
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.serving import free_port
from tests.telemetry.test_exporter import ask, serving

__all__ = ["folder"]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
CONFIGURATION = ROOT / "deploy" / "prometheus" / "prometheus.yml"
DASHBOARD = ROOT / "deploy" / "grafana.json"
NAME = re.compile(r"\bteam_access_\w+")
SUFFIXES = ("_bucket", "_count", "_sum")

needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="Prometheus is not installed: its configuration, alert rules and dashboard were not tried",
)


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


@pytest.mark.parametrize("path", [ALERTS, DASHBOARD], ids=lambda path: path.name)
def test_every_metric_that_is_named_exists(path: Path) -> None:
    names = set(NAME.findall(path.read_text()))

    assert len(names) > 10
    assert {name for name in names if _family(name) not in FAMILIES} == set()


def test_the_dashboard_shows_every_metric() -> None:
    shown = {_family(name) for name in NAME.findall(DASHBOARD.read_text())}

    assert set(FAMILIES) - shown == set()


@needs_prometheus
def test_promtool_accepts_the_files() -> None:
    for kind, path in (("config", CONFIGURATION), ("rules", ALERTS)):
        checked = subprocess.run(["promtool", "check", kind, path], capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


@needs_prometheus
def test_the_alerts_fire_for_what_they_are_about() -> None:
    tested = subprocess.run(
        ["promtool", "test", "rules", "alerts_test.yml"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )

    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_prometheus
def test_prometheus_reads_a_server_and_answers_the_dashboard(folder: Path, database_url: str) -> None:
    metrics_port = free_port()
    with (
        serving(folder, database_url, metrics_port, WORKERS="2") as serve,
        prometheus(folder, metrics_port) as query,
    ):
        until(lambda: query('sum(team_access_processes{process="server"})') == [2])
        ask(serve, "query Dashboard { viewer { user { name } } }", 10)
        counted = "sum(team_access_operation_seconds_count)"
        until(lambda: (query(counted) or [0])[0] >= 10)

        answers = {each: query(_filled_in(each)) for each in expressions()}

        until(lambda: query("team_access_database_up") == [1])
        assert query("team_access_email_queue_oldest_seconds") == [0]
        assert query('ALERTS{alertstate="firing"}') == []
    assert len(answers) > 30
    always = ("team_access_processes", "team_access_pool_size", "team_access_email_queue_jobs")
    assert [each for each, values in answers.items() if not values and NAME.findall(each)[0] in always] == []


@contextmanager
def prometheus(folder: Path, metrics_port: int) -> Iterator[Callable[[str], list[float]]]:
    """A Prometheus with the configuration of `deploy/`, which reads once a second. Yields a function that
    returns the values of an expression; it fails where Prometheus refuses it."""
    configuration = CONFIGURATION.read_text().replace("127.0.0.1:9400", f"127.0.0.1:{metrics_port}")
    file, port = folder / "prometheus.yml", free_port()
    file.write_text(configuration.replace("15s", "1s").replace("alerts.yml", str(ALERTS)))
    command = ["prometheus", f"--config.file={file}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def query(expression: str) -> list[float]:
        url = f"http://127.0.0.1:{port}/api/v1/query"
        try:
            response = httpx.get(url, params={"query": expression}, verify=NO_AUTHORITIES, timeout=10)
        except httpx.ConnectError:
            return []
        if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            return []  # It is starting.
        answer: dict[str, Any] = response.json()
        assert answer["status"] == "success", (expression, answer)
        return [float(each["value"][1]) for each in answer["data"]["result"]]

    try:
        yield query
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_TIMEOUT_SECONDS)
        wait_until_gone({process.pid})


def until(is_met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while not is_met():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _family(name: str) -> str:
    if name in FAMILIES:
        return name
    return next((name.removesuffix(each) for each in SUFFIXES if name.endswith(each)), name)


def _filled_in(expression: str) -> str:
    """The expression with the variables that Grafana fills in."""
    for variable, value in (("$__rate_interval", "1m"), ("$__range", "1h"), ("$instance", ".*")):
        expression = expression.replace(variable, value)
    return expression
