"""Idempotency keys: a change that is repeated with the same key and input returns the first result."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import select
from sqlmodel import col

from engine.canonical_json import canonical_json
from engine.snapshots import new_row
from engine.statements import Statement, parameter
from engine.tables import AnySelect
from models.audit_actions import AuditAction
from models.idempotency import IdempotencyKey
from resolvers.user_errors import UserErrorCode, invalid, user_error

_MAX_LENGTH = 255


@dataclass(frozen=True, slots=True)
class Attempt:
    """A change with an idempotency key. The actor is a member or the person who creates an account. Raises
    `UserErrors` for a malformed key."""

    actor_id: UUID
    key: str
    action: AuditAction
    input: Mapping[str, object]
    credential_id: UUID | None

    def __post_init__(self) -> None:
        if not 1 <= len(self.key) <= _MAX_LENGTH:
            raise invalid(f"An idempotency key must have 1 to {_MAX_LENGTH} characters.", "idempotencyKey")

    @property
    def input_hash(self) -> bytes:
        return sha256(canonical_json([self.action.value, self.input]).encode()).digest()

    def answered(self, answer: object) -> IdempotencyKey:
        """The row with the result, which is stored with the change."""
        return new_row(
            IdempotencyKey,
            actor_id=self.actor_id,
            key=self.key,
            input_hash=self.input_hash,
            answer=answer,
            credential_id=self.credential_id,
        )

    async def earlier(self, driver: asyncpg.Connection) -> "Earlier | None":
        """Raises `UserErrors` if the key was used with another input."""
        arguments = _EARLIER.arguments(actor_id=self.actor_id, key=self.key)
        found = await driver.fetchrow(_EARLIER.sql, *arguments)
        if found is None:
            return None
        input_hash, answer, credential_id = found
        if input_hash != self.input_hash:
            raise user_error(
                UserErrorCode.IDEMPOTENCY_CONFLICT,
                "This idempotency key was used with a different input: use a new key.",
                "idempotencyKey",
            )
        return Earlier(
            orjson.loads(answer), credential_id is not None and credential_id == self.credential_id
        )


class Earlier(NamedTuple):
    """Earlier change with the same key and input."""

    answer: object
    by_same_credential: bool


def _earlier() -> AnySelect:
    columns = (IdempotencyKey.input_hash, IdempotencyKey.answer, IdempotencyKey.credential_id)
    return select(*map(col, columns)).where(
        col(IdempotencyKey.actor_id) == parameter("actor_id"), col(IdempotencyKey.key) == parameter("key")
    )


_EARLIER = Statement(_earlier)
