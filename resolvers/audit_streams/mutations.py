"""Creates, changes and deletes audit streams. `jobs.py` delivers them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import BigInteger, func, select
from sqlmodel import col
from strawberry import UNSET

from engine.snapshots import attributes, new_row, with_values
from engine.statements import Statement, parameter
from models.audit import AuditEvent
from models.audit_actions import AuditAction
from models.audit_streams import AuditStream, AuditStreamStatus
from models.columns import now
from permissions.context import Context
from resolvers.accounts.queries import account_id_of
from resolvers.audit_streams.delivery_requests import new_secret, shown_secret
from resolvers.audit_streams.inputs import (
    CreateAuditStreamInput,
    DeleteAuditStreamInput,
    UpdateAuditStreamInput,
)
from resolvers.audit_streams.queries import HEADS
from resolvers.audit_streams.urls import clean_stream_url
from resolvers.change import Change, change
from resolvers.nodes import find
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, invalid, not_found, user_error

MOST_STREAMS = 10
MOST_PREVIOUS_SECRETS = 2
PREVIOUS_SECRET_HOURS = 24
_SECRET = "Secret that signs deliveries, by Standard Webhooks: `whsec_` and base64. It is shown once."  # noqa: S105

_PRUNED = Statement(
    lambda: select(func.max(col(AuditEvent.details)["prunedThrough"].astext.cast(BigInteger))).where(
        col(AuditEvent.account_id) == parameter("account_id"),
        col(AuditEvent.action) == AuditAction.AUDIT_LOG_PRUNED,
    )
)
_COUNT = Statement(
    lambda: select(func.count()).where(
        col(AuditStream.account_id) == parameter("account_id"), col(AuditStream.deleted_at).is_(None)
    )
)


@mutation_result
class CreateAuditStreamResult:
    """Payload of `createAuditStream`: the audit stream and, once, its secret."""

    audit_stream: AuditStream = shown("Audit stream that was created.")
    secret: str | None = shown(f"{_SECRET} Null for a repeated request.", default=None)


async def create_audit_stream(context: Context, input: CreateAuditStreamInput) -> CreateAuditStreamResult:
    """Delivery starts with the event of the creation unless the input says otherwise."""
    account_id, key = account_id_of(input.account_id), input.idempotency_key
    async with change(context, account_id, AuditAction.AUDIT_STREAM_CREATED, key=key) as tx:
        if tx.earlier_answer:
            return CreateAuditStreamResult(audit_stream=await tx.get(AuditStream, UUID(tx.earlier_answer)))
        url, actions = _url(context, input.url), _actions(input.actions)
        (present,) = (await tx.fetch(_COUNT, account_id=account_id))[0]
        if present >= MOST_STREAMS:
            raise invalid(
                f"An account has at most {MOST_STREAMS} audit streams: delete one first.", "accountId"
            )
        stream = new_row(
            AuditStream,
            account_id=account_id,
            url=url,
            actions=actions,
            secret=new_secret(),
            last_delivered_sequence=await _start(tx, input.after_sequence),
            created_by_id=tx.acting.id,
        )
        await tx.insert(stream)
        did = f"created an audit stream to {stream.host}"
        details: dict[str, object] = {"actions": actions} if actions else {}
        after = stream.last_delivered_sequence
        tx.record(stream, stream.host, did, details, host=stream.host, after_sequence=after)
        tx.remember(str(stream.id))
    return CreateAuditStreamResult(audit_stream=stream, secret=shown_secret(cast("bytes", stream.secret)))


@mutation_result
class UpdateAuditStreamResult:
    """Payload of `updateAuditStream`: the audit stream and, if rotated, its new secret."""

    audit_stream: AuditStream = shown("Audit stream with the changes.")
    secret: str | None = shown(f"{_SECRET} Null when it was not rotated.", default=None)


async def update_audit_stream(context: Context, input: UpdateAuditStreamInput) -> UpdateAuditStreamResult:
    """Changes what the input sets."""
    found = await _get(context, input.audit_stream_id)
    secret = None
    async with change(context, found.account_id, AuditAction.AUDIT_STREAM_UPDATED, on=found) as tx:
        before = await _present_stream(tx, found)
        stream, details = _edited(context, before, input)
        if input.rotate_secret:
            secret = new_secret()
            stream = _rotated(stream, secret)
            details["previous_secret_hours"] = PREVIOUS_SECRET_HOURS
        if stream.status is not before.status:
            details["status"] = [before.status.value, stream.status.value]
        stream = await tx.update(before, **{name: getattr(stream, name) for name in attributes(AuditStream)})
        if details:
            tx.record(
                stream, stream.host, f"{_verb(stream, details)} the audit stream to {stream.host}", details
            )
        else:
            tx.without_event()
    return UpdateAuditStreamResult(audit_stream=stream, secret=shown_secret(secret) if secret else None)


@mutation_result
class DeleteAuditStreamResult:
    """Payload of `deleteAuditStream`: the audit stream that was deleted."""

    audit_stream: AuditStream = shown("Audit stream that was deleted. It receives no more events.")


async def delete_audit_stream(context: Context, input: DeleteAuditStreamInput) -> DeleteAuditStreamResult:
    """Marks the audit stream as deleted, because the log refers to it, and deletes its secrets."""
    found = await _get(context, input.audit_stream_id)
    async with change(context, found.account_id, AuditAction.AUDIT_STREAM_DELETED, on=found) as tx:
        stream = await _current(tx, found)
        if stream.deleted_at is not None:
            tx.without_event()
        else:
            stream = await tx.update(stream, deleted_at=now(), secret=None, previous_secrets=[], **_NO_LEASE)
            last = stream.last_delivered_sequence
            did = f"deleted the audit stream to {stream.host}"
            tx.record(stream, stream.host, did, host=stream.host, last_delivered_sequence=last)
    return DeleteAuditStreamResult(audit_stream=stream)


def _verb(stream: AuditStream, details: dict[str, object]) -> str:
    """Words for the change that leaves the stream like this."""
    if details.keys() == {"status"}:
        return "resumed" if stream.status is AuditStreamStatus.ACTIVE else "paused"
    return "rotated the secret of" if details.keys() == {"previous_secret_hours"} else "changed"


_NO_LEASE: Mapping[str, object] = {"lease_id": None, "leased_until": None}
"""Values that end the lease, so that its holder no longer records the outcome of its delivery."""
_NO_FAILURES: Mapping[str, object] = {
    **{"attempts": 0, "failing_since": None, "next_attempt_at": None, "last_error": None},
    **_NO_LEASE,
}


def _edited(
    context: Context, stream: AuditStream, input: UpdateAuditStreamInput
) -> tuple[AuditStream, dict[str, object]]:
    """The changed stream, and the details of the event."""
    details = dict[str, object]()
    if input.url is not None:
        moved = _moved(stream, _url(context, input.url))
        if moved is not stream:
            details["host"] = [stream.host, moved.host]
        stream = moved
    if input.actions is not UNSET:
        actions = _actions(input.actions)
        if actions != stream.actions:
            details["actions"] = [stream.actions, actions]
            # A batch in progress was selected by the previous actions.
            stream = with_values(stream, actions=actions, batch_sequence=None, **_NO_LEASE)
    if input.paused is not None:
        stream = _paused(stream, paused=input.paused)
    return stream, details


def _moved(stream: AuditStream, url: str) -> AuditStream:
    """Sets another URL and clears the failures. A delivery in progress to the old URL no longer counts."""
    if url == stream.url:
        return stream
    has_ended = stream.status is AuditStreamStatus.ENDED  # The new receiver has not ended it.
    status = AuditStreamStatus.PAUSED if has_ended else stream.status
    return with_values(stream, url=url, status=status, **_NO_FAILURES)


def _paused(stream: AuditStream, *, paused: bool) -> AuditStream:
    """Pauses or resumes. Raises `UserErrors` if the receiver has ended the audit stream and the URL is the
    same."""
    if paused:
        is_active = stream.status is AuditStreamStatus.ACTIVE
        return with_values(stream, status=AuditStreamStatus.PAUSED) if is_active else stream
    if stream.status is AuditStreamStatus.ENDED:
        message = "This audit stream has ended because its receiver answered 410 Gone: set a new `url` too."
        raise user_error(UserErrorCode.NOT_ACTIVE, message, "paused")
    if stream.status is AuditStreamStatus.PAUSED:
        return with_values(stream, status=AuditStreamStatus.ACTIVE, **_NO_FAILURES)
    return stream


def _rotated(stream: AuditStream, secret: bytes) -> AuditStream:
    """The old secret signs for another day, and so does the one before it if it still does, because the
    response with the new secret may have been lost."""
    until, previous = stream.previous_secrets_expire_at, stream.previous_secrets
    still = previous if until is not None and until > now() else []
    return with_values(
        stream,
        previous_secrets=[cast("bytes", stream.secret), *still][:MOST_PREVIOUS_SECRETS],
        secret=secret,
        previous_secrets_expire_at=now() + timedelta(hours=PREVIOUS_SECRET_HOURS),
    )


def _url(context: Context, text: str) -> str:
    return clean_stream_url(text, private_addresses=context.settings.audit_stream_private_addresses)


def _actions(actions: list[AuditAction] | None) -> list[str] | None:
    if actions is None:
        return None
    if not actions:
        raise invalid(
            "`actions` must not be empty: name at least one action, or use null for all.", "actions"
        )
    return [action.value for action in AuditAction if action in actions]


async def _start(tx: Change, after_sequence: int | None) -> int:
    found = await tx.fetch(HEADS, account_ids=[tx.account.id])
    head = int(found[0][1]) if found else 0
    if after_sequence is None:
        return head
    (record,) = await tx.fetch(_PRUNED, account_id=tx.account.id)
    oldest = record[0] or 0  # Events up to it may still exist while they are being deleted.
    if not oldest <= after_sequence <= head:
        message = f"Delivery can start after event {oldest} to {head}, the newest, not {after_sequence}."
        raise invalid(message, "afterSequence")
    return after_sequence


async def _get(context: Context, global_id: str) -> AuditStream:
    found = await find(context, AuditStream, global_id)
    if found is None:
        raise not_found("audit stream", "auditStreamId")
    return found


async def _current(tx: Change, found: AuditStream) -> AuditStream:
    """The audit stream, with its row locked, because deliveries write it without the account's lock."""
    return await tx.get(AuditStream, found.id, lock=True)


async def _present_stream(tx: Change, found: AuditStream) -> AuditStream:
    stream = await _current(tx, found)
    if stream.deleted_at is not None:
        raise user_error(
            UserErrorCode.NOT_ACTIVE, "This audit stream was deleted: create a new one.", "auditStreamId"
        )
    return stream
