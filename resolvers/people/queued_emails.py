"""Erases a person from emails that wait in the queue."""

import re
from dataclasses import replace
from html import escape

import asyncpg

from mailer.messages import Message
from mailer.queue import DELIVER_EMAIL, DELIVER_EMAIL_WITH_ATTACHMENT
from models.members import ERASED_NAME

_SHORTEST_NAME = 3
"""A shorter name is also a word or a part of one: it stays in queued emails until they are delivered."""
_EMAILS = [DELIVER_EMAIL, DELIVER_EMAIL_WITH_ATTACHMENT]
# Text of JSON, in which a name is written as it is: orjson escapes no letter.
_FIND = """
SELECT id, payload FROM pgqueuer
WHERE entrypoint = ANY($1::text[])
AND EXISTS (SELECT FROM unnest($2::text[]) AS word
            WHERE position(convert_to(word, 'UTF8') IN payload) > 0)
FOR UPDATE SKIP LOCKED"""
_DELETE = "DELETE FROM pgqueuer WHERE id = ANY($1::bigint[])"
_UPDATE = "UPDATE pgqueuer SET payload = $2 WHERE id = $1"


async def erase_from_queue(connection: asyncpg.Connection, email: str, names: list[str]) -> None:
    """Deletes the emails to the person, and replaces its name and address in those to others."""
    words = [email, *(name for name in names if len(name) >= _SHORTEST_NAME)]
    spellings = [*words, *(escape(word) for word in words)]
    own = []
    for id, payload in await connection.fetch(_FIND, _EMAILS, spellings):
        message = Message.from_json(payload)
        if message.to == email:
            own.append(id)
        else:
            await connection.execute(_UPDATE, id, _without(message, spellings).to_json())
    await connection.execute(_DELETE, own)


def _without(message: Message, spellings: list[str]) -> Message:
    words = "|".join(re.escape(word) for word in sorted(spellings, key=len, reverse=True))
    pattern = re.compile(rf"(?<!\w)(?:{words})(?!\w)")

    def erased(text: str) -> str:
        return pattern.sub(ERASED_NAME, text)

    return replace(
        message, subject=erased(message.subject), text=erased(message.text), html=erased(message.html)
    )
