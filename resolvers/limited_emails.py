"""Emails about what can be changed again and again, within a limit for each recipient."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import chain

import asyncpg

from mailer.messages import Message
from resolvers.stored_limits import StoredLimit
from settings import Settings


async def within_limit(
    driver: asyncpg.Connection, settings: Settings, by_subject: Mapping[str, Iterable[Message]]
) -> list[Message]:
    """Emails by the subject of their limit, without those of subjects that were sent many: a change that is
    repeated in a loop would fill mailboxes. Those that were sent have told of it."""
    if not by_subject:
        return []
    limit = StoredLimit(settings.access_emails_per_hour, timedelta(hours=1))
    refused = await limit.charge(driver, list(by_subject))
    return list(chain(*(by_subject[subject] for subject in by_subject if subject not in refused)))
