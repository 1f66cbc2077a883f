"""Lines of the security log and of the access log."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
import structlog

from permissions import security_log
from tests.sessions.test_link_hostility import elsewhere
from tests.support.changes import UPDATE_ACCOUNT
from tests.support.keys import generated
from tests.support.serving import free_port
from tests.support.world import World

Lines = list[MutableMapping[str, Any]]
VIEWER = "query Me { viewer { user { name } } }"


@pytest.fixture
def logs() -> Iterator[Lines]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def of(logs: Lines, category: str) -> Lines:
    return [line for line in logs if line.get("category") == category]


async def send(world: World, token: str | None, query: str = VIEWER, **more: Any) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return await world.http.post("/graphql", json={"query": query, **more}, headers=headers)


async def test_a_sign_in_and_a_sign_out(world: World, logs: Lines) -> None:
    person = await world.sign_in("admin@example.com")
    await person.ask("mutation { signOut { userErrors { message } } }")

    signed_in, signed_out = of(logs, "security")
    assert (signed_in["event"], signed_out["event"]) == ("signed_in", "signed_out")
    assert signed_in["user_id"] == signed_out["user_id"]
    assert signed_in["credential_id"] == signed_out["credential_id"]
    assert signed_out["ip"] == "127.0.0.1"
    assert "@" not in repr([signed_in, signed_out])


@pytest.mark.parametrize("token", ["x" * 43, "ta_" + "x" * 49, "ta_short"])
async def test_a_credential_that_does_not_work(world: World, logs: Lines, token: str) -> None:
    answer = await send(world, token)

    assert answer.status_code == 401
    (line,) = of(logs, "security")
    assert line["event"] == "credential_refused"
    assert line["credential"] == ("api_key" if token.startswith("ta_") else "session")
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["reason"]
    assert token not in repr(line)


async def test_a_malformed_header(world: World, logs: Lines) -> None:
    answer = await world.http.post(
        "/graphql", json={"query": VIEWER}, headers={"authorization": "Basic c2VjcmV0"}
    )

    assert answer.status_code == 401
    (line,) = of(logs, "security")
    assert (line["event"], "c2VjcmV0" in repr(line)) == ("credential_refused", False)


async def test_a_missing_permission(world: World, logs: Lines) -> None:
    payload = await world.member.http.post(
        "/graphql",
        json={"query": UPDATE_ACCOUNT, "variables": {"input": {"accountId": world.account_id, "name": "X"}}},
        headers={"authorization": f"Bearer {world.member.token}"},
    )

    assert payload.json()["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    (line,) = of(logs, "security")
    assert line["event"] == "permission_denied"
    assert line["codes"] == ["FORBIDDEN"]
    assert line["request_id"] == payload.headers["x-request-id"]
    assert line["user_id"]


async def test_an_exceeded_limit(world: World) -> None:
    """Later requests are refused before they are read, without a line."""
    assert world.admin.token
    async with elsewhere(world, port=free_port(), rate_limit_per_minute=1) as there:
        with structlog.testing.capture_logs() as logs:
            statuses = [(await send(there, world.admin.token)).status_code for _ in range(3)]

    assert statuses == [200, 429, 429]
    (line,) = of(logs, "security")
    assert (line["event"], line["credential"]) == ("rate_limited", "session")
    assert world.admin.token not in repr(logs)


async def test_the_log_can_be_switched_off(world: World) -> None:
    async with elsewhere(world, port=free_port(), security_log="off") as there:
        with structlog.testing.capture_logs() as logs:
            answer = await send(there, "x" * 43)
    security_log.switch(on=True)

    assert answer.status_code == 401
    assert logs == []


async def test_what_is_allowed_has_no_line(world: World, logs: Lines) -> None:
    await send(world, world.admin.token)
    await send(world, None, "{ __typename }")

    assert of(logs, "security") == of(logs, "access") == []


async def test_each_operation_is_a_line_of_the_access_log(world: World) -> None:
    _, key = await generated(world)
    async with elsewhere(world, port=free_port(), access_log="on") as there:
        with structlog.testing.capture_logs() as logs:
            answers = [
                await send(there, key, VIEWER),
                await send(there, None, "{ nothing }", operationName="a\nb"),
                await send(there, None, 'query Secret { __type(name: "ada@example.com") { name } }'),
            ]

    lines = of(logs, "access")
    assert [line["request_id"] for line in lines] == [each.headers["x-request-id"] for each in answers]
    called, refused, searched = lines
    assert (called["operation"], called["kind"], called["credential"]) == ("Me", "query", "api_key")
    assert called["status"] == 200
    assert called["duration_ms"] > 0
    assert refused["codes"] == ["GRAPHQL_VALIDATION_FAILED"]
    assert refused["operation"] == "ab"
    assert searched["operation"] == "Secret"
    assert "@" not in repr(lines)
    assert key not in repr(lines)
