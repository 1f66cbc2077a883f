"""Whatever is asked, whoever asks: the compiled executor answers as graphql-core does.

`EQUALITY_EXAMPLES=20000` looks for more, at random; without it each run looks at the same few hundred.
"""

import json
import os
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
import structlog
from graphql import ExecutionResult, GraphQLFormattedError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.compiled_operations import COMPILED, executions
from engine.execution import execute, execute_reference
from engine.operation_cache import Documents, OperationRefused, PreparedOperation
from permissions.context import Context
from schema import SCHEMA
from tests.support.busy_stage import PEOPLE, VALUES, BusyStage
from tests.support.generated_operations import Generated, operations
from tests.support.graphql_ws import connected
from tests.support.world import World
from web.error_masking import presented
from web.json_encoder import encode

MORE = int(os.environ.get("EQUALITY_EXAMPLES", "0"))
DOCUMENTS = Documents(SCHEMA._schema)
WHO = st.sampled_from(PEOPLE)
# The stage stays as it is while operations are read from it.
BOUNDED = settings(
    max_examples=MORE or 250,
    derandomize=not MORE,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

Execute = Callable[[Any, PreparedOperation, object], Awaitable[ExecutionResult]]


@pytest_asyncio.fixture
async def stage(busy_stage: BusyStage, world: World) -> BusyStage:
    # A session that is used is noted once a minute, which would be in the midst of a comparison.
    await world.superuser.execute("UPDATE sessions SET last_used_at = now() + interval '1 day'")
    return busy_stage


@pytest.fixture
def tally() -> Iterator[Counter[str]]:
    """How the operations of a test went: that they agree says nothing where nothing is read or compiled."""
    counts: Counter[str] = Counter()
    yield counts
    answered = counts.total() - counts["refused"]
    # A condition that is null is left to graphql-core, and Hypothesis may draw such an operation many times.
    without_errors = answered - counts["with errors"] - counts["a condition that is null"]
    assert counts["refused"] <= counts.total() / 7, counts
    assert without_errors >= answered / 3, counts
    # What is not fast asks for the schema itself, which is graphql-core's.
    assert counts[COMPILED] >= 0.9 * without_errors, counts


@BOUNDED
@given(WHO, operations(SCHEMA._schema, VALUES))
async def test_what_is_asked_well(
    stage: BusyStage, tally: Counter[str], who: str, operation: Generated
) -> None:
    await assert_equal(stage, tally, who, operation)


@BOUNDED
@given(WHO, operations(SCHEMA._schema, VALUES, mistakes=True))
async def test_what_is_asked_with_mistakes(
    stage: BusyStage, tally: Counter[str], who: str, operation: Generated
) -> None:
    await assert_equal(stage, tally, who, operation)


async def assert_equal(stage: BusyStage, tally: Counter[str], who: str, operation: Generated) -> None:
    operation = stage.filled(operation)
    try:
        prepared = DOCUMENTS.prepare(operation.text, operation.operation_name, operation.variables)
    except OperationRefused:
        tally["refused"] += 1
        return
    compiled, reference = [await stage.context(who) for _ in range(2)]
    before = executions.counts.copy()
    with structlog.testing.capture_logs() as logs:
        answer = await answer_of(execute, prepared, compiled)
    (way,) = (executions.counts - before).elements()

    due = await answer_of(execute_reference, prepared, reference)

    assert answer == due
    assert "INTERNAL_ERROR" not in due
    assert [log["exception"] for log in logs if log["event"] == "fast_path_failed"] == []
    tally["with errors" if '"errors":[' in due else way] += 1


async def answer_of(run: Execute, prepared: PreparedOperation, context: Context) -> str:
    """The body of the HTTP response, but for the cost.

    Errors are sorted: fields side by side end in the order in which the database answers, which is not
    the same twice.
    """
    try:
        result = await run(SCHEMA, prepared, context)
    except OperationRefused as refused:
        return encode({"errors": in_order(presented(refused.errors, "-"))}).decode()
    answer: dict[str, Any] = {"data": result.data}
    if result.errors:
        answer["errors"] = in_order(presented(result.errors, "-"))
    return encode(answer).decode()


def in_order(errors: list[GraphQLFormattedError]) -> list[GraphQLFormattedError]:
    return sorted(errors, key=lambda error: json.dumps(error, default=str))


# A list's arguments are refused where nothing is read of it, too.
UNREAD = [
    '{ catalog(filter: { tag: "test" }) { totalCount nodes { slug } } }',
    '{ catalog(before: "nonsense", first: 0) { totalCount } }',
    '{ account { members(after: "<members_by_name_0>") { totalCount } } }',
    '{ account { members { nodes { licenses(after: "nonsense") { totalCount } } } } }',
    "{ catalog(first: 101) { __typename } }",
    "{ catalog(first: 1, last: 1) { nodes @skip(if: true) { id } } }",
    '{ account { licenses(filter: { themeIds: ["<member_0>"] }) { __typename } } }',
    '{ account { auditLog(after: "nonsense") { pageInfo @skip(if: true) { hasNextPage } } } }',
]


@pytest.mark.parametrize("text", UNREAD)
async def test_lists_of_which_little_is_read(stage: BusyStage, text: str) -> None:
    await assert_equal(stage, Counter(), "ADMIN", Generated(text))


# The text, and who asks.
SERVED = [
    (
        "{ account { ...A } } fragment A on Account { members { nodes { name email role lastActiveAt } } }",
        "ADMIN",
    ),
    ('{ account { licenses(filter: { search: "e" }) { totalCount nodes { site status key } } } }', "MEMBER"),
    (
        "{ account { auditLog(first: 30) { edges { cursor node { details occurredAt actor { name } } } } } }",
        "ADMIN",
    ),
    ("{ account { auditLog { nodes { id } } } catalog { nodes { price { amount } } } }", "VIEWER"),
    (
        "{ viewer { memberships { account { limits { maxMonthlySpend { amount } } } } } account { id } }",
        "BOTH",
    ),
    ("{ viewer { user { id } } account { id } catalog { totalCount } }", "NOBODY"),
    (
        '{ nodes(ids: ["<member_0>", "<license_2>", "<event_3>", "<theme_1>", "none"]) { id __typename } }',
        "VIEWER",
    ),
    ('{ account(id: "<account_1>") { name invitations { nodes { email status } } } }', "BOTH"),
]


@pytest.mark.parametrize(("text", "who"), SERVED)
async def test_as_it_is_served(
    stage: BusyStage, app_url: str, monkeypatch: pytest.MonkeyPatch, text: str, who: str
) -> None:
    person, text = stage.people[who], stage.filled(Generated(text)).text

    answer = await person.post(text)
    async with connected(app_url, person.token) as socket:
        (by_socket,) = await (await socket.subscribe(text)).rest()
    monkeypatch.setattr(executions, "compiled", False)
    due = await person.post(text)

    assert due["data"]
    assert json.dumps(answer) == json.dumps(due)
    assert json.dumps(by_socket["data"]) == json.dumps(due["data"])
