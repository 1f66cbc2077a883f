"""Columns of an account's tables whose changes need an event of the account in the same transaction.

Triggers enforce this. Columns that are not listed here are audited, so that each new column needs a
decision.
"""

from collections.abc import Mapping

from sqlalchemy import Table
from sqlmodel import SQLModel

_LAST_USE = "a time of last use, written by requests that change nothing else"
_DELIVERY = "a delivery state, written by a job"

UNAUDITED_TABLES: Mapping[str, str] = {
    "api_key_days": "counts of the events of calls, written with each of these events",
    "audit_cuts": "its own trigger requires the event that records the pruning",
    "audit_events": "the log itself",
    "audit_heads": "the last event of the log, written with each event",
    "audit_verifications": "the progress of the job that verifies the log",
    "download_links": "a capability for five minutes: the download is audited when the link is used",
}
UNAUDITED_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "members": {
        "last_active_at": _LAST_USE,
        "access_reminder_at": "when a job sends the next reminder of the end of the membership",
    },
    "invitations": {
        "delivery": _DELIVERY,
        "delivery_error": _DELIVERY,
        "sent_at": _DELIVERY,
    },
    "api_keys": {
        "last_used_at": _LAST_USE,
        "last_used_ip": _LAST_USE,
        "expiry_notified_at": "when a job sent the reminder before the expiry",
        "unused_notified_at": "when a job sent the notice about a key that is not used",
    },
    "licenses": {
        **dict.fromkeys(
            ("last_downloaded_at", "last_verified_at", "last_verified_site", "installed_version"), _LAST_USE
        ),
        "expiry_reminder_at": "when a job sends the next reminder of the expiry",
    },
    "audit_streams": dict.fromkeys(
        (
            *("last_delivered_sequence", "last_delivered_at", "batch_sequence", "failing_since", "attempts"),
            *("last_attempt_at", "next_attempt_at", "last_error", "lease_id", "leased_until"),
        ),
        _DELIVERY,
    ),
}


def account_tables() -> dict[str, Table]:
    """Returns `accounts` and every table with an `account_id`, by name."""
    tables = SQLModel.metadata.tables
    return {
        name: table for name, table in tables.items() if name == "accounts" or "account_id" in table.columns
    }


def audited_columns() -> dict[str, list[str]]:
    """Returns the columns whose changes need an event, by table."""
    return {
        name: [column for column in _names(table) if column not in UNAUDITED_COLUMNS.get(name, {})]
        for name, table in account_tables().items()
        if name not in UNAUDITED_TABLES
    }


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]
