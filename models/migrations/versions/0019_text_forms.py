"""Names are sorted by ICU's root collation, and found by Unicode's folding, whatever the database's locale"""

from collections.abc import Sequence
from typing import Any

import icu  # type: ignore[import-untyped]
import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"

LOWERING = """
CREATE OR REPLACE FUNCTION search_grams(account_id uuid, value text, shortest integer) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT array_agg(hashtextextended(substr(folded, start, size), uuid_hash_extended(account_id, 0)))
    FROM lower(value) AS folded, generate_series(shortest, 2) AS size,
        generate_series(1, length(folded) - size + 1) AS start
)
"""
AS_IT_IS = """
CREATE OR REPLACE FUNCTION search_grams(account_id uuid, value text, shortest integer) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT array_agg(
        hashtextextended(substr(value, start, size) COLLATE "C", uuid_hash_extended(account_id, 0))
    )
    FROM generate_series(shortest, 2) AS size, generate_series(1, length(value) - size + 1) AS start
)
"""
PRESENT, GONE = "removed_at IS NULL", "removed_at IS NOT NULL"
# Table, name, what follows the account, and of which rows; {} is what the name is sorted by.
SORTED = (
    ("members", "name", "account_id, {}, id", PRESENT),
    ("members", "role_name", "account_id, role, {}, id", PRESENT),
    ("members", "removed_name", "account_id, role, {}, id", GONE),
    ("themes", "name", "{}, id", None),
)
# Table and columns before and after.
SEARCHED = (
    ("members", ("name", "email"), ("name_folded", "email_folded")),
    ("licenses", ("site",), ("site_folded",)),
)
COLUMNS = {
    "members": ("name_key", "name_folded", "email_folded"),
    "licenses": ("site_folded",),
    "themes": ("name_key", "name_folded", "text_folded"),
}
READ = {
    "members": "account_id, id, name, email",
    "licenses": "account_id, id, site",
    "themes": "NULL, id, name, summary, slug",
}
BATCH = 5_000


def upgrade() -> None:
    _drop_indexes()
    for table, columns in COLUMNS.items():
        for column in columns:
            op.add_column(table, sa.Column(column, sa.Text(collation="C"), server_default="", nullable=False))
        op.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")  # Nothing is changed that a log tells of.
        _fill(table)
        op.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    op.execute(AS_IT_IS)
    _create_indexes("name_key", after=True)


def downgrade() -> None:
    _drop_indexes()
    for table, columns in COLUMNS.items():
        for column in columns:
            op.drop_column(table, column)
    op.execute(LOWERING)
    _create_indexes("lower(name)", after=False)


def _fill(table: str) -> None:
    connection, last = op.get_bind(), None
    while True:
        where = "" if last is None else "WHERE id > :last"
        rows = connection.execute(
            sa.text(f"SELECT {READ[table]} FROM {table} {where} ORDER BY id LIMIT {BATCH}"),  # noqa: S608
            {} if last is None else {"last": last},
        ).all()
        if not rows:
            return
        last = rows[-1].id
        places = ", ".join(f"{column} = new.{column}" for column in COLUMNS[table])
        values = ", ".join(f"unnest(cast(:{column} AS text[])) AS {column}" for column in COLUMNS[table])
        connection.execute(
            sa.text(
                f"UPDATE {table} SET {places} FROM (SELECT unnest(cast(:ids AS uuid[])) AS id, {values}) AS new"  # noqa: S608
                f" WHERE {table}.id = new.id"
            ),
            {"ids": [row.id for row in rows], **_forms(table, rows)},
        )


def _forms(table: str, rows: Sequence[sa.Row[Any]]) -> dict[str, list[str]]:
    folded = icu.Normalizer2.getNFKCCasefoldInstance().normalize
    collation = icu.Collator.createInstance(icu.Locale.getRoot())

    def key(name: str) -> str:
        return str(collation.getSortKey(name).removesuffix(b"\0")[:200].decode("latin-1"))

    if table == "licenses":
        return {"site_folded": [folded(row.site) for row in rows]}
    keys = {
        "name_key": [key(row.name) for row in rows],
        "name_folded": [folded(row.name) for row in rows],
    }
    if table == "members":
        return {**keys, "email_folded": [folded(row.email) for row in rows]}
    texts = [(row.name, row.summary, row.slug) for row in rows]
    return {**keys, "text_folded": ["\n".join(map(folded, each)) for each in texts]}


def _drop_indexes() -> None:
    for table, name, _, _ in SORTED:
        op.drop_index(f"ix_{table}_{name}", table)
    for table, _, _ in SEARCHED:
        op.drop_index(f"ix_{table}_search", table)


def _create_indexes(key: str, *, after: bool) -> None:
    for table, name, columns, where in SORTED:
        rows = f" WHERE {where}" if where else ""
        op.execute(f"CREATE INDEX ix_{table}_{name} ON {table} ({columns.format(key)}){rows}")
    for table, before, searched in SEARCHED:
        grams = ", ".join(
            f"search_grams(account_id, {column}, 1)" for column in (searched if after else before)
        )
        op.execute(f"CREATE INDEX ix_{table}_search ON {table} USING gin ({grams}) WITH (fastupdate = off)")
