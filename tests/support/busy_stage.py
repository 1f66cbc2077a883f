"""Account with data of every kind and state, the ids in it, and its viewers."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from models.database import Database
from models.notifications import AuditAnnouncer, Listener
from permissions.context import Context
from permissions.viewer import Client
from tests.support.audit_streams import DELETE as DELETE_AUDIT_STREAM
from tests.support.audit_streams import UPDATE as UPDATE_AUDIT_STREAM
from tests.support.audit_streams import create as create_audit_stream
from tests.support.changes import (
    DECLINE,
    INVITE_ONE,
    PURCHASE,
    REMOVE,
    REVOKE_INVITATION,
    REVOKE_LICENSE,
    SET_LIMITS,
    UPDATE_BILLING,
    UPDATE_PROFILE,
    mutation,
)
from tests.support.generated_operations import Generated
from tests.support.generated_values import Values
from tests.support.stage import Stage
from tests.support.stored_keys import store_api_key, uuid_of
from tests.support.world import Person

PEOPLE = ("ADMIN", "MEMBER", "VIEWER", "BOTH", "NOBODY")
"""The three roles, a person with two accounts, and a client without a credential."""

_PROVISION = mutation("provisionLicense", "license { id }")
_KINDS = ("account", "api_key", "event", "invitation", "invoice", "license", "member", "session", "theme")
_TABLES = {kind: f"{kind}s" for kind in _KINDS} | {
    "audit_stream": "audit_streams",
    "entitlement": "entitlements",
    "event": "audit_events",
    "file": "theme_files",
    "release": "theme_releases",
    "user": "users",
}
_MANY = {"account": 2, "api_key": 10, "member": 10, "license": 14, "event": 12, "invitation": 8}
_IDS = {kind: [f"<{kind}_{number}>" for number in range(_MANY.get(kind, 3))] for kind in _TABLES}
_LISTS = {
    "members": "account { list: members(filter: { includeRemoved: true }) { edges { cursor } } }",
    "members_by_name": "account { list: members(orderBy: NAME) { edges { cursor } } }",
    "licenses": "account { list: licenses { edges { cursor } } }",
    "licenses_by_site": "account { list: licenses(orderBy: SITE) { edges { cursor } } }",
    "invitations": "account { list: invitations { edges { cursor } } }",
    "entitlements": "account { list: entitlements { edges { cursor } } }",
    "invoices": "account { billing { list: invoices { edges { cursor } } } }",
    "api_keys": "account { list: apiKeys { edges { cursor } } }",
    "audit_streams": "account { list: auditStreams { edges { cursor } } }",
    "events": "account { list: auditLog { edges { cursor } } }",
    "themes": "catalog { edges { cursor } }",
}
_EMAILS = ["declined@example.com", "revoked@example.com", "expired@example.com", "waiting@example.com"]
_LICENSES = [
    # Site, holder, provisioner, and what was done with the license.
    ("active.admin", "ADMIN", "ADMIN", ""),
    ("suspended.admin", "ADMIN", "MEMBER", "status = 'SUSPENDED'"),
    ("expired.admin", "ADMIN", "ADMIN", "expires_at = '2021-03-04T05:06:07.000001Z'"),
    ("lasting.member", "MEMBER", "ADMIN", "expires_at = '2121-01-01T00:00:00Z'"),
    ("expired.member", "MEMBER", "MEMBER", "status = 'SUSPENDED', expires_at = now() - interval '1 year'"),
    ("downloaded.viewer", "VIEWER", "MEMBER", "last_downloaded_at = '2026-02-03T04:05:06Z'"),
    ("suspended.viewer", "VIEWER", "ADMIN", "status = 'SUSPENDED'"),
    ("revoked.member", "MEMBER", "MEMBER", "REVOKED"),
    ("revoked.viewer", "VIEWER", "ADMIN", "REVOKED"),
]


def _cursors(*lists: str) -> list[str]:
    return [f"<{name}_{number}>" for name in lists for number in range(4)]


def _everywhere(cursors: dict[str, list[str]]) -> dict[str, list[str]]:
    return {f"{field}({way}:)": found for field, found in cursors.items() for way in ("after", "before")}


VALUES = Values(
    right={
        "ID": [each for ids in _IDS.values() for each in ids],
        "Query.account(id:)": _IDS["account"],
        "themeIds": _IDS["theme"],
        "holderIds": _IDS["member"],
        "actorIds": _IDS["member"],
        "targetId": [*_IDS["member"], *_IDS["license"], *_IDS["invitation"]],
        "apiKeyId": [*_IDS["api_key"], "api_key_" + "0" * 32],
        "memberIds": _IDS["member"],
        "first": [0, 1, 2, 3, 7, 100],
        "last": [0, 1, 2, 3, 7, 100],
        "slug": ["aurora", "basalt", "cobalt"],
        "token": [f"<token_{email}>" for email in _EMAILS],
        "tag": ["test", "none", ""],
        "email": [*_EMAILS, "WAITING@example.com", "nobody@example.com"],
        "LicenseFilter.search": ["example", "Aurora", "expired", "a", "%", "", "zzz"],
        "MemberFilter.search": ["e", "Admin", "@example", "renamed", "_", ""],
        "ThemeFilter.search": ["theme", "AU", "%", ""],
        "targetTypes": ["ApiKey", "Invitation", "License", "Member"],
        "AuditLogFilter.text": ["com", "invited", "LICENSE", "%%%", "qqq", "nobody", ""],
        "requestId": ["<request_0>", "<request_5>", "none"],
        "ip": ["127.0.0.1", "::1", "192.0.2.1"],
        "DateTime": ["<time_2>", "<time_9>", "2020-01-01T00:00:00+02:00", "2100-01-01T00:00:00Z"],
        "Query.__type(name:)": ["Member", "Nothing"],
        **_everywhere(
            {
                "Account.members": _cursors("members", "members_by_name"),
                "Account.licenses": _cursors("licenses", "licenses_by_site"),
                "Member.licenses": _cursors("licenses"),
                "Account.invitations": _cursors("invitations"),
                "Account.entitlements": _cursors("entitlements"),
                "Billing.invoices": _cursors("invoices"),
                "Account.apiKeys": _cursors("api_keys"),
                "Account.auditStreams": _cursors("audit_streams"),
                "Account.auditLog": _cursors("events"),
                "Member.activity": _cursors("events"),
                "Query.catalog": _cursors("themes"),
            }
        ),
    },
    wrong={
        "ID": [
            "member_" + "0" * 32,
            "theme_1",
            "",
            "nonsense",
            "\N{SNOWMAN}",
            *(ids[0] for ids in _IDS.values()),
        ],
        "after": ["nonsense", "", "bm9uc2Vuc2U", *_cursors("members", "events", "themes")],
        "before": ["nonsense", "=", "W10", *_cursors("licenses", "invitations")],
        "first": [101, -1],
        "last": [101, -1],
        "slug": ["no-such-theme", "", "AURORA"],
        "targetTypes": ["license", "\N{SNOWMAN}", ""],
        "token": ["", "nonsense", "\N{SNOWMAN}"],
        "DateTime": ["1970-01-01T00:00:00Z", "9000-12-31T23:59:59Z"],
    },
    often=[
        "Query.account",
        "Query.nodes",
        "Account.licenses",
        "Account.auditLog",
        "Account.members",
        "Account.billing",
    ],
)


class BusyStage:
    """`found` has values by placeholder name, without brackets."""

    def __init__(self, stage: Stage, people: dict[str, Person], found: dict[str, str]) -> None:
        self.stage, self.people, self.found = stage, people, found

    def __repr__(self) -> str:
        return "the stage"

    async def context(self, who: str) -> Context:
        """Context of a request by this person, in this process."""
        world, token = self.stage.world, self.people[who].token
        database: Database = world.database
        client = Client("127.0.0.1", "generated", "generated")
        context = Context(
            world.settings, database, AuditAnnouncer(database), Listener(database), client, token=token
        )
        await context.authenticate()
        return context

    def filled(self, generated: Generated) -> Generated:
        """Replaces placeholders by existing values."""
        return replace(
            generated,
            text=self._filled(generated.text),
            variables=json.loads(self._filled(json.dumps(generated.variables))),
        )

    def _filled(self, text: str) -> str:
        return re.sub(r"<(\w+_[\w@.]+)>", lambda placeholder: self.found[placeholder[1]], text)


async def set_busy_stage(stage: Stage) -> BusyStage:
    people = {**stage.people, "NOBODY": stage.world.nobody, "BOTH": await _in_two_accounts(stage)}
    await _licenses(stage)
    await _invoices(stage)
    await _team(stage)
    await _invitations(stage)
    await _api_keys(stage)
    await _audit_streams(stage)
    await stage.world.superuser.execute("UPDATE sessions SET last_used_at = now() + interval '1 day'")
    return BusyStage(stage, people, await _found(stage))


async def _in_two_accounts(stage: Stage) -> Person:
    person = await stage.world.found("Beta", "both@example.com")
    await stage.world.join("MEMBER", "both@example.com")
    await person.change(INVITE_ONE, accountId=await _beta(stage), email="new@example.com", role="ADMIN")
    return person


async def _beta(stage: Stage) -> str:
    id = await stage.world.superuser.fetchval("SELECT id FROM accounts WHERE name = 'Beta'")
    return f"account_{id.hex}"


async def _licenses(stage: Stage) -> None:
    """Licenses in every state, one of them for a withdrawn theme."""
    world = stage.world
    await world.superuser.execute(
        "INSERT INTO themes (id, slug, name, summary, price_amount, price_currency, tags, published_at,"
        " latest_version) SELECT gen_random_uuid(), 'cobalt', 'Cobalt', summary, 12.50, 'USD', '{}',"
        " published_at, '0.1.0' FROM themes WHERE slug = 'aurora'"
    )
    await world.grant("aurora", 20)
    await world.grant("cobalt", 2)
    cobalt = (await world.admin.ask('{ theme(slug: "cobalt") { id } }'))["theme"]["id"]
    for site, holder, provisioner, state in [*_LICENSES, ("withdrawn.theme", "MEMBER", "ADMIN", cobalt)]:
        payload = await stage.people[provisioner].change(
            _PROVISION,
            accountId=world.account_id,
            themeId=cobalt if state == cobalt else stage.ids["theme"],
            site=site,
            holderId=stage.people[holder].member_id,
        )
        if state == "REVOKED":
            await world.admin.change(REVOKE_LICENSE, licenseId=payload["license"]["id"], reason="Over.")
        elif state and state != cobalt:
            await world.superuser.execute(f"UPDATE licenses SET {state} WHERE site = $1", site)
    await world.superuser.execute("UPDATE themes SET withdrawn_at = now() WHERE slug = 'cobalt'")


async def _invoices(stage: Stage) -> None:
    """Invoices in every state, from before and after the billing details were entered."""
    world, items = stage.world, [{"themeId": stage.ids["theme"], "quantity": 2}]
    for state in ("status = 'PAID', paid_at = now()", "status = 'VOID'", "status = 'OPEN'"):
        payload = await world.admin.change(PURCHASE, accountId=world.account_id, items=items)
        id = UUID(hex=payload["invoice"]["id"].rpartition("_")[2])
        await world.superuser.execute(f"UPDATE invoices SET {state} WHERE id = $1", id)
        await world.admin.change(
            UPDATE_BILLING, accountId=world.account_id, country="FR", addressLines=["1, rue Neuve", "Lyon"]
        )


async def _team(stage: Stage) -> None:
    """A removed member, a renamed member, and a limit on licenses."""
    world = stage.world
    gone = await world.join("MEMBER", "gone@example.com")
    await gone.change(
        _PROVISION, accountId=world.account_id, themeId=stage.ids["theme"], site="gone.example.com"
    )
    await world.admin.change(REMOVE, memberId=gone.member_id)
    await world.viewer.change(UPDATE_PROFILE, name="Renamed \N{SNOWMAN}")
    await world.admin.change(
        SET_LIMITS, accountId=world.account_id, maxActiveLicenses=40, maxMonthlySpend="99.5"
    )


async def _invitations(stage: Stage) -> None:
    world = stage.world
    for email in _EMAILS[:-1]:
        await world.admin.change(
            INVITE_ONE, accountId=world.account_id, email=email, role="MEMBER", message="Do come."
        )
    await world.nobody.change(DECLINE, token=await world.token_for("declined@example.com"))
    id = await world.superuser.fetchval("SELECT id FROM invitations WHERE email = 'revoked@example.com'")
    await world.admin.change(REVOKE_INVITATION, invitationId=f"invitation_{id.hex}")
    await world.superuser.execute(
        "UPDATE invitations SET expires_at = '2021-01-01', delivery = 'FAILED', delivery_error = 'No host'"
        " WHERE email = 'expired@example.com'"
    )
    await world.viewer.post(
        INVITE_ONE, input={"accountId": world.account_id, "email": "denied@example.com", "role": "ADMIN"}
    )


async def _api_keys(stage: Stage) -> None:
    """Keys in every state, and one of a removed member."""
    for role, person in stage.people.items():
        await store_api_key(stage.world, person.member_id, f"works {role}", last_used_ip="'192.0.2.1'")
        await store_api_key(stage.world, person.member_id, f"over {role}", expires_at="now()")
    admin, member = stage.people["ADMIN"].member_id, stage.people["MEMBER"].member_id
    unclaimed = {"prefix": "'ta_'", "key_hash": "NULL, claimed_at = NULL"}
    await store_api_key(stage.world, member, "unclaimed", "PROVISION", **unclaimed)
    await store_api_key(stage.world, member, "lapsed", **unclaimed, claim_expires_at="now()")
    await store_api_key(stage.world, admin, "revoked", revoked_at="now(), revoked_by_id = created_by_id")
    await store_api_key(stage.world, member, "of both", "PROVISION", "READ", expires_at="'2121-01-01'")


async def _audit_streams(stage: Stage) -> None:
    """An audit stream that failed, one that ended and one that was deleted."""
    world = stage.world
    failed, _ = await create_audit_stream(world, "https://a.example.com", actions=["MEMBER_JOINED"])
    ended, _ = await create_audit_stream(world, "https://b.example.com:8443/?a=b", afterSequence=0)
    gone, _ = await create_audit_stream(world, "https://c.example.com")
    await world.admin.change(UPDATE_AUDIT_STREAM, auditStreamId=failed, rotateSecret=True)
    await world.admin.change(DELETE_AUDIT_STREAM, auditStreamId=gone)
    words = "failing_since = now(), last_attempt_at = now(), last_error = 'The receiver answered 500.'"
    for id, state in ((failed, "next_attempt_at = now()"), (ended, "status = 'ENDED'")):
        await world.superuser.execute(f"UPDATE audit_streams SET {words}, {state} WHERE id = $1", uuid_of(id))


async def _found(stage: Stage) -> dict[str, str]:
    """Values of the placeholders."""
    world = stage.world
    found: dict[str, str] = {}
    for kind, table in _TABLES.items():
        rows = await world.superuser.fetch(f"SELECT id FROM {table} ORDER BY id")
        found |= _numbered(kind, len(_IDS[kind]), rows, partial(_global_id, kind))
    events = await world.superuser.fetch("SELECT * FROM audit_events ORDER BY id")
    found |= _numbered("time", 10, events, lambda event: event["occurred_at"].isoformat())
    found |= _numbered("request", 10, events, lambda event: event["request_id"] or "none")
    for name, selection in _LISTS.items():
        data = await world.admin.ask(f"{{ {selection} }}")
        account = data.get("account", {})
        edges = (data.get("catalog") or account.get("billing", account)["list"])["edges"]
        found |= _numbered(name, 4, edges, lambda edge: edge["cursor"])
    return found | {f"token_{email}": await world.token_for(email) for email in _EMAILS}


def _global_id(kind: str, row: Any) -> str:
    return f"{kind}_{row['id'].hex}"


def _numbered(name: str, count: int, rows: Sequence[Any], shown: Callable[[Any], str]) -> dict[str, str]:
    return {f"{name}_{number}": shown(rows[number % len(rows)]) for number in range(count)}
