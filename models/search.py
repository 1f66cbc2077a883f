"""What a search for part of a text finds its rows by, without extensions: an index on the text's grams."""

from sqlalchemy import DDL, Index, event, text
from sqlmodel import SQLModel

# Each one or two letters that stand next to each other, as numbers that are an account's own: so one index
# serves all accounts, and a search in one meets no rows of others. `shortest` is 1 for what is searched and,
# for what is searched for, 2 unless it is one letter: longer grams are in fewer rows. Both are folded before.
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
    """Without a list of what is to be added later: each search would have to read all of it."""
    return Index(
        f"ix_{table}_search",
        *(text(f"search_grams(account_id, {column}, 1)") for column in columns),
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
