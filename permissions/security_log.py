"""Security log: one line for each authentication event, and for each operation that lacks a permission. It
does not depend on LOG_LEVEL, and has neither tokens nor email addresses."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog

from telemetry.families import SECURITY_EVENTS

if TYPE_CHECKING:
    from permissions.context import Context

_log: Any = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
_is_on = True


def switch(*, on: bool) -> None:
    """Switches the lines of this process on or off. Events are counted in any case."""
    global _is_on
    _is_on = on


@contextmanager
def without_lines() -> Iterator[None]:
    """For the demo, whose people sign in without a client."""
    was_on = _is_on
    switch(on=False)
    try:
        yield
    finally:
        switch(on=was_on)


def security_event(event: str, fields: Mapping[str, object]) -> None:
    """Writes a line of the process log with `category=security`, and counts it."""
    SECURITY_EVENTS.labels(event).value += 1
    if _is_on:
        _log.info(event, category="security", **fields)


def source_of(context: "Context") -> dict[str, str | None]:
    """Fields that say where a request comes from and whose credential it has."""
    viewer = context.api_key_viewer or context.viewer
    fields = {"ip": context.client.ip, "request_id": context.client.request_id}
    if viewer is not None:
        fields |= {
            "user_id": str(viewer.user.id),
            "credential_id": str(viewer.credential_id),
            "credential": "api_key" if viewer.is_api_key else "session",
        }
    return fields
