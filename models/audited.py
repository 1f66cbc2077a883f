"""Which columns of an account's tables are audited: a commit that changes them needs an event of the account.

Triggers enforce it. A column that is not listed here is audited, so that a new one has to be decided.
"""

from collections.abc import Mapping

from sqlalchemy import Table
from sqlmodel import SQLModel

_LAST_USE = "a time of last use, noted by requests that change nothing"
_DELIVERY = "a delivery state, noted by a job"

UNAUDITED_TABLES: Mapping[str, str] = {
    "audit_cuts": "its own trigger requires the event that says the same",
    "audit_events": "the log itself",
    "audit_heads": "where the log has got to",
    "audit_verifications": "what a job has found of the log",
    "download_links": "a capability for five minutes: its use is the event",
}
UNAUDITED_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "members": {"last_active_at": _LAST_USE},
    "invitations": {
        "accepted_at": "moved on by further clicks on its link; who has accepted it is audited",
        "delivery": _DELIVERY,
        "delivery_error": _DELIVERY,
        "sent_at": _DELIVERY,
    },
    "api_keys": {
        "last_used_at": _LAST_USE,
        "last_used_ip": _LAST_USE,
        "expiry_told_at": "when a job sent the reminder of an expiry that is yet to come",
    },
    "licenses": {"last_downloaded_at": _LAST_USE},
    "audit_streams": dict.fromkeys(
        (
            *("last_delivered_sequence", "last_delivered_at", "batch_sequence", "failing_since", "attempts"),
            *("last_attempt_at", "next_attempt_at", "last_error", "lease_id", "leased_until"),
        ),
        _DELIVERY,
    ),
}


def tenant_tables() -> dict[str, Table]:
    """By name: `accounts`, and every table with an `account_id`."""
    tables = SQLModel.metadata.tables
    return {
        name: table for name, table in tables.items() if name == "accounts" or "account_id" in table.columns
    }


def audited_columns() -> dict[str, list[str]]:
    """By table, those whose change needs an event."""
    return {
        name: [column for column in _names(table) if column not in UNAUDITED_COLUMNS.get(name, {})]
        for name, table in tenant_tables().items()
        if name not in UNAUDITED_TABLES
    }


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]
