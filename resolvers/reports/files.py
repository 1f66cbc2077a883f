"""Reports as CSV and NDJSON. PostgreSQL writes the lines, which are sent as they arrive."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

from asyncpg import Record
from sqlalchemy import Boolean, Enum, String, Text, case, cast, func, literal_column, or_, select
from sqlmodel.sql.sqltypes import AutoString

from engine.fair_share import Claim
from engine.statements import Statement, compiled
from engine.tables import AnyExpression, AnySelect
from models.copy_export import CopyOptions, Look, no_look
from models.database import Database
from resolvers.reports.queries import Rows

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Without it, Excel reads the file in another encoding than UTF-8."""
# Characters that spreadsheets read as =, +, - or @: these, characters that Unicode normalises to them, and
# the minus sign.
_OPENERS = (
    "=+@\u2212\ufb29\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20\u207a-\u207c\u208a-\u208c\u2a74-\u2a76-"
)
# Characters that spreadsheets ignore before it: white space and invisible characters.
_LEFT_OUT = (
    "\\u0001-\\u0020\\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f"
    "\u205f-\u206f\u2800\u3000\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_OPENS_A_FORMULA = f"^['{_LEFT_OUT}]*([{_OPENERS}]|[\\t\\r\\n])"
JSON_LINES: CopyOptions = {"delimiter": "\x02", "quote": "\x01", "escape": "\x01", "format": "csv"}
"""JSON never contains these characters, so COPY writes its lines unchanged."""


def csv_lines(database: Database, claim: Claim, rows: Rows) -> AsyncGenerator[bytes]:
    """Yields CSV by RFC 4180 for spreadsheets. An apostrophe is put before a cell that a spreadsheet would
    read as a formula, and before a cell that begins with apostrophes and such a formula, so that removing one
    apostrophe always restores the cell. Spaces and invisible characters before the formula, and full-width
    forms of its characters, make no difference."""
    sql, arguments = csv_statement(rows)
    copied = database.exports.copied(claim, sql, arguments, format="csv", header=True)
    return spreadsheet_lines(copied)


def csv_statement(rows: Rows) -> tuple[str, list[object]]:
    """Statement for COPY to CSV, and its arguments."""
    return _written(rows, _csv_cell)


def ndjson_lines(database: Database, claim: Claim, rows: Rows, look: Look = no_look) -> AsyncGenerator[bytes]:
    """Yields a JSON object per line. `look` may read other rows first, in the same snapshot."""
    sql, arguments = _written(rows, lambda column: column)
    sql = f"SELECT row_to_json(report) FROM ({sql}) AS report"  # noqa: S608
    return database.exports.copied(claim, sql, arguments, look, **JSON_LINES)


def counting(rows: Rows, most: int) -> Statement:
    """Statement that counts the rows, up to `most`. Its parameters are `rows.values`. It joins no tables: in
    a large account that takes PostgreSQL seconds, and the account is locked."""

    def build() -> AnySelect:
        found: AnySelect = select(literal_column("1")).select_from(rows.table).where(*rows.where).limit(most)
        return select(func.count()).select_from(found.subquery())

    return Statement(build)


async def first_rows(database: Database, claim: Claim, rows: Rows, most: int) -> list[Record]:
    sql, arguments = _written(rows, lambda column: column, most)
    async with database.exports.connection(claim) as connection:
        return list(await connection.fetch(sql, *arguments))


def _written(
    rows: Rows, cell: Callable[[AnyExpression], AnyExpression], most: int | None = None
) -> tuple[str, list[object]]:
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
    # Nearly all cells begin with an ASCII letter or digit and need no regular expression.
    first = func.ascii(column)
    harmless = or_(first.between(97, 122), first.between(48, 57), first.between(65, 90))
    suspect = ~harmless & column.op("~")(_OPENS_A_FORMULA)
    return case((suspect, literal_column("''''").concat(column)), else_=column)


async def spreadsheet_lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """Ends each line with CRLF. PostgreSQL writes LF; a LF in a quoted cell is not changed."""
    mark, quoted = _BYTE_ORDER_MARK, False
    async for chunk in chunks:
        parts = chunk.split(b'"')
        parts[quoted::2] = [part.replace(b"\n", b"\r\n") for part in parts[quoted::2]]
        quoted ^= len(parts) % 2 == 0
        yield mark + b'"'.join(parts)
        mark = b""
