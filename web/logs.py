"""Log configuration: to standard error, as text or JSON. Paths and queries of requests are never logged,
since links contain tokens."""

import logging
import sys
from typing import Any

import structlog

from engine.outages import is_outage_ongoing, logged_as_outage
from permissions import security_log
from settings import Settings
from telemetry import tracing


def _add_trace_id(
    _logger: Any, _method: str, fields: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    trace_id = tracing.trace_id()
    if trace_id is not None:
        fields["trace_id"] = trace_id
    return fields


def configure_logs(settings: Settings) -> None:
    security_log.switch(on=settings.security_log == "on")
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _add_trace_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up for each logger: a redirected standard error may be closed later.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )
    logging.getLogger("asyncio").addFilter(_is_no_outage)
    logging.getLogger("pgqueuer").addFilter(_is_of_no_outage)


def _is_no_outage(record: logging.LogRecord) -> bool:
    """For libraries that log failures with tracebacks: adds outages to their log."""
    error = record.exc_info[1] if record.exc_info else None
    return error is None or not logged_as_outage(error)


def _is_of_no_outage(record: logging.LogRecord) -> bool:
    """For the job queue, which also logs what an outage leads to."""
    return _is_no_outage(record) and not is_outage_ongoing()
