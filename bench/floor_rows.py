"""Statements of the floor that return rows, and the functions that build the response from them."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from typing import Any

import asyncpg
import orjson

Rows = Sequence[asyncpg.Record]

_STATUS = """CASE WHEN license.status IN ('ACTIVE', 'SUSPENDED') AND license.expires_at <= now()
    THEN 'EXPIRED' ELSE license.status END"""


def _time(column: str) -> str:
    return f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""


VIEWER = """
    SELECT users.name, members.role, accounts.name
    FROM members JOIN accounts ON accounts.id = members.account_id JOIN users ON users.id = members.user_id
    WHERE members.user_id = $1 AND members.removed_at IS NULL ORDER BY members.id"""
MEMBERS = f"""
    SELECT id, name, email, role, is_owner, {_time("joined_at")}, {_time("last_active_at")} FROM members
    WHERE account_id = $1 AND removed_at IS NULL ORDER BY joined_at, id LIMIT 51"""  # noqa: S608
LICENSES = f"""
    SELECT license.id, license.site, {_STATUS}, license.key,
        {_time("license.provisioned_at")}, {_time("license.expires_at")},
        theme.id, theme.slug, theme.name, holder.id, holder.name
    FROM (SELECT * FROM licenses WHERE account_id = $1
        ORDER BY provisioned_at DESC, id DESC LIMIT 51) license
    JOIN themes theme ON theme.id = license.theme_id
    JOIN members holder ON holder.account_id = license.account_id AND holder.id = license.holder_id
    ORDER BY license.provisioned_at DESC, license.id DESC"""  # noqa: S608
AUDIT = f"""
    SELECT event.id, sequence, {_time("occurred_at")}, action, outcome, summary, target_type, target_name, ip,
        user_agent, request_id, details, actor_kind, actor_name, actor.id, actor.role
    FROM (SELECT * FROM audit_events WHERE account_id = $1 ORDER BY sequence DESC LIMIT 101) event
    LEFT JOIN members actor ON actor.account_id = event.account_id AND actor.id = event.actor_member_id
    ORDER BY sequence DESC"""  # noqa: S608
NESTED = f"""
    SELECT license.id, license.site, {_STATUS}, holder.id, holder.name,
        event.id, event.sequence, {_time("event.occurred_at")}, event.action, event.summary
    FROM (SELECT * FROM licenses WHERE account_id = $1
        ORDER BY provisioned_at DESC, id DESC LIMIT 20) license
    JOIN members holder ON holder.account_id = license.account_id AND holder.id = license.holder_id
    LEFT JOIN LATERAL (SELECT * FROM audit_events
        WHERE account_id = $1 AND actor_member_id = license.holder_id
        ORDER BY sequence DESC LIMIT 5) event ON true
    ORDER BY license.provisioned_at DESC, license.id DESC, event.sequence DESC"""  # noqa: S608


def viewer(rows: Rows) -> Any:
    memberships = [{"role": role, "account": {"name": account}} for _, role, account in rows]
    return {"viewer": {"user": {"name": rows[0][0]}, "memberships": memberships}}


def members(rows: Rows) -> Any:
    page = rows[:50]
    nodes = [
        {
            "id": "member_" + id.hex,
            "name": name,
            "email": email,
            "role": role,
            "isOwner": is_owner,
            "joinedAt": joined_at,
            "lastActiveAt": last_active_at,
        }
        for id, name, email, role, is_owner, joined_at, last_active_at in page
    ]
    cursor = _cursor("joined", page[-1][5], page[-1]["id"].hex)
    return _connection("members", nodes, len(rows) > 50, cursor)


def licenses(rows: Rows) -> Any:
    page = rows[:50]
    nodes = [
        {
            "id": "license_" + id.hex,
            "site": site,
            "status": status,
            "key": key,
            "provisionedAt": begun_at,
            "expiresAt": expires_at,
            "theme": {"id": "theme_" + theme_id.hex, "slug": slug, "name": theme},
            "holder": {"id": "member_" + holder_id.hex, "name": holder},
        }
        for id, site, status, key, begun_at, expires_at, theme_id, slug, theme, holder_id, holder in page
    ]
    cursor = _cursor("newest", page[-1][4], page[-1][0].hex)
    return _connection("licenses", nodes, len(rows) > 50, cursor)


def audit(rows: Rows) -> Any:
    nodes = [_event(row) for row in rows[:100]]
    return _connection("auditLog", nodes, len(rows) > 100, _cursor("sequence", rows[:100][-1]["sequence"]))


def _event(row: asyncpg.Record) -> Any:
    id, sequence, occurred_at, action, outcome, summary, target_type, target_name, *rest = row
    ip, user_agent, request_id, details, actor_kind, actor_name, member_id, role = rest
    member = None if member_id is None else {"id": "member_" + member_id.hex, "role": role}
    return {
        "id": "event_" + id.hex,
        "sequence": sequence,
        "occurredAt": occurred_at,
        "action": action,
        "outcome": outcome,
        "summary": summary,
        "targetType": target_type,
        "targetName": target_name,
        "ip": ip,
        "userAgent": user_agent,
        "requestId": request_id,
        "details": orjson.Fragment(details),
        "actor": {"kind": actor_kind, "name": actor_name, "member": member},
    }


def nested(rows: Rows) -> Any:
    nodes: list[Any] = []
    latest: Any = None
    activity: list[Any] = []
    for license_id, site, status, holder_id, name, id, sequence, occurred_at, action, summary in rows:
        if license_id != latest:
            latest, activity = license_id, []
            holder = {"id": "member_" + holder_id.hex, "name": name, "activity": {"nodes": activity}}
            nodes.append({"id": "license_" + latest.hex, "site": site, "status": status, "holder": holder})
        if id is not None:
            activity.append(
                {
                    "id": "event_" + id.hex,
                    "sequence": sequence,
                    "occurredAt": occurred_at,
                    "action": action,
                    "summary": summary,
                }
            )
    return {"account": {"licenses": {"nodes": nodes}}}


def _connection(field: str, nodes: list[Any], has_next_page: bool, cursor: str) -> Any:
    page_info = {"hasNextPage": has_next_page, "endCursor": cursor}
    return {"account": {field: {"nodes": nodes, "pageInfo": page_info}}}


def _cursor(*values: Any) -> str:
    return urlsafe_b64encode(orjson.dumps(values)).decode().rstrip("=")
