"""Search for a text in the summaries of the audit log.

An account's log can have millions of events, so a search looks near the first event of the page first: among
the next events in order, then by the index of letters in parts of the log that grow from 1,024 events to
millions, and at last in all of it. API calls, which are most events of many logs, are not searched.
"""

from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import col

from engine.conditions import FIRST_KEY, PREPARED, BoundCondition, Condition, OfNextRows, contains
from engine.errors import BadUserInput
from engine.pagination import Branch, Search, Window
from models.audit import AuditEvent, AuditOutcome
from models.audit_actions import AuditAction
from models.text_forms import folded
from resolvers.hosts import folded_hosts

MOST_COUNTED = 10_000
_FEWEST_LETTERS = 3
_WINDOW_SHIFTS = (10, 13, 16, 19, 22)
"""Binary logarithms of the sizes of the parts of the log that the index knows."""

# The constants let partial indexes be used.
_is_call = col(AuditEvent.action) == AuditAction.API_CALLED
not_a_call = Condition(lambda: ~_is_call)
denied_not_a_call = Condition(lambda: (col(AuditEvent.outcome) == AuditOutcome.DENIED) & ~_is_call)

_has_text = Condition(
    lambda search: contains(col(AuditEvent.summary_folded), search), searches=("summary_folded",)
)
_query = Condition(
    lambda account_id, member_id, search, sample: func.audit_search_query(
        account_id, member_id, search, sample
    )
)
_SAMPLE = OfNextRows(lambda rows, _: select(func.string_agg(rows.c.summary_folded, " ")).scalar_subquery())
_found = Condition(lambda query: _entries().bool_op("@@")(query))


def _found_within(shift: int) -> Condition:
    return Condition(
        lambda query, account_id, first: _entries().bool_op("@@")(
            query.op("&&")(func.audit_search_window(account_id, first, literal_column(str(shift))))
        )
    )


def _begins_within(shift: int) -> Condition:
    """Whether the part of the log before that of the first event is the oldest one."""
    return Condition(lambda first: first.op(">>")(literal_column(str(shift))) <= 1)


_WINDOWS = tuple((_found_within(shift), _begins_within(shift)) for shift in _WINDOW_SHIFTS)


def searched_text(text: str | None) -> str:
    """The text in the form in which summaries are compared. Empty where nothing is searched for. Raises
    `BadUserInput` for one or two ASCII letters, which the index does not have: they would double its size."""
    searched = folded_hosts(folded(text or ""))
    if 0 < len(searched) < _FEWEST_LETTERS and searched.isascii():
        raise BadUserInput(f"`text` needs at least {_FEWEST_LETTERS} letters, or one that is not ASCII.")
    return searched


def has_text(search: str) -> BoundCondition:
    """Compares the summaries one by one. `search` is a `searched_text`."""
    return _has_text(search)


def text_search(account_id: UUID, member_id: UUID | None, search: str) -> Search:
    """`search` is a `searched_text`. `member_id` is the actor of all events of the list, if they have one."""
    windows = (
        Window(
            Branch((found_within(PREPARED, account_id, FIRST_KEY), not_a_call())),
            begins_within(FIRST_KEY),
        )
        for found_within, begins_within in _WINDOWS
    )
    everywhere = Branch((_found(PREPARED), not_a_call()))
    query = _query(account_id, member_id, search, _SAMPLE)
    return Search(_has_text(search), (everywhere,), tuple(windows), query)


def _entries() -> ColumnElement[object]:
    return func.audit_search_entries(
        col(AuditEvent.account_id),
        col(AuditEvent.sequence),
        col(AuditEvent.actor_member_id),
        col(AuditEvent.summary_folded),
        type_=TSVECTOR,
    )
