"""Runs commands on the configured database, and turns failures into one-sentence errors."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import settings as settings_module
from commands.printing import notes
from settings import Settings

if TYPE_CHECKING:
    from embedded.server import Server
    from models.database import Database


class CommandError(Exception):
    """Why a command failed, in one sentence for the person who called it."""


def run(
    task: Callable[[Settings, "Database"], Coroutine[object, object, None]], *, as_owner: bool = False
) -> None:
    """Runs an operator's task. Raises CommandError where it is refused or fails."""
    from models.database import Database
    from models.storage import SourceChanged, StorageUnavailable
    from resolvers.catalog.folder import CatalogInvalid
    from resolvers.people.erasing import ErasureStopped
    from resolvers.user_errors import UserErrors

    async def with_database() -> None:
        database = Database(url)
        try:
            await task(settings, database)
        finally:
            await database.close()

    settings = settings_module.load()
    with database_of(settings) as (url, server):
        if as_owner:
            url = _owner_url(settings, server)
        try:
            asyncio.run(with_database())
        except (UserErrors, CatalogInvalid, ErasureStopped, StorageUnavailable, SourceChanged) as error:
            raise CommandError(str(error)) from error


def _owner_url(settings: Settings, server: "Server | None") -> str:
    from embedded import server as embedded

    if server is not None:
        return server.url(embedded.OWNER_ROLE)
    if settings.migration_database_url is None:
        raise CommandError("Set MIGRATION_DATABASE_URL to a URL of the role that owns the tables.")
    return settings.migration_database_url.get_secret_value()


@contextmanager
def database_of(settings: Settings, *, serving: bool = False) -> Iterator[tuple[str, "Server | None"]]:
    """The database's URL with the app's role, and the embedded server where there is one. Checks that this
    version can serve on the tables."""
    if settings.database_url is None:
        with _embedded(settings, serving=serving) as server:
            yield server.url("team_access"), server
        return
    from models import migrate

    url = settings.database_url.get_secret_value()
    if not asyncio.run(migrate.is_served(url)):
        raise CommandError("The database has the tables of another version: run `team-access migrate`.")
    yield url, None


@contextmanager
def _embedded(settings: Settings, *, serving: bool) -> Iterator["Server"]:
    from demo import first_start
    from embedded import server as embedded
    from embedded.folder import EmbeddedPostgresqlError
    from resolvers.audit import signing_keys
    from resolvers.licenses import signing

    folder = settings.data_dir / "postgresql"
    connections = settings.workers * (2 * settings.database_pool_size + 5) + 50
    try:
        with (
            embedded.running(folder, connections=connections)
            if serving
            else embedded.attached(folder) as server
        ):
            first_start.make_ready(server, settings, notes)
            # Created on the first start: the server signs exports and answers to license checks with them.
            signing_keys.signing_key(settings)
            signing.signing_key(settings)
            yield server
    except EmbeddedPostgresqlError as error:
        raise CommandError(str(error)) from error
