"""Traces of a real server, as an OTLP receiver gets them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from telemetry.tracing import TracingError, is_configured
from tests.support.changes import UPDATE_ACCOUNT
from tests.support.commands import Command, folder
from tests.support.http_clients import NO_AUTHORITIES
from tests.support.killed_servers import served
from tests.support.receiver import Receiver, receiving
from tests.support.world import World

__all__ = ["folder"]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest_asyncio.fixture
async def collector() -> AsyncIterator[Receiver]:
    async with receiving() as receiver:
        yield receiver


def spans(collector: Receiver) -> Iterator[Span]:
    for request in collector.taken:
        exported = ExportTraceServiceRequest.FromString(request.body)
        for resource in exported.resource_spans:
            for scope in resource.scope_spans:
                yield from scope.spans


def of_trace(collector: Receiver) -> list[Span]:
    return [span for span in spans(collector) if span.trace_id.hex() == TRACE]


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def until(found: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not found():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def traced(collector: Receiver) -> dict[str, str]:
    return {ENDPOINT: f"http://127.0.0.1:{collector.port}", "OTEL_BSP_SCHEDULE_DELAY": "100"}


SIGN_IN = "mutation ($input: SignInInput!) { signIn(input: $input) { sessionToken } }"


async def test_a_change_is_traced_from_its_request_to_its_statements(
    world: World, collector: Receiver
) -> None:
    headers = {
        "authorization": f"Bearer {world.admin.token}",
        "traceparent": f"00-{TRACE}-{PARENT}-01",
    }
    input = {"accountId": world.account_id, "name": "Traced by ada@example.com"}
    async with (
        served(world, 0, "", **traced(collector)) as (_, url),
        httpx.AsyncClient(verify=NO_AUTHORITIES) as http,
    ):
        answer = await http.post(
            f"{url}/graphql",
            json={"query": UPDATE_ACCOUNT, "variables": {"input": input}},
            headers=headers,
        )
        assert answer.json()["data"]["updateAccount"]["userErrors"] == []
        await until(lambda: any(span.kind == Span.SPAN_KIND_SERVER for span in of_trace(collector)))
        found = of_trace(collector)

    (request,) = (span for span in found if span.kind == Span.SPAN_KIND_SERVER)
    (operation,) = (span for span in found if span.name == "mutation")
    statements = [span for span in found if span.kind == Span.SPAN_KIND_CLIENT]
    assert (request.name, request.parent_span_id.hex()) == ("POST /graphql", PARENT)
    assert attributes(request)["http.response.status_code"] == 200
    assert attributes(request)["team_access.request_id"] == answer.headers["x-request-id"]
    assert operation.parent_span_id == request.span_id
    assert attributes(operation)["graphql.operation.type"] == "mutation"
    assert {span.parent_span_id for span in statements} == {operation.span_id}
    assert {"SELECT", "UPDATE"} <= {span.name for span in statements}
    assert all(attributes(span)["db.system.name"] == "postgresql" for span in statements)
    sent = b"".join(each.body for each in collector.taken)
    assert b"ada@example.com" not in sent
    assert (world.admin.token or "no token").encode() not in sent
    event = (await world.events())[0]
    assert event["details"]["traceId"] == TRACE


async def test_the_path_of_an_emailed_link_is_in_no_span(world: World, collector: Receiver) -> None:
    async with (
        served(world, 0, "", **traced(collector)) as (_, url),
        httpx.AsyncClient(verify=NO_AUTHORITIES) as http,
    ):
        await http.get(f"{url}/join/{'s3cret' * 7}")
        await until(lambda: any(span.name.startswith("GET /join/") for span in spans(collector)))

    assert b"s3cret" not in b"".join(each.body for each in collector.taken)


async def test_what_an_error_quotes_is_in_no_span(world: World, collector: Receiver) -> None:
    """graphql-core's messages quote variables, and PostgreSQL's the values of a row."""
    requests = [
        {"query": SIGN_IN, "variables": {"input": {"token": "s3cret" * 7, "unknown": 1}}},
        {"query": 'mutation { signIn(input: {token: "s3cret", unknown: 1}) { sessionToken } }'},
        {"query": SIGN_IN, "variables": {"input": {"token": ["s3cret", 1]}}},
    ]
    async with (
        served(world, 0, "", **traced(collector)) as (_, url),
        httpx.AsyncClient(verify=NO_AUTHORITIES) as http,
    ):
        for each in requests:
            answer = await http.post(f"{url}/graphql", json=each)
            assert answer.json()["errors"]
        await until(lambda: len([1 for span in spans(collector) if span.name == "POST /graphql"]) == 3)

    sent = b"".join(each.body for each in collector.taken)
    assert b"s3cret" not in sent
    assert b"OperationRefused" in sent


async def test_a_collector_that_is_not_there_delays_nothing(world: World) -> None:
    async with (
        served(world, 0, "", **{ENDPOINT: "http://127.0.0.1:1"}) as (_, url),
        httpx.AsyncClient(verify=NO_AUTHORITIES) as http,
    ):
        answer = await http.post(
            f"{url}/graphql",
            json={"query": "{ __typename }"},
            headers=[(b"traceparent", b"00-zz-\xff-01")],
        )

    assert answer.json()["data"] == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, False),
        ({ENDPOINT: ""}, False),
        ({ENDPOINT: "http://x"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x"}, True),
        ({ENDPOINT: "http://x", "OTEL_SDK_DISABLED": "TRUE"}, False),
        ({ENDPOINT: "http://x", "OTEL_TRACES_EXPORTER": "none"}, False),
        ({ENDPOINT: "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, True),
    ],
)
def test_the_standard_variables_decide(environment: dict[str, str], expected: bool) -> None:
    assert is_configured(environment) is expected


def test_another_protocol_is_refused() -> None:
    with pytest.raises(TracingError, match="must be http/protobuf"):
        is_configured({ENDPOINT: "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"})


def test_another_protocol_stops_the_start(folder: Path, database_url: str) -> None:
    settings = {ENDPOINT: "http://x", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "DATABASE_URL": database_url}

    code, _, err = Command(folder, "serve", **settings).outcome()

    assert code == 1
    assert err == "OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf: traces are sent by no other protocol.\n"
