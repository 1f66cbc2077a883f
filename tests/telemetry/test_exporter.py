"""The metrics of a server's processes, as Prometheus reads them."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.processes.test_job_worker import logged
from tests.support.commands import START_TIMEOUT_SECONDS, Command, folder, running
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.serving import free_port

__all__ = ["folder"]
TOKEN = "m" * 32
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture
def metrics_port() -> int:
    return free_port()


def scraped(port: int, path: str = "/metrics", method: str = "GET", **headers: str) -> httpx.Response:
    raw_headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    url = f"http://127.0.0.1:{port}{path}"
    return httpx.request(
        method, url, headers=raw_headers, timeout=START_TIMEOUT_SECONDS, verify=NO_AUTHORITIES
    )


def samples(port: int) -> Samples:
    """Values by the name and the values of the labels, in the order of the labels' names."""
    text = scraped(port).text
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def wait_for(port: int, expected: Samples) -> Samples:
    deadline, found = time.monotonic() + START_TIMEOUT_SECONDS, Samples()
    while True:
        with suppress(httpx.TransportError):  # The exporter has just ended.
            found = samples(port)
        if expected.items() <= found.items():
            return found
        assert time.monotonic() < deadline, {key: found.get(key) for key in expected}
        time.sleep(0.05)


def ask(serve: Command, query: str, count: int = 1) -> None:
    """Each over a new connection, which any process of the server may accept."""
    for _ in range(count):
        url = f"http://127.0.0.1:{serve.port}/graphql"
        httpx.post(url, json={"query": query}, verify=NO_AUTHORITIES, timeout=10)


@contextmanager
def serving(folder: Path, database_url: str, port: int, *arguments: str, **more: str) -> Iterator[Command]:
    settings = {
        "DATABASE_URL": database_url,
        "METRICS_PORT": str(port),
        "LOG_LEVEL": "info",
        "LOG_FORMAT": "json",
        **more,
    }
    with running(folder, "serve", *arguments, **settings) as serve:
        serve.status()
        yield serve


def test_the_processes_of_a_server_are_summed(folder: Path, database_url: str, metrics_port: int) -> None:
    with serving(folder, database_url, metrics_port, WORKERS="2") as serve:
        wait_for(
            metrics_port,
            {("team_access_processes", ("server",)): 2, ("team_access_processes", ("worker",)): 1},
        )

        ask(serve, "{ viewer { user { name } } }", 20)
        ask(serve, "{ nothing }", 3)

        found = wait_for(
            metrics_port,
            {
                ("team_access_operation_seconds_count", ("query", "(unnamed)")): 20,
                ("team_access_operation_seconds_count", ("", "(refused)")): 3,
                ("team_access_operation_errors_total", ("GRAPHQL_VALIDATION_FAILED",)): 3,
            },
        )
    assert found["team_access_operation_seconds_bucket", ("query", "+Inf", "(unnamed)")] == 20
    assert 0 < found["team_access_operation_seconds_sum", ("query", "(unnamed)")] < 20
    assert found["team_access_operation_cost_total", ("query", "(unnamed)")] > 0


def test_what_a_killed_process_reported_is_kept(folder: Path, database_url: str, metrics_port: int) -> None:
    counted = "team_access_operation_seconds_count", ("query", "(unnamed)")
    with serving(folder, database_url, metrics_port, "--no-worker") as serve:
        exporter = logged(serve, "metrics_exporter_started")["pid"]
        ask(serve, "{ __typename }", 5)
        wait_for(metrics_port, {counted: 5})
        (server,) = serve.processes() - {serve.process.pid, exporter}

        os.kill(server, signal.SIGKILL)
        serve.status()
        ask(serve, "{ __typename }", 4)

        wait_for(metrics_port, {counted: 9})
        wait_for(metrics_port, {("team_access_processes", ("server",)): 1})


def test_an_exporter_that_was_killed_counts_from_zero(
    folder: Path, database_url: str, metrics_port: int
) -> None:
    counted = "team_access_operation_seconds_count", ("query", "(unnamed)")
    with serving(folder, database_url, metrics_port, "--no-worker") as serve:
        exporter = logged(serve, "metrics_exporter_started")["pid"]
        ask(serve, "{ __typename }", 5)
        wait_for(metrics_port, {counted: 5})

        os.kill(exporter, signal.SIGKILL)
        ask(serve, "{ __typename }", 2)

        wait_for(metrics_port, {counted: 2})


def test_a_worker_of_its_own_has_metrics(folder: Path, database_url: str, metrics_port: int) -> None:
    with running(folder, "worker", DATABASE_URL=database_url, METRICS_PORT=str(metrics_port)) as worker:
        _wait_until_listening(metrics_port)
        wait_for(metrics_port, {("team_access_processes", ("worker",)): 1})
        worker.process.send_signal(signal.SIGTERM)

        code, _, _ = worker.outcome()

    assert code == 0
    with pytest.raises(httpx.ConnectError):
        scraped(metrics_port)


def test_only_those_with_the_token_read_the_metrics(
    folder: Path, database_url: str, metrics_port: int
) -> None:
    with serving(folder, database_url, metrics_port, "--no-worker", METRICS_HOST="::", METRICS_TOKEN=TOKEN):
        _wait_until_listening(metrics_port)
        statuses = [
            scraped(metrics_port, **headers).status_code
            for headers in (
                {},
                {"authorization": TOKEN},
                {"authorization": f"Bearer {TOKEN[1:]}"},
                {"authorization": "Bearer \u00e9"},
                {"authorization": f"Basic {TOKEN}"},
                {"authorization": f"bearer {TOKEN}"},
            )
        ]
        refusal = scraped(metrics_port)

    assert statuses == [401, 401, 401, 401, 401, 200]
    assert refusal.headers["www-authenticate"] == "Bearer"
    assert "team_access" not in refusal.text


def test_the_port_answers_nothing_but_metrics(folder: Path, database_url: str, metrics_port: int) -> None:
    with serving(folder, database_url, metrics_port, "--no-worker") as serve:
        others = [
            scraped(metrics_port, path).status_code for path in ("/", "/graphql", "/health", "/metrics/")
        ]
        changed = scraped(metrics_port, method="POST")
        of_the_api = serve.get("/metrics")
        typed = {
            accept: scraped(metrics_port, accept=accept).headers["content-type"]
            for accept in ("application/openmetrics-text;version=1.0.0", "text/plain;version=x", "image/png")
        }

    assert others == [404, 404, 404, 404]
    assert changed.status_code == 405
    assert of_the_api.status_code == 404
    assert [each.partition(";")[0] for each in typed.values()] == [
        "application/openmetrics-text",
        "text/plain",
        "text/plain",
    ]


def test_a_port_in_use_stops_the_start(folder: Path, database_url: str, metrics_port: int) -> None:
    with serving(folder, database_url, metrics_port, "--no-worker"):
        outcomes = [
            Command(folder, *command, DATABASE_URL=database_url, METRICS_PORT=str(metrics_port)).outcome()
            for command in (("serve", "--no-worker"), ("worker",))
        ]

    for code, _, err in outcomes:
        assert code == 1
        assert f"Port {metrics_port} is in use" in err
        assert "set METRICS_PORT to another" in err
        assert "Traceback" not in err


def _wait_until_listening(port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while True:
        try:
            scraped(port)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
