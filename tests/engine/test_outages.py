"""Classification of errors as outages of the database or as faults."""

import asyncio

import asyncpg
import pytest
import structlog

from engine import outage_log, outages
from engine.outage_log import BusyLog, OutageLog
from engine.outages import NoConnectionFree, NoResponse, logged_as_outage, outage_of, outages_ended_by


async def test_a_closed_connection_is_an_outage(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.close()

    with pytest.raises(asyncpg.InterfaceError) as closed:
        await connection.fetch("SELECT 1")

    assert outage_of(closed.value) is closed.value


async def test_a_wrong_argument_is_not(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)

    with pytest.raises(asyncpg.InterfaceError) as mistake:
        await connection.fetch("SELECT $1::int", 1, 2)
    await connection.close()

    assert outage_of(mistake.value) is None


def test_an_error_that_was_caused_by_itself_is_not() -> None:
    error = ValueError("a circle")
    error.__cause__ = error

    assert outage_of(error) is None


@pytest.fixture
def _own_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "_LOG", OutageLog())
    monkeypatch.setattr(outages, "_BUSY_LOG", BusyLog())
    monkeypatch.setattr(outage_log, "_LOOKED_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(outage_log, "_QUIET_SECONDS", 0.05)


@pytest.mark.usefixtures("_own_logs")
async def test_each_outage_has_one_line_for_its_begin_and_one_for_its_end() -> None:
    answers = [False, False, True, True]

    async def is_available() -> bool:
        return answers.pop(0)

    with structlog.testing.capture_logs() as logs, outages_ended_by(is_available):
        for expected in (2, 4):
            for _ in range(3):
                assert logged_as_outage(NoResponse("Silence."))
            async with asyncio.timeout(10):
                while len(logs) < expected:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

    assert [(each["event"], each.get("failures")) for each in logs] == [
        ("database_unavailable", None), ("database_available", 3)
    ] * 2  # fmt: skip
    assert answers == []


@pytest.mark.usefixtures("_own_logs")
async def test_a_busy_database_is_no_outage_unless_there_is_one() -> None:
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            assert logged_as_outage(NoConnectionFree("None."))
        assert logged_as_outage(NoResponse("Silence."))
        assert logged_as_outage(NoConnectionFree("None."))

    assert [each["event"] for each in logs] == ["database_busy", "database_unavailable"]


def test_a_session_that_the_server_has_ended_is_an_outage_and_other_faults_of_the_driver_are_not() -> None:
    words = "cannot switch to state 12; another operation ({}) is in progress"

    assert outage_of(asyncpg.InternalClientError(words.format(2)))
    assert outage_of(asyncpg.InternalClientError(words.format(12))) is None
