"""Operator's commands for accounts, entitlements and the catalog. They are audited with the operator as
actor."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast
from uuid import UUID

from asyncpg import UniqueViolationError
from sqlalchemy import UpdateBase, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col

from engine.conditions import Condition
from engine.derived_columns import derived_values
from engine.pagination import Order
from engine.row_reader import row, rows
from engine.row_writer import RowWriter
from engine.snapshots import attributes, columns, new_row, snapshot
from engine.statements import Statement, any_of, parameter
from engine.tables import table_of
from models.accounts import Account
from models.audit_actions import AuditAction
from models.catalog import Theme, ThemeFile, ThemeRelease
from models.columns import new_id
from models.database import Database
from models.licenses import Entitlement
from models.new_event import PersonName
from models.storage import Storage
from resolvers.accounts.mutations import found_account, slug_of
from resolvers.catalog.folder import FileSource, ReleaseSource, ThemeSource, read_catalog
from resolvers.change import account_creation, system_change
from resolvers.events import OPERATOR
from resolvers.sessions.mutations import name_from, person
from resolvers.text import clean_email, clean_line
from resolvers.unaudited import catalog_change, personal_change
from resolvers.user_errors import UserErrors, invalid, not_found

MOST_GRANTED = 1_000_000

_BY_SLUG = Order("slug", (col(Theme.slug),))
_ACCOUNT_CALLED = Statement(
    lambda: select(*(getattr(Account, name) for name in attributes(Account))).where(
        col(Account.slug) == parameter("slug")
    ),
    across_accounts="an operator names an account by its slug",
)
_theme_called = Condition(lambda slug: col(Theme.slug) == slug)


async def create_account(
    database: Database, name: str, owner_email: str, owner_name: str | None = None, slug: str | None = None
) -> Account:
    """Creates an account. Without `slug`, the slug is derived from the name; if it is taken, the command
    fails instead of choosing another, which would tell the owner that the name exists. Raises
    `UserErrors`."""
    name = clean_line(name, "An account's name", "name")
    email = clean_email(owner_email, "owner_email")
    owner_name = clean_line(owner_name, "A name", "owner_name") if owner_name else name_from(email)
    slug = slug_of(name) if slug is None else _clean_slug(slug)
    if await _find_account(database, slug):
        raise _slug_taken(slug)
    async with personal_change(database) as writer:
        owner, _ = await person(writer, email, owner_name)
    account = new_row(Account, name=name, slug=slug)
    async with account_creation(database, account, owner) as tx:
        tx.actor = OPERATOR
        try:
            founder = await found_account(tx, owner)
        except UniqueViolationError:
            raise _slug_taken(slug) from None
        did = f"created the account {name} for {owner.name}"
        tx.record(account, name, did, name=name, owner=PersonName(founder))
    return account


def _clean_slug(slug: str) -> str:
    if len(slug) > 50 or not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug):
        message = (
            "A slug must have 1 to 50 lower-case letters a to z, digits, and single hyphens between them."
        )
        raise invalid(message, "slug")
    return slug


def _slug_taken(slug: str) -> UserErrors:
    return invalid(f"The slug {slug} is taken: choose another one with --slug.", "slug")


async def account_called(database: Database, slug: str) -> Account:
    account = await _find_account(database, slug)
    if account is None:
        raise not_found(f"account as {slug}", "account")
    return account


async def _find_account(database: Database, slug: str) -> Account | None:
    found = await database.fetch(_ACCOUNT_CALLED.sql, *_ACCOUNT_CALLED.arguments(slug=slug))
    return snapshot(Account, found[0]) if found else None


async def grant_entitlement(
    database: Database, account_slug: str, theme_slug: str, quantity: int
) -> Entitlement:
    """Adds to the number of licenses of the theme that the account may provision."""
    if not 1 <= quantity <= MOST_GRANTED:
        raise invalid(f"Grant 1 to {MOST_GRANTED:,} licenses at a time.", "quantity")
    account = await account_called(database, account_slug)
    theme = await row(database, Theme, _theme_called(theme_slug))
    if theme is None:
        raise not_found(f"theme as {theme_slug}", "theme")
    async with system_change(database, account.id, AuditAction.ENTITLEMENT_GRANTED, OPERATOR) as tx:
        found = await tx.rows(Entitlement, _ENTITLEMENT, account_id=account.id, theme_id=theme.id)
        before = found[0].purchased if found else 0
        if before + quantity >= 2**31:
            raise invalid(f"An account can have at most {2**31 - 1:,} licenses of a theme.", "quantity")
        if found:
            entitlement = await tx.update(found[0], purchased=before + quantity)
        else:
            entitlement = new_row(Entitlement, account_id=account.id, theme_id=theme.id, purchased=quantity)
            await tx.insert(entitlement)
        licenses = "1 license" if quantity == 1 else f"{quantity} licenses"
        tx.record(
            entitlement,
            theme.name,
            f"granted {licenses} of {theme.name}",
            theme=theme.slug,
            purchased=[before, entitlement.purchased],
        )
    return entitlement


_ENTITLEMENT = Statement(
    lambda: select(*columns(Entitlement)).where(
        col(Entitlement.account_id) == parameter("account_id"),
        col(Entitlement.theme_id) == parameter("theme_id"),
    )
)


async def catalog(database: Database) -> list[Theme]:
    """Every theme by its slug, including withdrawn ones."""
    return await rows(database, Theme, order=_BY_SLUG)


@dataclass
class ImportResult:
    themes: int = 0
    releases: int = 0
    files: int = 0


async def import_catalog(
    database: Database, storage: Storage, folder: Path, progress: Callable[[int, int], None]
) -> ImportResult:
    """Imports new themes and new releases from a folder. Files are stored first, so that the catalog never
    names a missing file; a failed import leaves the catalog unchanged. `progress` receives the number of
    bytes done and in total.

    Raises `CatalogInvalid`, `StorageFull` and `StorageUnavailable`.
    """
    themes = await asyncio.to_thread(read_catalog, folder)
    files = {file.sha256: file for theme in themes for release in theme.releases for file in release.files}
    total, done = sum(file.size for file in files.values()), 0
    for file in files.values():
        await storage.put_file(file.path, file.sha256)
        done += file.size
        progress(done, total)
    result = ImportResult()
    async with catalog_change(database) as writer:
        for theme in themes:
            await _store_theme(writer, theme, result)
    return result


async def _store_theme(writer: RowWriter, theme: ThemeSource, result: ImportResult) -> None:
    theme_id = await _upsert(
        writer,
        Theme,
        ["slug"],
        slug=theme.slug,
        name=theme.name,
        summary=theme.summary,
        price_amount=theme.price_amount,
        price_currency=theme.price_currency,
        tags=list(theme.tags),
        published_at=theme.published_at,
        withdrawn_at=theme.withdrawn_at,
        latest_version=theme.latest_version,
    )
    result.themes += 1
    for release in theme.releases:
        await _store_release(writer, theme_id, release, result)


async def _store_release(
    writer: RowWriter, theme_id: UUID, release: ReleaseSource, result: ImportResult
) -> None:
    release_id = await _upsert(
        writer,
        ThemeRelease,
        ["theme_id", "version"],
        theme_id=theme_id,
        version=release.version,
        notes=release.notes,
        released_at=release.released_at,
    )
    result.releases += 1
    for file in release.files:
        await _store_file(writer, release_id, file)
        result.files += 1
    names = [file.name for file in release.files]
    await writer.fetch(_DELETE_OTHER_FILES, release_id=release_id, names=names)


async def _store_file(writer: RowWriter, release_id: UUID, file: FileSource) -> None:
    await _upsert(
        writer,
        ThemeFile,
        ["release_id", "name"],
        release_id=release_id,
        name=file.name,
        size=file.size,
        sha256=file.sha256,
        media_type=file.media_type,
    )


async def _upsert(writer: RowWriter, table: type[SQLModel], unique: list[str], **values: object) -> UUID:
    """Returns the id of the row, whether it existed before or not."""
    values |= derived_values(table, values) | {"id": new_id()}
    statement = _upserting(table, tuple(unique), tuple(values))
    ((id,),) = await writer.fetch(statement, **values)
    return cast("UUID", id)


@cache
def _upserting(table: type[SQLModel], unique: tuple[str, ...], names: tuple[str, ...]) -> Statement:
    def build() -> UpdateBase:
        stored = insert(table).values({name: parameter(name) for name in names})
        changed = {name: stored.excluded[name] for name in names if name not in (*unique, "id")}
        return stored.on_conflict_do_update(index_elements=unique, set_=changed).returning(
            table_of(table).c.id
        )

    return Statement(build)


_DELETE_OTHER_FILES = Statement(
    lambda: delete(ThemeFile).where(
        col(ThemeFile.release_id) == parameter("release_id"),
        ~any_of(col(ThemeFile.name), parameter("names")),
    )
)
