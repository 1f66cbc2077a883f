"""Traces by OpenTelemetry, sent by OTLP where the standard variables of the environment are set. Without them
`tracer` is None, and nothing of OpenTelemetry is imported."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

if TYPE_CHECKING:
    from opentelemetry.context import Context as OpenTelemetryContext
    from opentelemetry.trace import Span, SpanKind, Tracer

tracer: "Tracer | None" = None
"""Tracer of this process while it traces."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"
_CLOSING_SECONDS = 2
_LOGGED_EVERY_SECONDS = 60
_MOST_SQL = 2_000
Result = TypeVar("Result")
log = structlog.get_logger()


class TracingError(ValueError):
    """Variable of the environment that cannot work, in one sentence."""


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces. Raises TracingError where they cannot be sent."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").strip() not in ("", "otlp"):
        return False
    if not any(environment.get(name) for name in _ENDPOINTS):
        return False
    for name in _PROTOCOLS:
        if environment.get(name) not in (None, "", _PROTOCOL):
            raise TracingError(f"{name} must be {_PROTOCOL}: traces are sent by no other protocol.")
    return True


@asynccontextmanager
async def tracing(environment: Mapping[str, str]) -> AsyncIterator[None]:
    """Traces during the block, where the environment asks for it. At its end, the last spans are sent."""
    global tracer
    if not is_configured(environment):
        yield
        return
    provider = _provider()
    tracer = provider.get_tracer("team-access")
    try:
        yield
    finally:
        tracer = None
        closing = asyncio.to_thread(provider.shutdown)
        await asyncio.wait([asyncio.ensure_future(closing)], timeout=_CLOSING_SECONDS)


def _provider() -> Any:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    logger = logging.getLogger("opentelemetry")
    logger.handlers, logger.propagate = [_Failures()], False
    resource = Resource.create({SERVICE_NAME: "team-access"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class _Failures(logging.Handler):
    """Writes what OpenTelemetry complains of to the log, at most once a minute."""

    _logged_at = float("-inf")

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING and monotonic() - self._logged_at > _LOGGED_EVERY_SECONDS:
            self._logged_at = monotonic()
            log.warning("traces_not_sent", reason=record.getMessage()[:500])


def trace_id() -> str | None:
    """Id of the trace that the current task belongs to, in hexadecimal digits."""
    if tracer is None:
        return None
    from opentelemetry.trace import format_trace_id, get_current_span

    context = get_current_span().get_span_context()
    return format_trace_id(context.trace_id) if context.is_valid else None


@contextmanager
def _current_span(
    name: str, attributes: Mapping[str, Any], kind: "SpanKind", context: "OpenTelemetryContext | None" = None
) -> Iterator["Span"]:
    """A span that has the type of an exception and not its message, in which there may be personal data and
    tokens: those of graphql-core and of PostgreSQL quote values."""
    assert tracer is not None  # noqa: S101
    with tracer.start_as_current_span(
        name, context, kind, attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield span
        except Exception as error:
            failed(span, type(error).__name__)
            raise


@contextmanager
def request_span(name: str, headers: Mapping[str, str], attributes: Mapping[str, Any]) -> Iterator["Span"]:
    """Span of an HTTP request, in the trace of its header `traceparent`."""
    from opentelemetry.trace import SpanKind
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    context = TraceContextTextMapPropagator().extract(headers)
    with _current_span(name, attributes, SpanKind.SERVER, context) as span:
        yield span


@contextmanager
def operation_span(kind: str | None, name: str | None, sha256: str | None) -> Iterator["Span"]:
    """Span of a GraphQL operation. The document is named by its hash: its text may have personal data."""
    from opentelemetry.trace import SpanKind

    attributes = {
        "graphql.operation.type": kind,
        "graphql.operation.name": name,
        "team_access.document.sha256": sha256,
    }
    given = {key: value for key, value in attributes.items() if value is not None}
    with _current_span(kind or "GraphQL Operation", given, SpanKind.INTERNAL) as span:
        yield span


def failed(span: "Span", error_type: str) -> None:
    from opentelemetry.trace import StatusCode

    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", error_type)


async def traced_statement(sql: str, executing: Awaitable[Result]) -> Result:
    """Executes a statement in a span. The text of statements has no values of requests: those are
    parameters."""
    from opentelemetry.trace import SpanKind

    if tracer is None:
        return await executing
    verb = sql.split(maxsplit=1)[0].upper()
    attributes = {
        "db.system.name": "postgresql",
        "db.operation.name": verb,
        "db.query.text": sql[:_MOST_SQL],
    }
    with _current_span(verb, attributes, SpanKind.CLIENT):
        return await executing


class TracedConnection:
    """Connection whose statements have spans."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, sql: str, *arguments: object) -> Any:
        return await traced_statement(sql, self._connection.fetch(sql, *arguments))

    async def execute(self, sql: str, *arguments: object) -> Any:
        return await traced_statement(sql, self._connection.execute(sql, *arguments))
