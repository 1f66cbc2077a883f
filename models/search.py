"""Search for part of a text by an index on the text's grams, without PostgreSQL extensions."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import DDL, Computed, Index, Text, event, text
from sqlmodel import Field, SQLModel

from models.columns import account_index

_BASELINE = Path(__file__).parent / "migrations" / "baseline"


def _functions() -> Iterator[str]:
    """Functions that indexes and computed columns call, a statement each."""
    for name in ("search", "text_forms", "audit_search"):
        _, *functions = re.split(r"^(?=CREATE )", (_BASELINE / f"{name}.sql").read_text("utf-8"), flags=re.M)
        yield from functions


for function in _functions():
    event.listen(SQLModel.metadata, "before_create", DDL(function.replace("%", "%%")))  # type: ignore[no-untyped-call]


def search_index(table: str, *columns: str) -> Index:
    """GIN index on the grams of columns. Entries are written into it some thousands at a time, which takes
    less time than one by one; its pending list is as short as it can be, since each search reads it first."""
    return Index(
        f"ix_{table}_search",
        *(text(f"search_grams(account_id, {column}, 1)") for column in columns),
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": "64"},
    )


def folded_summary_column() -> Any:
    """The summary of an audit event, folded, or None for API calls. PostgreSQL computes it, also when a
    person is erased."""
    computed = Computed(
        "CASE WHEN action = 'API_CALLED' THEN NULL"
        " WHEN octet_length(summary) = length(summary) AND length(summary) <= 1000"
        """ THEN lower(summary COLLATE "C")"""
        " ELSE folded_text(summary) END",
        persisted=True,
    )
    return Field(default=None, sa_type=Text(collation="C"), sa_column_args=[computed])


def audit_search_indexes() -> Iterator[Index]:
    """Indexes for a search in the summaries of all events but API calls."""
    table, not_a_call = "audit_events", text("action <> 'API_CALLED'")
    yield account_index(table, "sequence", suffix="not_a_call", postgresql_where=not_a_call)
    yield account_index(
        table, "actor_member_id", "sequence", suffix="actor_not_a_call", postgresql_where=not_a_call
    )
    yield account_index(
        table,
        "sequence",
        suffix="denied_not_a_call",
        postgresql_where=text("outcome = 'DENIED' AND action <> 'API_CALLED'"),
    )
    # With a short pending list: entries are written into the index by thousands, which takes less time, and a
    # search reads the list first.
    yield Index(
        f"ix_{table}_search",
        text("audit_search_entries(account_id, sequence, actor_member_id, summary_folded)"),
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": "512"},
        postgresql_where=not_a_call,
    )
