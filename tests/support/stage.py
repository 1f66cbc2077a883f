"""Account with data for every permission, for each role and not owned by it."""

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.support.audit_streams import create as create_audit_stream
from tests.support.contracts import ROLES
from tests.support.permission_changes import Change
from tests.support.stored_keys import store_api_key
from tests.support.world import INVITE, PROVISION, PURCHASE, Person, World

_IDS = """query ($owner: [ID!]) { account { id
  entitlements { nodes { id } }
  auditLog(filter: { actorIds: $owner, actions: [LICENSE_PROVISIONED] }) { nodes { id } } }
  theme(slug: "aurora") { id releases { id files { id } } } }"""
_JOINED = """{ account { auditLog(filter: { actions: [MEMBER_JOINED] }) {
  nodes { id actor { member { id } } } } } }"""


@dataclass
class Stage:
    """The owner is not one of the three roles' members, so its data belongs to another member for each of
    them."""

    world: World
    owner: Person
    people: dict[str, Person]
    """Members by role."""
    ids: dict[str, str] = field(default_factory=dict)
    """Ids of objects of other people: the owner's license and event, an invitation, the catalog."""
    own_ids: dict[str, dict[str, str]] = field(default_factory=dict)
    """Ids by role: `me` is the member and `my_event` the event of its joining."""

    def filled(self, text: str, role: str) -> str:
        """Replaces `<placeholders>` by ids."""
        ids = {**self.ids, **self.own_ids[role], "role": role.lower()}
        return re.sub(r"<(\w+)>", lambda found: ids[found[1]], text)

    def input_of(self, change: Change, role: str) -> dict[str, Any]:
        """The change's input with ids."""
        input: dict[str, Any] = json.loads(self.filled(json.dumps(change.input), role))
        return input

    async def ask(self, role: str, operation: str, **variables: Any) -> dict[str, Any]:
        return await self.people[role].post(self.filled(operation, role), **variables)

    async def stored(self) -> dict[str, str]:
        """Digest of each table except those that are written with each event."""
        tables = await self.world.superuser.fetch(
            "SELECT relname AS name FROM pg_class WHERE relkind = 'r'"
            " AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'audit%'"
            " AND relname <> 'api_key_days'"
        )
        digests = " UNION ALL ".join(
            f"SELECT '{table['name']}', md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table['name']} t"
            for table in tables
        )
        return dict(map(tuple, await self.world.superuser.fetch(digests)))


async def set_stage(world: World, themes: dict[str, str]) -> Stage:
    owner = world.admin
    people = {
        "ADMIN": await world.join("ADMIN", "second@example.com"),
        "MEMBER": world.member,
        "VIEWER": world.viewer,
    }
    stage = Stage(world, owner, people)
    bystander = await world.join("VIEWER", "bystander@example.com")
    provisioned = await owner.change(
        PROVISION, accountId=world.account_id, themeId=themes["aurora"], site="owner.example.com"
    )
    invited = await owner.change(
        INVITE, accountId=world.account_id, email="waiting@example.com", role="VIEWER"
    )
    bought = await owner.change(
        PURCHASE, accountId=world.account_id, items=[{"themeId": themes["basalt"], "quantity": 1}]
    )
    audit_stream, _ = await create_audit_stream(world, "https://hooks.example.com/audit")
    api_key = await store_api_key(world, owner.member_id, "owner", "READ", "PROVISION")
    found = await owner.ask(_IDS, owner=[owner.member_id])
    release = found["theme"]["releases"][0]
    stage.ids = {
        "account": world.account_id,
        "owner": owner.member_id,
        "bystander": bystander.member_id,
        "member": world.member.member_id,
        "license": provisioned["license"]["id"],
        "invitation": invited["invitation"]["id"],
        "invoice": bought["invoice"]["id"],
        "api_key": api_key,
        "audit_stream": audit_stream,
        "event": found["account"]["auditLog"]["nodes"][0]["id"],
        "entitlement": found["account"]["entitlements"]["nodes"][0]["id"],
        "theme": found["theme"]["id"],
        "release": release["id"],
        "file": release["files"][0]["id"],
    }
    joined = (await owner.ask(_JOINED))["account"]["auditLog"]["nodes"]
    events = {event["actor"]["member"]["id"]: event["id"] for event in joined}
    for role in ROLES:
        me = people[role].member_id
        stage.own_ids[role] = {"me": me, "my_event": events[me]}
    return stage
