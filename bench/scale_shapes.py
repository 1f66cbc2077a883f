"""The SQL of pages: read off one index, or merged of several ranges of one, or searched."""
# ruff: noqa: S608 - of nothing that anybody types

from collections.abc import Sequence
from dataclasses import dataclass

NEAR = 400
"""Rows of the order that a search looks at first: enough for what many rows match."""
FEW = 2_500
"""Rows that a search sorts; of more it reads the order, where they are soon found."""


@dataclass(frozen=True)
class Order:
    """`keys`: SQL and type, the last of them unique."""

    table: str
    name: str
    keys: tuple[tuple[str, str], ...]
    descending: bool = False


@dataclass(frozen=True)
class Depth:
    """`backward`: counted from the end. `cursor`: from the middle on, by values that follow the filter's."""

    name: str
    cursor: bool = False
    backward: bool = False


@dataclass(frozen=True)
class Paging:
    """An order, from where on and how far; `values` is how many parameters come before the cursor's."""

    order: Order
    depth: Depth
    values: int
    limit: int

    @property
    def direction(self) -> str:
        return "DESC" if self.order.descending != self.depth.backward else "ASC"

    @property
    def after(self) -> str:
        """What only lets through what lies beyond the cursor."""
        if not self.depth.cursor:
            return ""
        keys = ", ".join(sql for sql, _ in self.order.keys)
        bounds = ", ".join(
            f"${number}::{kind}" for number, (_, kind) in enumerate(self.order.keys, self.values + 1)
        )
        return f" AND ({keys}) {'<' if self.direction == 'DESC' else '>'} ({bounds})"

    @property
    def by(self) -> str:
        return ", ".join(f"{sql} {self.direction}" for sql, _ in self.order.keys)

    @property
    def named(self) -> str:
        """The keys as columns: what is merged must be in order by columns."""
        return ", ".join(f"{sql} AS key{number}" for number, (sql, _) in enumerate(self.order.keys))

    @property
    def by_name(self) -> str:
        return ", ".join(f"key{number} {self.direction}" for number in range(len(self.order.keys)))


def plain(paging: Paging, where: str) -> str:
    return (
        f"SELECT * FROM {paging.order.table} WHERE account_id = $1 AND {where}{paging.after}"
        f" ORDER BY {paging.by} LIMIT {paging.limit}"
    )


def merged(paging: Paging, branches: Sequence[str], due: str | None = None) -> str:
    """Each branch is a range of an index, in the page's order; the few that are `due` are sorted."""
    selects = [
        f"(SELECT *, {paging.named} FROM {paging.order.table} WHERE account_id = $1 AND {where}{paging.after}"
        f" ORDER BY {paging.by} LIMIT {paging.limit})"
        for where in branches
    ]
    if due is not None:
        rows = f"SELECT * FROM {paging.order.table} WHERE account_id = $1 AND {due} OFFSET 0"
        selects.append(
            f"(SELECT *, {paging.named} FROM ({rows}) AS due WHERE true{paging.after}"
            f" ORDER BY {paging.by} LIMIT {paging.limit})"
        )
    union = " UNION ALL ".join(selects)
    return f"SELECT * FROM ({union}) AS page ORDER BY {paging.by_name} LIMIT {paging.limit}"


def united(paging: Paging, branches: Sequence[str]) -> str:
    """As `merged`, where a row may be in several branches."""
    keys = " UNION ".join(
        f"(SELECT {paging.named} FROM {paging.order.table} WHERE account_id = $1 AND {where}{paging.after}"
        f" ORDER BY {paging.by} LIMIT {paging.limit})"
        for where in branches
    )
    return _rows(paging, f"SELECT * FROM ({keys}) AS each ORDER BY {paging.by_name} LIMIT {paging.limit}")


@dataclass(frozen=True)
class Search:
    """Of the rows that are `where`: which columns the text, `$2`, may be part of; or the theme's name too."""

    where: str
    columns: tuple[str, ...]
    themes: bool = False

    @property
    def matches(self) -> str:
        by_theme = " OR theme_id = ANY (ARRAY(SELECT id FROM named))" if self.themes else ""
        return f"({self._parts}{by_theme})"

    @property
    def by_grams(self) -> str:
        """Conditions of their own: in one with the others, they would be worked out again for each row."""
        of = "search_grams($1, $2, least(2, length($2)))"
        grams = " OR ".join(f"search_grams(account_id, {column}, 1) @> {of}" for column in self.columns)
        return f"({self._parts}) AND ({grams})"

    @property
    def _parts(self) -> str:
        return " OR ".join(f"strpos(lower({column}), lower($2)) > 0" for column in self.columns)


def searched(paging: Paging, search: Search) -> str:
    """Near by, where that is enough; else all that match, where they are few; else along the order.

    IS TRUE keeps the index of the account, which is long, out of the second.
    """
    table, limit = paging.order.table, paging.limit
    rows = f"{table} WHERE account_id = $1 AND {search.where}{paging.after}"
    near = "(SELECT count(*) FROM near)"
    few = f"(SELECT count(*) FROM found) <= {FEW}"
    some = f"(SELECT key0, key1 FROM found WHERE {few} ORDER BY {paging.by_name} LIMIT {limit})"
    if search.themes:
        some += f" UNION {_of_themes(paging, f'{near} < {limit} AND {few}', search.where)}"
    keys = f"""
    SELECT key0, key1 FROM near WHERE {near} = {limit}
    UNION ALL (SELECT key0, key1 FROM ({some}) AS few ORDER BY {paging.by_name} LIMIT {limit})
    UNION ALL (
        SELECT {paging.named} FROM {rows} AND {search.matches} AND NOT {few}
        ORDER BY {paging.by} LIMIT {limit}
    )"""
    return f"""
WITH named AS MATERIALIZED (SELECT id FROM themes WHERE strpos(lower(name), lower($2)) > 0),
near AS MATERIALIZED (
    SELECT key0, key1 FROM (SELECT *, {paging.named} FROM {rows} ORDER BY {paging.by} LIMIT {NEAR}) AS next
    WHERE {search.matches} LIMIT {limit}
),
found AS MATERIALIZED (
    SELECT {paging.named} FROM {table}
    WHERE (account_id = $1{paging.after}) IS TRUE AND {search.where} AND {search.by_grams}
        AND {near} < {limit}
    LIMIT {FEW + 1}
)
{_rows(paging, keys)}"""


def _of_themes(paging: Paging, condition: str, where: str) -> str:
    return (
        f"SELECT key0, key1 FROM (SELECT id FROM named WHERE {condition}) AS theme"
        f" CROSS JOIN LATERAL (SELECT {paging.named} FROM licenses"
        f" WHERE account_id = $1 AND theme_id = theme.id AND {where}{paging.after}"
        f" ORDER BY {paging.by} LIMIT {paging.limit}) AS each"
    )


def _rows(paging: Paging, keys: str) -> str:
    """The last key is the id. LIMIT 1 keeps PostgreSQL from reading the whole account for a join."""
    return (
        f"SELECT entry.* FROM ({keys}) AS page CROSS JOIN LATERAL (SELECT * FROM {paging.order.table}"
        f" WHERE account_id = $1 AND id = page.key1 LIMIT 1) AS entry ORDER BY {paging.by_name}"
    )
