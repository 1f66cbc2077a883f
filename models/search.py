"""Search for part of a text by an index on the text's grams, without PostgreSQL extensions."""

from sqlalchemy import DDL, Index, event, text
from sqlmodel import SQLModel

# A gram is a hash of one or two adjacent characters, seeded with the account's id: one index serves all
# accounts, and a search in one reads no rows of others. `shortest` is 1 for stored text and, for a search
# term, 2 unless it is a single character: longer grams are in fewer rows. Both are case-folded before.
SEARCH_GRAMS = """
CREATE FUNCTION search_grams(account_id uuid, value text, shortest integer) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT array_agg(
        hashtextextended(substr(value, start, size) COLLATE "C", uuid_hash_extended(account_id, 0))
    )
    FROM generate_series(shortest, 2) AS size, generate_series(1, length(value) - size + 1) AS start
)
"""

event.listen(SQLModel.metadata, "before_create", DDL(SEARCH_GRAMS))  # type: ignore[no-untyped-call]


def search_index(table: str, *columns: str) -> Index:
    """GIN index on the grams of columns. It has no pending list (`fastupdate`), since each search would have
    to read all of it."""
    return Index(
        f"ix_{table}_search",
        *(text(f"search_grams(account_id, {column}, 1)") for column in columns),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
