"""Audit streams are created, changed and deleted: validation, payloads and events."""

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models.audit_streams import AuditStream
from tests.processes.test_concurrency import at_once
from tests.support.audit_streams import (
    CREATE,
    DELETE,
    STREAMS,
    UPDATE,
    create,
    delivering,
    head,
    let_private,
    shown,
)
from tests.support.changes import codes, nothing_changes, user_error
from tests.support.receiver import Receiver, receiving
from tests.support.stored_keys import uuid_of
from tests.support.world import World

URL = "https://hooks.example.com/audit?token=hushed"
NO_URLS = [
    "", " ", "hooks.example.com", "//hooks.example.com", "http://hooks.example.com", "ftp://hooks.example.com",
    f"https://{'a' * 1_500}.com",
    "https:", "https://", "https:///audit", "https://:443/", "https://?", "https:/hooks.example.com",
    "javascript:alert(1)", "https://me@hooks.example.com", "https://me:secret@hooks.example.com",
    "https://@hooks.example.com", "https://hooks.example.com/#here", "https://hooks.example.com:25/",
    "https://hooks.example.com:22", "https://hooks.example.com:80", "https://hooks.example.com:0",
    "https://hooks.example.com:1023", "https://hooks.example.com:65536", "https://hooks.example.com:x",
    "https://hooks.example.com:-1", "https://localhost", "https://localhost:8443", "https://intranet/audit",
    "https://127.0.0.1", "https://127.1", "https://2130706433", "https://0x7f.0.0.1", "https://0177.0.0.1",
    "https://0", "https://10.0.0.1/", "https://192.168.1.1", "https://169.254.169.254/latest", "https://[::1]",
    "https://[::ffff:127.0.0.1]", "https://[fe80::1]", "https://[fe80::1%25eth0]", "https://[2600::1%a]", "https://[fd00::1]",
    "https://[64:ff9b::7f00:1]", "https://[2002:7f00:1::]", "https://[::1", "https://::1/", "https://[x]/",
    "https://hooks..example.com", "https://-hooks.example.com", "https://hooks-.example.com",
    "https://ho oks.example.com", "https://hooks.example.com/a b", "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com/\nx", "https://hooks.example.com/\r\nHost: x", "https://hooks.example.com/\x7f",
    "https://hooks.example.com/é", "https://\uff11\uff12\uff17.0.0.1", "https://127\u30020\u30020\u30021", "https://*.example.com",
    "https://hooks.example.com/" + "a" * 2_000, f"https://{'a' * 64}.example.com", "https://xn--a.example.com/é",
]  # fmt: skip
URLS = {
    "https://hooks.example.com": "https://hooks.example.com",
    " https://Hooks.Example.COM/Audit?x=%20 ": "https://hooks.example.com/Audit?x=%20",
    "https://hooks.example.com:443/": "https://hooks.example.com:443/",
    "https://hooks.example.com:8443/": "https://hooks.example.com:8443/",
    "https://hooks.example.com./": "https://hooks.example.com/",
    "https://bücher.example/": "https://xn--bcher-kva.example/",
    "https://a_b.example.com/": "https://a_b.example.com/",
    "https://8.8.8.8/": "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]:8443/": "https://[2606:4700:4700::1111]:8443/",
}


@pytest.fixture
def private(world: World) -> Iterator[None]:
    let_private(world)
    yield
    object.__setattr__(world.settings, "audit_stream_private_addresses", False)


async def test_a_new_audit_stream_begins_with_the_event_that_tells_of_it(world: World) -> None:
    payload = await world.admin.change(CREATE, accountId=world.account_id, url=URL)

    stream = payload["auditStream"]
    assert payload["secret"].startswith("whsec_")
    assert (stream["url"], stream["actions"], stream["status"]) == (URL, None, "ACTIVE")
    assert stream["createdBy"] == {"id": world.admin.member_id}
    last = await head(world)
    assert (stream["lastDeliveredSequence"], stream["undeliveredEvents"]) == (last - 1, 1)
    unset = ("lastDeliveredAt", "failingSince", "lastError", "nextAttemptAt", "lastAttemptAt", "deletedAt")
    assert [stream[name] for name in unset] == [None] * 6
    assert await shown(world) == [stream]
    (event, *_) = await world.events()
    assert event["summary"] == "Admin created an audit stream to hooks.example.com"
    assert (event["targetId"], event["targetName"]) == (stream["id"], "hooks.example.com")
    assert event["details"] == {"host": "hooks.example.com", "afterSequence": last - 1}


async def test_urls(world: World) -> None:
    for typed, kept in URLS.items():
        id, _ = await create(world, typed)
        assert (await shown(world))[-1]["url"] == kept
        await world.admin.change(DELETE, auditStreamId=id)


async def test_no_urls(world: World) -> None:
    id, _ = await create(world, URL)
    async with nothing_changes(world):
        for url in NO_URLS:
            created = await world.admin.change(CREATE, accountId=world.account_id, url=url)
            assert user_error(created) == ("INVALID", ["url"]), url
            assert user_error(await world.admin.change(UPDATE, auditStreamId=id, url=url)) == (
                "INVALID",
                ["url"],
            ), url


@pytest.mark.usefixtures("private")
async def test_a_setting_allows_what_is_near_and_nothing_else(world: World) -> None:
    for url in ("http://localhost:8080/", "https://10.0.0.1/", "http://[::1]:9999/", "http://intranet:80/"):
        id, _ = await create(world, url)
        await world.admin.change(DELETE, auditStreamId=id)
    async with nothing_changes(world):
        for url in (
            "ftp://localhost",
            "http://me@localhost",
            "http://localhost:25",
            "http://a b/",
            "http://",
        ):
            payload = await world.admin.change(CREATE, accountId=world.account_id, url=url)
            assert user_error(payload) == ("INVALID", ["url"]), url


@pytest.mark.parametrize("after", [-1, 10_000, 2**53])
async def test_it_begins_within_the_log(world: World, after: int) -> None:
    async with nothing_changes(world):
        payload = await world.admin.change(CREATE, accountId=world.account_id, url=URL, afterSequence=after)
        assert user_error(payload) == ("INVALID", ["afterSequence"])


async def test_no_actions_at_all_are_no_audit_stream(world: World) -> None:
    async with nothing_changes(world):
        payload = await world.admin.change(CREATE, accountId=world.account_id, url=URL, actions=[])
        assert user_error(payload) == ("INVALID", ["actions"])


async def test_an_account_has_ten_also_at_once(world: World) -> None:
    for _ in range(8):
        await create(world, URL)

    payloads = await at_once(
        *(world.admin.change(CREATE, accountId=world.account_id, url=URL) for _ in range(4))
    )

    refused = [payload for payload in payloads if payload["userErrors"]]
    assert [user_error(payload) for payload in refused] == [("INVALID", ["accountId"])] * 2
    streams = await shown(world)
    assert len(streams) == 10
    await world.admin.change(DELETE, auditStreamId=streams[0]["id"])
    await create(world, URL)


async def test_a_second_click_sets_up_one_and_shows_its_secret_once(world: World) -> None:
    input = {"accountId": world.account_id, "url": URL, "idempotencyKey": "k"}

    first, second = await at_once(*(world.admin.change(CREATE, **input) for _ in range(2)))
    other = await world.admin.change(CREATE, **{**input, "url": "https://other.example.com"})

    assert first["auditStream"]["id"] == second["auditStream"]["id"]
    assert sorted([first["secret"] is None, second["secret"] is None]) == [False, True]
    assert codes(other) == ["IDEMPOTENCY_CONFLICT"]
    assert len(await shown(world)) == 1


@pytest.mark.parametrize(
    ("input", "summary", "details"),
    [
        ({"paused": True}, "paused the audit stream to hooks.example.com", {"status": ["ACTIVE", "PAUSED"]}),
        (
            {"rotateSecret": True},
            "rotated the secret of the audit stream to hooks.example.com",
            {"previousSecretHours": 24},
        ),
        (
            {"url": "https://other.example.com/hushed"},
            "changed the audit stream to other.example.com",
            {"host": ["hooks.example.com", "other.example.com"]},
        ),
        (
            {"actions": ["MEMBER_LEFT", "MEMBER_JOINED", "MEMBER_LEFT"]},
            "changed the audit stream to hooks.example.com",
            {"actions": [None, ["MEMBER_JOINED", "MEMBER_LEFT"]]},
        ),
        (
            {"paused": True, "rotateSecret": True, "actions": ["MEMBER_LEFT"]},
            "changed the audit stream to hooks.example.com",
            {"actions": [None, ["MEMBER_LEFT"]], "status": ["ACTIVE", "PAUSED"], "previousSecretHours": 24},
        ),
    ],
)
async def test_what_is_changed_is_told(
    world: World, input: dict[str, Any], summary: str, details: dict[str, Any]
) -> None:
    id, secret = await create(world, URL)

    payload = await world.admin.change(UPDATE, auditStreamId=id, **input)

    assert payload["userErrors"] == []
    assert (await shown(world)) == [payload["auditStream"]]
    assert (payload["secret"] is not None) == ("rotateSecret" in input)
    assert payload["secret"] != secret
    (event, *_) = await world.events()
    assert (event["action"], event["summary"]) == ("AUDIT_STREAM_UPDATED", f"Admin {summary}")
    assert event["details"] == details


@pytest.mark.parametrize(
    "input",
    [
        {},
        {"paused": False},
        {"url": URL},
        {"actions": None},
        {"rotateSecret": False},
        {"url": None, "paused": None, "rotateSecret": None},
    ],
)
async def test_what_is_so_already_is_no_change(world: World, input: dict[str, Any]) -> None:
    id, _ = await create(world, URL)
    (before,) = await shown(world)

    async with nothing_changes(world):
        payload = await world.admin.change(UPDATE, auditStreamId=id, **input)

    assert (payload["auditStream"], payload["secret"]) == (before, None)


@pytest.mark.usefixtures("private")
async def test_a_rotation_whose_answer_was_lost_can_be_made_again(world: World) -> None:
    """The receiver has the first secret still."""
    id, first = await create(world, URL)
    rotated = [await world.admin.change(UPDATE, auditStreamId=id, rotateSecret=True) for _ in range(3)]
    async with receiving() as receiver, delivering(world):
        await world.admin.change(UPDATE, auditStreamId=id, url=receiver.url)
        await receiver.until(taken=1)
    (request, *_) = receiver.requests

    secrets = [*(payload["secret"] for payload in reversed(rotated)), first]
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode()
    keys = [b64decode(secret.removeprefix("whsec_")) for secret in secrets]
    digests = [hmac.digest(key, content + request.body, "sha256") for key in keys]
    signatures = [f"v1,{b64encode(digest).decode()}" for digest in digests]
    assert request.headers["webhook-signature"].split() == signatures[:3]


@pytest.mark.usefixtures("private")
async def test_both_secrets_sign_for_a_day(world: World) -> None:
    async with receiving() as receiver, delivering(world):
        id, _ = await create(world, receiver.url)
        await until_different(receiver, 1)
        begun = datetime.now(UTC)
        rotated = await world.admin.change(UPDATE, auditStreamId=id, rotateSecret=True)
        ended = datetime.now(UTC)
        await until_different(receiver, 2)
        await world.superuser.execute("UPDATE audit_streams SET previous_secrets_expire_at = now()")
        await world.admin.change(
            UPDATE, auditStreamId=id, actions=["ACCOUNT_UPDATED", "AUDIT_STREAM_UPDATED"]
        )
        await until_different(receiver, 3)
        await world.admin.change(UPDATE, auditStreamId=id, rotateSecret=True)
        await until_different(receiver, 4)

    until = datetime.fromisoformat(rotated["auditStream"]["previousSecretsExpireAt"])
    assert begun <= until - timedelta(days=1) <= ended
    signatures = dict[int, int]()
    for request in receiver.requests:
        for sequence in request.sequences:
            signatures.setdefault(sequence, len(request.headers["webhook-signature"].split()))
    assert list(signatures.values()) == [1, 2, 1, 2]


async def until_different(receiver: Receiver, count: int) -> None:
    """Waits for so many different events. A change of the stream may have one delivered twice."""
    async with asyncio.timeout(30):
        while len(set(receiver.sequences)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_deleted_audit_stream_is_found_by_its_id_and_listed_no_more(world: World) -> None:
    id, _ = await create(world, URL)
    await world.admin.change(UPDATE, auditStreamId=id, rotateSecret=True)

    deleted = await world.admin.change(DELETE, auditStreamId=id)

    assert deleted["auditStream"]["deletedAt"]
    assert await shown(world) == []
    by_id = f'{{ node(id: "{id}") {{ ... on AuditStream {{ url deletedAt }} }} }}'
    node = (await world.admin.ask(by_id))["node"]
    assert node == {"url": URL, "deletedAt": deleted["auditStream"]["deletedAt"]}
    (event, *_) = await world.events()
    assert event["summary"] == "Admin deleted the audit stream to hooks.example.com"
    async with nothing_changes(world):
        again = await world.admin.change(DELETE, auditStreamId=id)
        assert again["auditStream"] == deleted["auditStream"]
        for input in ({"paused": False}, {"rotateSecret": True}, {"url": "https://other.example.com"}):
            payload = await world.admin.change(UPDATE, auditStreamId=id, **input)
            assert user_error(payload) == ("NOT_ACTIVE", ["auditStreamId"])
    (secrets,) = await world.superuser.fetch("SELECT secret, previous_secrets FROM audit_streams")
    assert tuple(secrets) == (None, [])


async def test_another_account_s_audit_stream_is_none(world: World) -> None:
    id, _ = await create(world, URL)
    stranger = await world.found("Other", "stranger@example.com")

    async with nothing_changes(world):
        for mutation, input in ((UPDATE, {"paused": True}), (DELETE, {})):
            payload = await stranger.change(mutation, auditStreamId=id, **input)
            assert user_error(payload) == ("NOT_FOUND", ["auditStreamId"])
            payload = await world.admin.change(mutation, auditStreamId="audit_stream_1", **input)
            assert user_error(payload) == ("NOT_FOUND", ["auditStreamId"])
        payload = await stranger.change(CREATE, accountId=world.account_id, url=URL)
        assert user_error(payload) == ("NOT_FOUND", ["accountId"])
    assert await stranger.ask(f'{{ node(id: "{id}") {{ id }} }}') == {"node": None}
    assert (await stranger.ask(STREAMS))["account"]["auditStreams"]["totalCount"] == 0


async def test_secrets_and_urls_are_nowhere_else(world: World) -> None:
    """Neither in the log, nor in what a retry is answered with, nor in emails, nor in what is printed."""
    id, secret = await create(world, URL, idempotencyKey="k")
    rotated = (await world.admin.change(UPDATE, auditStreamId=id, rotateSecret=True))["secret"]
    await world.viewer.post(CREATE, input={"accountId": world.account_id, "url": URL})
    await world.viewer.post(UPDATE, input={"auditStreamId": id, "url": f"{URL}2"})

    tables = ("audit_events", "idempotency_keys", "pgqueuer")
    stored = [
        row[0] for table in tables for row in await world.superuser.fetch(f"SELECT t::text FROM {table} t")
    ]
    shown_elsewhere = json.dumps([stored, await world.events(), await shown(world)])
    for hidden in (secret.removeprefix("whsec_"), rotated.removeprefix("whsec_")):
        assert hidden not in shown_elsewhere
    assert "hushed" not in json.dumps([stored, await world.events()])
    stream = AuditStream(
        account_id=uuid_of(world.account_id),
        url=URL,
        secret=b"quiet" * 8,
        previous_secrets=[b"quiet" * 8],
        last_delivered_sequence=0,
        created_by_id=uuid_of(world.admin.member_id),
    )
    assert "quiet" not in repr(stream)
    assert "quiet" not in str(stream)
