"""Emails on their way: one job each, enqueued in the transaction that causes them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings
from pgqueuer.queries import Queries
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from mailer.messages import Message

DELIVER_EMAIL = "deliver_email"


async def enqueue(connection: asyncpg.Connection, messages: Sequence[Message]) -> None:
    """Goes out after the commit of the connection's open transaction, or not at all.

    One statement and one NOTIFY for all of them. A job's row holds the message with its link until it
    is delivered or given up; pgqueuer's log never does.
    """
    if messages:
        await queries(connection).enqueue(
            [DELIVER_EMAIL] * len(messages),
            [message.to_json() for message in messages],
            [0] * len(messages),
        )


def queries(connection: asyncpg.Connection) -> Queries:
    environment, queue, scheduler = _builders()
    return Queries(AsyncpgDriver(connection), qbe=environment, qbq=queue, qbs=scheduler)


@cache
def _builders() -> tuple[QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder]:
    """To make the names takes as long as three statements."""
    names = Names()
    return QueryBuilderEnvironment(names), QueryQueueBuilder(names), QuerySchedulerBuilder(names)


class Names(DBSettings):
    """pgqueuer's default names. It would take them from environment variables such as CHANNEL or FUNCTION."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, *_: Any, **__: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)
