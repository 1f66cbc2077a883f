"""Reports as CSV and as NDJSON: PostgreSQL writes the lines, and they go on as they come."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from sqlalchemy import Boolean, Enum, Select, String, Text, case, cast, func, literal_column, select
from sqlmodel.sql.sqltypes import AutoString

from models.database import Database
from models.exports import Look, copied, no_look
from models.statements import Statement, compiled
from resolvers.report_queries import Rows

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Without it Excel takes UTF-8 for something else."""
_OPENS_A_FORMULA = "^'*[=+@\\t\\r\\n-]"
_FIRST_CHARACTERS = tuple(map(ord, "'=+@\t\r\n-"))
_NO_QUOTES = {"delimiter": "\x02", "quote": "\x01", "escape": "\x01"}
"""JSON never holds these characters, so that lines of it pass as they are."""


def csv_lines(database: Database, rows: Rows) -> AsyncIterator[bytes]:
    """By RFC 4180, for spreadsheets. A cell that would be taken for a formula begins with an apostrophe, and
    so does one that began with apostrophes and such a character: taking one away restores it."""
    sql, arguments = csv_statement(rows)
    return spreadsheet_lines(copied(database, sql, arguments, format="csv", header=True))


def csv_statement(rows: Rows) -> tuple[str, list[Any]]:
    """What COPY writes as CSV, and its arguments."""
    return _written(rows, _csv_cell)


def ndjson_lines(database: Database, rows: Rows, look: Look = no_look) -> AsyncIterator[bytes]:
    """`look` may read first, what is of the same moment."""
    sql, arguments = _written(rows, lambda column: column)
    sql = f"SELECT row_to_json(report) FROM ({sql}) AS report"  # noqa: S608
    return copied(database, sql, arguments, look, format="csv", **_NO_QUOTES)


def counting(rows: Rows, most: int) -> Statement:
    """Counts them, up to `most`. It takes the values of the rows."""

    def build() -> Select[*tuple[Any, ...]]:
        found: Any = select(literal_column("1")).select_from(rows.source).where(*rows.where).limit(most)
        return select(func.count()).select_from(found.subquery())

    return Statement(build)


async def first_rows(database: Database, rows: Rows, most: int) -> list[Any]:
    sql, arguments = _written(rows, lambda column: column, most)
    async with database.exporting() as connection:
        return list(await connection.fetch(sql, *arguments))


def _written(rows: Rows, cell: Callable[[Any], Any], most: int | None = None) -> tuple[str, list[Any]]:
    columns = [cell(column).label(name) for name, column in rows.columns.items()]
    statement = select(*columns).select_from(rows.source).where(*rows.where).order_by(*rows.order)
    sql, names = compiled(statement if most is None else statement.limit(most))
    return sql, [rows.values[name] for name in names]


def _csv_cell(column: Any) -> Any:
    kind = column.type
    if isinstance(kind, Boolean):
        return cast(column, Text)
    if not isinstance(kind, String | AutoString) or isinstance(kind, Enum):
        return column
    # The first character alone tells of nearly all cells that they are harmless.
    suspect = func.ascii(column).in_(_FIRST_CHARACTERS) & column.op("~")(_OPENS_A_FORMULA)
    return case((suspect, literal_column("''''").concat(column)), else_=column)


async def spreadsheet_lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """PostgreSQL ends lines by a line feed. Those within a cell, which is in quotes, stay what they are."""
    mark, quoted = _BYTE_ORDER_MARK, False
    async for chunk in chunks:
        parts = chunk.split(b'"')
        parts[quoted::2] = [part.replace(b"\n", b"\r\n") for part in parts[quoted::2]]
        quoted ^= len(parts) % 2 == 0
        yield mark + b'"'.join(parts)
        mark = b""
