"""The log of a server during an outage."""

import json
import logging
from typing import Any

import pytest


class OutageLogs:
    """Lines that the server has written since the last look."""

    def __init__(self, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        self._capfd, self._caplog = capfd, caplog
        self.lines: list[str] = []

    def read(self) -> list[dict[str, Any]]:
        """Events about the database."""
        self.lines += self._capfd.readouterr().err.splitlines()
        events = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [event for event in events if event["event"] in ("database_unavailable", "database_available")]

    def clear(self) -> None:
        self.lines.clear()

    @property
    def has_ended(self) -> bool:
        return any(event["event"] == "database_available" for event in self.read())

    def assert_one_outage(self) -> dict[str, Any]:
        """One line for its begin and one for its end, and nothing else about it. Returns the last one."""
        events = self.read()
        assert [event["event"] for event in events] == ["database_unavailable", "database_available"], events
        self.assert_no_traceback()
        return events[-1]

    def assert_no_traceback(self) -> None:
        self.read()
        assert "Traceback" not in "\n".join(self.lines)
        others = [line for line in self.lines if '"event": "database_' not in line]
        assert not [line for line in others if '"level": "error"' in line], others
        records = [each for each in self._caplog.records if each.levelno >= logging.WARNING]
        assert not records, [each.getMessage() for each in records]
