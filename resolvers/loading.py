"""Rows by id, together for all who ask at the same time."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast
from uuid import UUID

from sqlalchemy import select
from sqlmodel import SQLModel, col
from strawberry.dataloader import DataLoader

from permissions.context import Context

Row = TypeVar("Row", bound=SQLModel)
Key = tuple[UUID | None, UUID]


async def load(context: Context, table: type[Row], id: UUID, *, account_id: UUID | None = None) -> Row:
    """The row that another one, which the viewer may see, refers to; a tenant's by its account too."""
    return cast("Row", await _loader(context, table, "id", many=False).load((account_id, id)))


async def load_referring(context: Context, table: type[Row], by: str, id: UUID) -> list[Row]:
    """The rows of the catalog whose `by` refers to this id, oldest first."""
    return cast("list[Row]", await _loader(context, table, by, many=True).load((None, id)))


def _loader(context: Context, table: type[SQLModel], by: str, *, many: bool) -> DataLoader[Key, Any]:
    loader = context.loaders.get((table, by))
    if loader is None:

        async def fetch(keys: list[Key]) -> Sequence[Any]:
            found: dict[Key, list[Any]] = {key: [] for key in keys}
            for row in await _rows(context, table, by, keys):
                account_id = row.account_id if keys[0][0] is not None else None
                found.setdefault((account_id, getattr(row, by)), []).append(row)
            return [found[key] if many else next(iter(found[key]), None) for key in keys]

        loader = context.loaders[table, by] = DataLoader(fetch)
    return loader


async def _rows(context: Context, table: type[SQLModel], by: str, keys: list[Key]) -> Sequence[Any]:
    where = [col(getattr(table, by)).in_({id for _, id in keys})]
    if keys[0][0] is not None:
        where.append(col(cast("Any", table).account_id).in_({account_id for account_id, _ in keys}))
    async with context.database.reader() as reader:
        statement = select(table).where(*where).order_by(col(cast("Any", table).id))
        return (await reader.scalars(statement)).all()
