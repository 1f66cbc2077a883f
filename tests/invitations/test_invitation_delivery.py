"""Delivery of invitation emails by SMTP, and the delivery state that Admins see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

import worker
from mailer.backoff import Backoff
from mailer.delivery import Retries
from settings import Settings
from tests.invitations.test_invitations import BOB, invite, invited
from tests.support.changes import DECLINE, RESEND, REVOKE_INVITATION
from tests.support.serving import free_port
from tests.support.smtp import HANG, HANG_UP, Server, smtp_server
from tests.support.world import ACCEPT, World

QUICK = worker.WorkerPace(
    heartbeat_timeout_seconds=1,
    poll_seconds=0.2,
    grace_seconds=0.5,
    retries=Retries(unreachable=Backoff(0.3, 0.3), answered=Backoff(0.3, 0.3)),
)
DELIVERY = """query ($id: ID!) { node(id: $id) { ... on Invitation {
  status delivery deliveryError sentAt } } }"""


@asynccontextmanager
async def working(world: World, port: int, **values: object) -> AsyncIterator[None]:
    """The real worker, in this process, with a server on that port."""
    settings = Settings.model_validate(
        {
            **world.settings.model_dump(),
            "smtp_url": f"smtp://127.0.0.1:{port}",
            "mail_timeout_seconds": 30,
            **values,
        }
    )
    stop = asyncio.Event()
    task = asyncio.create_task(worker.run(settings, world.database, stop, QUICK))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 10)


async def shown(world: World, id: str) -> dict[str, Any]:
    node: dict[str, Any] = (await world.admin.ask(DELIVERY, id=id))["node"]
    return node


async def until_shown(world: World, id: str, **expected: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while not expected.items() <= (found := await shown(world, id)).items():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def until_no_job_is_left(world: World) -> None:
    async with asyncio.timeout(30):
        while await world.emails():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def forget_emails(world: World) -> None:
    """Those of how the world came about."""
    await world.superuser.execute("DELETE FROM pgqueuer")


async def test_an_email_that_is_taken_is_shown_as_sent(world: World) -> None:
    await forget_emails(world)
    id, token = await invited(world)
    assert await shown(world, id) == {
        "status": "PENDING", "delivery": "QUEUED", "deliveryError": None, "sentAt": None
    }  # fmt: skip

    async with smtp_server() as smtp, working(world, smtp.port):
        found = await until_shown(world, id, delivery="SENT")
        await until_no_job_is_left(world)

    age = datetime.now(UTC) - datetime.fromisoformat(found["sentAt"])
    assert 0 <= age.total_seconds() < 10
    assert [email["To"] for email in smtp.emails] == [BOB]
    assert token in smtp.emails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]


@pytest.mark.parametrize("command", ["RCPT", "DATA"])
async def test_an_email_that_is_refused_for_good_is_shown_and_in_the_log(world: World, command: str) -> None:
    await forget_emails(world)
    id, _ = await invited(world)

    async with smtp_server({command: ["550 5.1.1 Nobody here"]}) as smtp, working(world, smtp.port):
        found = await until_shown(world, id, delivery="FAILED")
        await until_no_job_is_left(world)

    assert (found["deliveryError"], found["sentAt"]) == ("550 5.1.1 Nobody here", None)
    assert len(smtp.attempts) <= 1
    (event,) = await world.events(actions=["INVITATION_DELIVERY_FAILED"])
    assert event["summary"] == f"Team access could not deliver the invitation of {BOB}"
    assert (event["targetId"], event["actor"]["kind"]) == (id, "SYSTEM")
    assert event["details"] == {"error": "550 5.1.1 Nobody here"}

    # Sent again, it has another chance.
    await world.admin.change(RESEND, invitationId=id)
    assert (await shown(world, id))["deliveryError"] is None
    async with smtp_server() as smtp, working(world, smtp.port):
        assert (await until_shown(world, id, delivery="SENT"))["deliveryError"] is None


@pytest.mark.parametrize(
    ("command", "answer", "words"),
    [("RCPT", "450 4.2.1 Greylisted", "450 4.2.1 Greylisted"), ("DATA", HANG_UP, ""), ("MAIL", HANG, "")],
)
async def test_what_goes_wrong_for_now_is_shown_until_the_email_is_taken(
    world: World, command: str, answer: str, words: str
) -> None:
    await forget_emails(world)
    id, _ = await invited(world)

    seconds = 0.5 if answer == HANG else 30
    async with (
        smtp_server({command: [answer] * 1_000}) as smtp,
        working(world, smtp.port, mail_timeout_seconds=seconds),
    ):
        waiting = await until_deferred(world, id)
        smtp.answers.clear()
        assert waiting["deliveryError"].startswith(words)
        assert (waiting["delivery"], waiting["sentAt"]) == ("QUEUED", None)
        found = await until_shown(world, id, delivery="SENT")
        await until_no_job_is_left(world)

    assert found["deliveryError"] is None
    assert found["sentAt"]
    assert len({email["Message-ID"] for email in smtp.attempts}) == 1
    assert len(smtp.emails) == 1
    assert await world.events(actions=["INVITATION_DELIVERY_FAILED"]) == []


async def until_deferred(world: World, id: str) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while not (found := await shown(world, id))["deliveryError"]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


async def test_a_server_that_is_down_holds_nothing_up_but_the_email(world: World) -> None:
    await forget_emails(world)
    id, _ = await invited(world)
    port = free_port()

    async with working(world, port):
        waiting = await until_deferred(world, id)
        assert waiting["delivery"] == "QUEUED"
        async with smtp_server(port=port) as smtp:
            await until_shown(world, id, delivery="SENT")
            await until_no_job_is_left(world)

    assert len(smtp.emails) == 1


async def test_time_runs_out_for_an_email_as_well(world: World) -> None:
    await forget_emails(world)
    id, _ = await invited(world)

    async with working(world, free_port(), mail_retry_hours=0.0001):
        found = await until_shown(world, id, delivery="FAILED")

    assert found["deliveryError"].startswith("Not delivered within 0.0001 hours: ")
    assert len(await world.events(actions=["INVITATION_DELIVERY_FAILED"])) == 1


@pytest.mark.parametrize("how", ["RESENT", "REVOKED", "DECLINED", "ACCEPTED", "EXPIRED"])
async def test_an_email_whose_link_is_dead_does_not_go_out(world: World, how: str) -> None:
    await forget_emails(world)
    id, token = await invited(world)
    match how:
        case "RESENT":
            await world.admin.change(RESEND, invitationId=id)
        case "REVOKED":
            await world.admin.change(REVOKE_INVITATION, invitationId=id)
        case "DECLINED":
            await world.nobody.change(DECLINE, token=token)
        case "ACCEPTED":
            await world.nobody.change(ACCEPT, token=token)
        case "EXPIRED":
            await world.superuser.execute("UPDATE invitations SET expires_at = now()")
    live = await world.token_for(BOB) if how == "RESENT" else None

    async with smtp_server() as smtp, working(world, smtp.port):
        await until_no_job_is_left(world)

    assert sent_tokens(smtp, {token, live or token}) == ({live} if live else set())
    found = await shown(world, id)
    assert (found["delivery"], bool(found["sentAt"])) == (("SENT", True) if live else ("QUEUED", False))


def sent_tokens(smtp: Server, tokens: set[str]) -> set[str]:
    texts = [email.get_body(("plain",)).get_content() for email in smtp.emails]  # type: ignore[union-attr]
    assert len(texts) <= 1
    return {token for token in tokens if any(token in text for text in texts)}


async def test_only_the_newest_email_s_outcome_is_told(world: World) -> None:
    """The older one was on its way already when the invitation was sent again."""
    await forget_emails(world)
    id, _ = await invited(world)

    async with smtp_server({"RCPT": [HANG]}) as smtp, working(world, smtp.port, mail_timeout_seconds=2):
        async with asyncio.timeout(20):
            while not smtp.connections:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await world.admin.change(RESEND, invitationId=id)
        found = await until_shown(world, id, delivery="SENT")
        await until_no_job_is_left(world)

    assert found["deliveryError"] is None
    assert len(smtp.emails) == 1


async def test_a_sign_in_email_goes_out_whatever_becomes_of_invitations(world: World) -> None:
    await forget_emails(world)
    await world.sign_in("admin@example.com")
    await invite(world)

    async with smtp_server() as smtp, working(world, smtp.port):
        await until_no_job_is_left(world)

    assert sorted(email["To"] for email in smtp.emails) == ["admin@example.com", BOB]
