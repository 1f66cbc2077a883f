"""Subscriptions over HTTP: server-sent events and multipart responses."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets import ConnectionClosed

from tests.support.changes import REVOKE_API_KEY, REVOKE_SESSION
from tests.support.graphql_ws import connected
from tests.support.keys import generated
from tests.support.limited import limited
from tests.support.live import change_role
from tests.support.world import World
from web.connection_limits import ConnectionLimits
from web.graphql_stream import EVENT_STREAM, MULTIPART, accepted_stream

MEMBER = "subscription ($id: ID!) { viewerMemberChanged(accountId: $id) { role } }"
LOG = "subscription ($id: ID!) { auditLogAppended(accountId: $id) { action } }"
WAIT_SECONDS = 10
APOLLO = f'{MULTIPART};boundary="graphql";subscriptionSpec="1.0",application/json'
SESSIONS = "{ viewer { sessions { id isCurrent } } }"


class Stream:
    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._chunks = response.aiter_text()
        self._text = ""

    async def event(self) -> tuple[str, Any]:
        """Name and data of the next server-sent event. Pings are skipped."""
        while True:
            text = await self._until("\n\n")
            if text != ":":
                name, data = text.split("\n")
                return name.removeprefix("event: "), json.loads(data.removeprefix("data:").strip() or "null")

    async def part(self) -> Any:
        """JSON of the next part of a multipart response. Pings are skipped."""
        while True:
            part = await self._until("\r\n--graphql")
            if not part:
                continue
            head, body = part.split("\r\n\r\n")
            assert head == "\r\nContent-Type: application/json"
            if body != "{}":
                return json.loads(body)

    async def rest(self) -> str:
        async with asyncio.timeout(WAIT_SECONDS):
            return self._text + "".join([chunk async for chunk in self._chunks])

    async def _until(self, end: str) -> str:
        async with asyncio.timeout(WAIT_SECONDS):
            while end not in self._text:
                self._text += await anext(self._chunks)
        text, _, self._text = self._text.partition(end)
        return text


@asynccontextmanager
async def streaming(
    world: World, query: str, token: str | None, accept: str = EVENT_STREAM, **more: Any
) -> AsyncIterator[Stream]:
    headers = {"authorization": f"Bearer {token}", "accept": accept}
    body = {"query": query, "variables": {"id": world.account_id}, **more}
    async with world.http.stream("POST", "/graphql", json=body, headers=headers) as response:
        yield Stream(response)


async def test_server_sent_events(world: World) -> None:
    async with streaming(world, MEMBER, world.member.token) as stream:
        assert stream.response.status_code == 200
        assert stream.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.response.headers["cache-control"] == "no-store"
        assert stream.response.headers["x-content-type-options"] == "nosniff"
        name, answer = await stream.event()
        assert (name, answer["data"]) == ("next", {"viewerMemberChanged": {"role": "MEMBER"}})
        await change_role(world, "VIEWER")
        name, answer = await stream.event()
        assert (name, answer["data"]) == ("next", {"viewerMemberChanged": {"role": "VIEWER"}})


async def test_parts_of_a_multipart_response(world: World) -> None:
    async with streaming(world, MEMBER, world.member.token, APOLLO) as stream:
        kind = stream.response.headers["content-type"]
        assert kind == 'multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"'
        first = await stream.part()
        assert first["payload"]["data"] == {"viewerMemberChanged": {"role": "MEMBER"}}
        await change_role(world, "VIEWER")
        assert (await stream.part())["payload"]["data"] == {"viewerMemberChanged": {"role": "VIEWER"}}


async def test_a_refused_subscription_says_why_and_completes(world: World) -> None:
    async with streaming(world, LOG, world.viewer.token) as stream:
        name, answer = await stream.event()
        assert name == "next"
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
        assert await stream.event() == ("complete", None)
        assert await stream.rest() == ""
    async with streaming(world, LOG, world.viewer.token, APOLLO) as stream:
        part = await stream.part()
        assert part["payload"] is None
        assert [error["extensions"]["code"] for error in part["errors"]] == ["FORBIDDEN"]
        assert await stream.rest() == "--\r\n"


async def test_a_stream_ends_when_its_credential_ends(world: World) -> None:
    person = world.member
    session = next(each for each in (await person.ask(SESSIONS))["viewer"]["sessions"] if each["isCurrent"])
    async with streaming(world, MEMBER, person.token) as stream:
        await stream.event()
        await person.change(REVOKE_SESSION, sessionId=session["id"])
        name, answer = await stream.event()
        assert name == "next"
        assert answer["errors"][0]["extensions"]["code"] in ("STREAM_ENDED", "UNAUTHENTICATED")
        assert await stream.event() == ("complete", None)
        assert await stream.rest() == ""


async def test_queries_and_mutations_are_answered_as_one_event(world: World) -> None:
    async with streaming(world, "{ viewer { user { email } } }", world.member.token) as stream:
        name, answer = await stream.event()
        assert (name, answer["data"]) == ("next", {"viewer": {"user": {"email": world.member.email}}})
        assert await stream.event() == ("complete", None)
    async with streaming(world, "{ viewer { user { email } } }", world.member.token, APOLLO) as stream:
        assert stream.response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize(
    ("token", "more", "status", "code"),
    [
        ("wrong", {}, 401, "UNAUTHENTICATED"),
        ("", {"variables": 1}, 400, "BAD_REQUEST"),
    ],
)
async def test_what_refuses_the_request_has_its_status(
    world: World, token: str, more: dict[str, Any], status: int, code: str
) -> None:
    async with streaming(world, MEMBER, token or world.member.token, **more) as stream:
        assert stream.response.status_code == status
        answer = json.loads(await stream.response.aread())
        assert answer["errors"][0]["extensions"]["code"] == code


async def test_a_batch_cannot_subscribe(world: World) -> None:
    headers = {"authorization": f"Bearer {world.member.token}", "accept": EVENT_STREAM}
    body = [{"query": MEMBER, "variables": {"id": world.account_id}}]
    answer = await world.http.post("/graphql", json=body, headers=headers)
    assert answer.status_code == 400
    assert "one in a request" in answer.json()["errors"][0]["message"]


async def test_a_client_that_accepts_json_alone_is_told_how_to_subscribe(world: World) -> None:
    async with streaming(world, MEMBER, world.member.token, "application/json") as stream:
        answer = json.loads(await stream.response.aread())
        assert "the Accept header text/event-stream or multipart/mixed" in answer["errors"][0]["message"]


async def test_the_call_of_a_key_is_recorded_once(world: World) -> None:
    _, secret = await generated(world)
    async with streaming(world, MEMBER, secret) as stream:
        await stream.event()
        await change_role(world, "VIEWER")
    calls = [each for each in await world.events() if each["action"] == "API_CALLED"]
    assert [each["details"]["kind"] for each in calls] == ["SUBSCRIPTION"]


async def test_streams_count_as_websockets(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ConnectionLimits(websockets_per_credential=2)
    monkeypatch.setattr(ConnectionLimits, "of", lambda _settings: limits)
    async with limited(world) as (there, _):
        async with (
            streaming(there, MEMBER, world.member.token) as first,
            streaming(there, MEMBER, world.member.token) as second,
        ):
            await first.event()
            await second.event()
            async with streaming(there, MEMBER, world.member.token) as third:
                assert third.response.status_code == 429
                assert third.response.headers["retry-after"] == "1"
                answer = json.loads(await third.response.aread())
                assert answer["errors"][0]["extensions"]["limit"] == "websockets_per_credential"
        async with asyncio.timeout(WAIT_SECONDS):
            while await _status(there) == 429:  # noqa: ASYNC110 - the server notices that they have left
                await asyncio.sleep(0.02)


async def _status(world: World) -> int:
    async with streaming(world, MEMBER, world.member.token) as stream:
        return stream.response.status_code


async def test_idle_streams_are_pinged_and_end_with_the_server(world: World) -> None:
    async with limited(world, websocket_ping_seconds=0.05) as (there, _):
        headers = {"authorization": f"Bearer {world.member.token}", "accept": EVENT_STREAM}
        body = {"query": MEMBER, "variables": {"id": world.account_id}}
        async with there.http.stream("POST", "/graphql", json=body, headers=headers) as response:
            stream = Stream(response)
            await stream.event()
            for _ in range(3):
                assert await stream._until("\n\n") == ":"


@pytest.mark.parametrize(
    ("accept", "stream"),
    [
        ("", None),
        ("*/*", None),
        ("application/json", None),
        ("text/event-stream", EVENT_STREAM),
        ("text/event-stream;q=0", None),
        (APOLLO, MULTIPART),
        ("application/json, text/event-stream", EVENT_STREAM),
    ],
)
def test_accepted_streams(accept: str, stream: str | None) -> None:
    assert accepted_stream(accept) == stream


async def test_a_refused_request_of_a_key_is_recorded_once(world: World) -> None:
    key_id, secret = await generated(world)
    await world.admin.change(REVOKE_API_KEY, apiKeyId=key_id)
    async with streaming(world, MEMBER, secret) as stream:
        assert stream.response.status_code == 401
    (call,) = [each for each in await world.events() if each["action"] == "API_CALLED"]
    assert (call["details"]["status"], call["details"]["errorCodes"]) == (401, ["UNAUTHENTICATED"])


async def test_a_refused_place_of_a_key_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = await generated(world)
    limits = ConnectionLimits(websockets_per_credential=1)
    monkeypatch.setattr(ConnectionLimits, "of", lambda _settings: limits)
    async with limited(world) as (there, _), streaming(there, MEMBER, secret) as first:
        await first.event()
        async with streaming(there, MEMBER, secret) as second:
            assert second.response.status_code == 429
    calls = [each for each in await world.events() if each["action"] == "API_CALLED"]
    assert sorted(each["details"]["status"] for each in calls) == [200, 429]
    assert all(0 < each["details"]["durationMs"] < 60_000 for each in calls)


async def test_a_refused_socket_of_a_key_is_recorded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, secret = await generated(world)
    limits = ConnectionLimits(websockets_per_credential=1)
    monkeypatch.setattr(ConnectionLimits, "of", lambda _settings: limits)
    async with limited(world) as (there, _), streaming(there, MEMBER, secret) as first:
        await first.event()
        with pytest.raises(ConnectionClosed):
            async with connected(str(there.http.base_url), secret):
                pass
    calls = [each for each in await world.events() if each["action"] == "API_CALLED"]
    assert sorted(each["details"]["status"] for each in calls) == [200, 429]
