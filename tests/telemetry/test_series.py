"""What a process counts, and what it reports of it."""

import os
import socket
from secrets import token_hex

import httpx
import pytest

from telemetry.families import OPERATION_ERRORS, OPERATION_SECONDS
from telemetry.operations import MOST_NAMES, OperationNames
from telemetry.reports import ReportChannel, Reporter
from telemetry.series import OTHER, CounterFamily, HistogramFamily
from telemetry.totals import SILENT_SECONDS, Totals
from tests.support.world import World


def received(channel: ReportChannel, totals: Totals) -> int:
    """Adds what was sent up; returns the number of datagrams."""
    count = 0
    while True:
        try:
            totals.add(channel.receiver.recv(2**20))
        except BlockingIOError:
            return count
        count += 1


def lines(totals: Totals, start: str) -> list[str]:
    return [each for each in totals.text("")[0].decode().splitlines() if each.startswith(start)]


@pytest.fixture
def totals() -> Totals:
    return Totals()


@pytest.fixture
def channel() -> ReportChannel:
    return ReportChannel()


def test_a_value_equal_to_a_bound_is_below_it() -> None:
    family = HistogramFamily("seconds", "", (1, 2))

    for value in (0.5, 1, 1.5, 2, 3):
        family.labels().observe(value)

    assert family.labels().counts == [2, 2, 1]


def test_the_number_of_series_is_bounded() -> None:
    family = CounterFamily("errors_total", "", ("code",), most=2)

    for code in "abcdcd":
        family.labels(code).value += 1

    assert {labels: series.value for labels, series in family.series.items()} == {
        ("a",): 1,
        ("b",): 1,
        (OTHER,): 4,
    }


def test_only_increases_are_reported(channel: ReportChannel, totals: Totals) -> None:
    code = token_hex(4)
    OPERATION_ERRORS.labels(code).value += 5
    reporter = Reporter(channel, "server")  # As in a process that was forked by then.

    for _ in range(3):
        OPERATION_ERRORS.labels(code).value += 2
        reporter.report()
    received(channel, totals)
    reporter.report()

    assert received(channel, totals) == 1  # Only the gauges.
    assert lines(totals, f'team_access_operation_errors_total{{code="{code}"}}') == [
        f'team_access_operation_errors_total{{code="{code}"}} 6.0'
    ]


def test_what_nobody_receives_is_reported_later(channel: ReportChannel, totals: Totals) -> None:
    code = token_hex(4)
    reporter = Reporter(channel, "server")
    for _ in range(5_000):  # Many more than the buffer has place for.
        OPERATION_ERRORS.labels(code).value += 1
        OPERATION_SECONDS.labels(code, "query").observe(1)
        reporter.report()

    while received(channel, totals):
        reporter.report()
        if lines(totals, f'team_access_operation_errors_total{{code="{code}"}} 5000'):
            break

    assert lines(totals, f'team_access_operation_errors_total{{code="{code}"}} 5000')
    assert lines(totals, f'team_access_operation_seconds_count{{kind="query",operation="{code}"}} 5000')


def test_reports_to_an_exporter_that_has_ended_do_no_harm(channel: ReportChannel) -> None:
    reporter = Reporter(channel, "server")
    channel.receiver.close()

    reporter.report()


def test_the_gauges_of_a_silent_process_are_dropped(channel: ReportChannel) -> None:
    time = 0.0
    totals = Totals(lambda: time)
    Reporter(channel, "server").report()
    received(channel, totals)
    before = lines(totals, "team_access_processes{")

    time = SILENT_SECONDS + 1

    assert before == ['team_access_processes{process="server"} 1.0']
    assert lines(totals, "team_access_processes{") == []


def test_the_sum_of_the_processes_has_a_bounded_number_of_series(totals: Totals) -> None:
    for number in range(OPERATION_ERRORS.most + 5):
        row = f'["{OPERATION_ERRORS.name}", ["{number}"], 1]'
        totals.add(f'[{os.getpid()}, "server", [{row}]]'.encode())

    found = lines(totals, "team_access_operation_errors_total{")
    assert len(found) == OPERATION_ERRORS.most + 1
    assert f'team_access_operation_errors_total{{code="{OTHER}"}} 5.0' in found


def test_only_some_names_of_operations_have_series() -> None:
    names = OperationNames(["Team"])

    assert names.series("Guessed", "query", may_add=False) is None
    for number in range(MOST_NAMES):
        names.series(f"Name{number}", "query", may_add=True)
    late = names.series("Late", "query", may_add=True)

    other = OperationNames.other("query")
    assert late == other
    assert names.series("Team", "query", may_add=False) != other
    assert names.series("x" * 101, "query", may_add=True) == other
    assert names.series("Name0", "query", may_add=False) != other


async def test_a_client_without_a_credential_adds_no_names(world: World) -> None:
    guessed, used = f"Guessed{token_hex(4)}", f"Used{token_hex(4)}"

    for name, headers in ((guessed, {}), (used, {"authorization": f"Bearer {world.admin.token}"})):
        answer = await world.http.post(
            "/graphql", json={"query": f"query {name} {{ __typename }}"}, headers=headers
        )
        assert answer.status_code == httpx.codes.OK

    counted = {operation for operation, _ in OPERATION_SECONDS.series}
    assert used in counted
    assert guessed not in counted
    assert OTHER in counted


def test_a_datagram_fits_into_the_buffer_of_every_system(channel: ReportChannel) -> None:
    for number in range(200):
        OPERATION_SECONDS.labels("x" * 100 + str(number), "subscription").observe(1)
    sizes: list[int] = []

    Reporter(channel, "server").report()
    while True:
        try:
            sizes.append(len(channel.receiver.recv(2**20)))
        except BlockingIOError:
            break

    assert len(sizes) > 2
    assert max(sizes) < 32_000
    assert channel.sender.family == socket.AF_UNIX
