"""Erases a person from emails that wait in the queue."""

import re
from collections.abc import Sequence
from dataclasses import replace
from html import escape

import asyncpg
import orjson

from mailer.messages import Message
from mailer.queue import DELIVER_EMAIL, DELIVER_EMAIL_WITH_ATTACHMENT, lane_of_account
from models.members import ERASED_NAME
from resolvers.change import Change

_SHORTEST_NAME = 3
"""A shorter name is also a word or a part of one: it stays in queued emails until they are delivered."""
_TAG = re.compile(r"(<[^>]*>)")
_EMAILS = [DELIVER_EMAIL, DELIVER_EMAIL_WITH_ATTACHMENT]
# Text of JSON, in which a name is written as it is: orjson escapes no letter.
_FIND = """
SELECT id, payload FROM pgqueuer
WHERE entrypoint = ANY($1::text[]) AND headers->>'lane' = $2
AND EXISTS (SELECT FROM unnest($3::text[]) AS word
            WHERE position(convert_to(word, 'UTF8') IN payload) > 0)
FOR UPDATE SKIP LOCKED"""
_DELETE = """
DELETE FROM pgqueuer
WHERE entrypoint = ANY($1::text[]) AND substr(payload, 1, octet_length($2::bytea)) = $2::bytea"""
_DELETE_ONE = "DELETE FROM pgqueuer WHERE id = $1"
_UPDATE = "UPDATE pgqueuer SET payload = $2 WHERE id = $1"


async def delete_emails_to(connection: asyncpg.Connection, email: str) -> None:
    """Deletes the emails to the person, of all accounts."""
    beginning = orjson.dumps({"to": email})[:-1] + b","
    await connection.execute(_DELETE, _EMAILS, beginning)


async def erase_from_emails(tx: Change, email: str | None, names: Sequence[str]) -> None:
    """Deletes the emails of an account to the person's address, if it has one, and replaces its name and
    address in those to others."""
    words = [*([email] if email else ()), *(name for name in names if len(name) >= _SHORTEST_NAME)]
    spellings = [*words, *(escape(word) for word in words)]
    lane = lane_of_account(tx.account.id).name
    for id, payload in await tx.connection.fetch(_FIND, _EMAILS, lane, spellings):
        message = Message.from_json(payload)
        if message.to == email:
            await tx.connection.execute(_DELETE_ONE, id)
        else:
            await tx.connection.execute(_UPDATE, id, _without(message, spellings).to_json())


def _without(message: Message, spellings: list[str]) -> Message:
    words = "|".join(re.escape(word) for word in sorted(spellings, key=len, reverse=True))
    # Not in links, whoever chooses a part of one as its name.
    pattern = re.compile(rf"(?<![\w/@.-])(?:{words})(?![\w/@-]|:/|\.\w)")

    def erased(text: str) -> str:
        return pattern.sub(ERASED_NAME, text)

    parts = _TAG.split(message.html)
    parts[::2] = map(erased, parts[::2])
    return replace(message, subject=erased(message.subject), text=erased(message.text), html="".join(parts))
