"""One person in two accounts, credentials of every kind, and every root field with arguments for the second
account."""

from dataclasses import dataclass
from typing import Any

from permissions.tokens import new_api_key
from resolvers.accounts import operator
from tests.support.changes import (
    CREATE_ACCOUNT,
    DECLINE,
    ERASE_VIEWER,
    LEAVE,
    REQUEST_PERSONAL_DATA,
    REVOKE_OTHER_SESSIONS,
    REVOKE_SESSION,
    UPDATE_PROFILE,
)
from tests.support.permission_changes import CHANGES
from tests.support.stage import Stage, set_stage
from tests.support.stored_keys import store_api_key, uuid_of
from tests.support.world import ACCEPT, CLAIM_API_KEY, INVITE, REQUEST_SIGN_IN, SIGN_IN, Person, World

ADA = "ada@example.com"
KEYS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "key READ": (("READ",), {}),
    "key PROVISION": (("PROVISION",), {}),
    "key READ and PROVISION": (("READ", "PROVISION"), {}),
    "revoked key": (("READ", "PROVISION"), {"revoked_at": "now()"}),
    "expired key": (("READ", "PROVISION"), {"expires_at": "now()"}),
}
"""API keys of the first account: scopes, and SQL for some columns."""
NO_CREDENTIAL = ("nobody", "unclaimed key")
OTHERS = ("session of the first account's Admin",)

Operation = tuple[str, dict[str, Any]]

QUERIES: dict[str, tuple[str, ...]] = {
    "viewer": (
        "{ viewer { user { id name email } credential { __typename } sessions { id ip userAgent }"
        " memberships { id account { id name slug owner { id } } } } }",
    ),
    "account": (
        '{ account(id: "<account>") { id name licenses { nodes { key } } members { nodes { email } } } }',
        "{ account { id name members { nodes { id } } licenses { nodes { id key } } } }",
    ),
    "node": tuple(
        f'{{ node(id: "<{name}>") {{ __typename id }} }}'
        for name in (
            *("account", "owner", "bystander", "license", "invitation", "invoice", "api_key"),
            *("audit_stream", "event", "entitlement", "session", "own_session"),
        )
    ),
    "nodes": ('{ nodes(ids: ["<account>", "<owner>", "<license>", "<session>"]) { __typename id } }',),
    "catalog": ("{ catalog { nodes { slug } } }",),
    "theme": ('{ theme(slug: "aurora") { slug } }',),
    "invitation": ('{ invitation(token: "<invitation_token>") { accountName maskedEmail } }',),
}
SUBSCRIPTIONS = {
    "auditLogAppended": 'subscription { auditLogAppended(accountId: "<account>", afterSequence: 0) { id } }',
    "viewerMemberChanged": 'subscription { viewerMemberChanged(accountId: "<account>") { id } }',
}
MUTATIONS: dict[str, Operation] = {
    **{change.name: (change.operation, change.input) for change in CHANGES},
    "requestSignIn": (REQUEST_SIGN_IN, {"email": ADA}),
    "claimApiKey": (CLAIM_API_KEY, {"token": "<claim_token>"}),
    "declineInvitation": (DECLINE, {"token": "<invitation_token>"}),
    "acceptInvitation": (ACCEPT, {"token": "<invitation_token>"}),
    "createAccount": (CREATE_ACCOUNT, {"name": "Third", "idempotencyKey": "c"}),
    "requestPersonalData": (REQUEST_PERSONAL_DATA, {}),
    "updateProfile": (UPDATE_PROFILE, {"name": "Somebody"}),
    "eraseViewer": (ERASE_VIEWER, {"email": ADA}),
    "revokeSession": (REVOKE_SESSION, {"sessionId": "<own_session>"}),
    "revokeOtherSessions": (REVOKE_OTHER_SESSIONS, {}),
    "leaveAccount": (LEAVE, {"accountId": "<account>"}),
    "signIn": (SIGN_IN, {"token": "<sign_in_token>"}),
    "signOut": ("mutation { signOut { userErrors { code } } }", {}),
}
BY_TOKEN_ALONE = {
    "requestSignIn",
    "signIn",
    "claimApiKey",
    "declineInvitation",
    "acceptInvitation",
    "signOut",
}
"""Mutations that are allowed without a credential, by an emailed token or an address. They are not tried."""


@dataclass
class TwoAccounts:
    world: World
    """The first account, in which Ada is an Admin."""
    second: Stage
    """Data of the second account, which Ada owns."""
    ada: Person
    """Ada with a session."""
    member_id: str
    """Id of Ada's membership in the first account."""

    def filled(self, value: Any) -> Any:
        """Replaces `<placeholders>` by ids of the second account."""
        if isinstance(value, str):
            return self.second.filled(value, "ADMIN")
        if isinstance(value, dict):
            return {name: self.filled(each) for name, each in value.items()}
        return [self.filled(each) for each in value] if isinstance(value, list) else value

    async def with_credential(self, kind: str) -> Person:
        if kind == "nobody":
            return Person(self.world.http)
        if kind == "session":
            return self.ada
        if kind == "session of the first account's Admin":
            return self.world.admin
        if kind == "unclaimed key":
            return Person(self.world.http, token=self.second.ids["claim_token"])
        scopes, columns = KEYS[kind]
        key, key_hash = new_api_key()
        columns = {"key_hash": f"decode('{key_hash.hex()}', 'hex')", **columns}
        id = await store_api_key(self.world, self.member_id, "Script", *scopes, **columns)
        return Person(self.world.http, ADA, key, id)

    async def of_second(self) -> dict[str, str]:
        """Digest of the second account's rows in each table, and of tables without an account."""
        tables = await self.world.superuser.fetch(
            """SELECT relname AS name, EXISTS (SELECT FROM pg_attribute WHERE attrelid = oid
                 AND attname = 'account_id' AND NOT attisdropped) AS is_of_account
               FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
                 AND relname <> ALL ($1::text[])""",
            ["alembic_version", "transfers"],
        )
        account_id = uuid_of(self.second.ids["account"])
        digests = []
        for table in tables:
            where = f"WHERE account_id = '{account_id}'" if table["is_of_account"] else ""
            if table["name"] == "accounts":
                where = f"WHERE id = '{account_id}'"
            rows = f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table['name']} t {where}"
            digests.append(f"SELECT '{table['name']}' AS name, ({rows}) AS digest")
        return dict(map(tuple, await self.world.superuser.fetch(" UNION ALL ".join(digests))))

    async def secrets(self) -> list[str]:
        """Texts that a response must not contain: ids and names of the second account and of sessions."""
        account_id = uuid_of(self.second.ids["account"])
        found = []
        for table in ("members", "licenses", "invitations", "invoices", "api_keys", "audit_events"):
            rows = f"SELECT id FROM {table} WHERE account_id = $1"
            found += [row["id"].hex for row in await self.world.superuser.fetch(rows, account_id)]
        found += [row["id"].hex for row in await self.world.superuser.fetch("SELECT id FROM sessions")]
        keys = await self.world.superuser.fetch("SELECT key FROM licenses WHERE account_id = $1", account_id)
        return [account_id.hex, "Second", *found, *(row["key"] for row in keys)]


async def two_accounts(world: World, themes: dict[str, str]) -> TwoAccounts:
    other = World(world.http, world.settings, world.database, world.superuser)
    ada = other.people["ADMIN"] = await other.found("Second", ADA)
    await operator.grant_entitlement(world.database, "second", "aurora", 5)
    for role in ("MEMBER", "VIEWER"):
        other.people[role] = await other.join(role, f"{role.lower()}@second.example.com")
    second = await set_stage(other, themes)
    await world.admin.change(INVITE, accountId=world.account_id, email=ADA, role="ADMIN")
    payload = await ada.change(ACCEPT, token=await world.token_for(ADA))
    assert not payload["userErrors"], payload
    found = TwoAccounts(world, second, ada, payload["member"]["id"])
    await _add_tokens(found)
    return found


async def _add_tokens(found: TwoAccounts) -> None:
    """Adds tokens of emailed links and the ids of Ada's sessions."""
    world, ids, ada = found.second.world, found.second.ids, found.ada
    ids["invitation_token"] = await world.token_for("waiting@example.com")
    key = {"accountId": ids["account"], "memberId": world.member.member_id, "name": "Unclaimed"}
    generate = "mutation ($input: GenerateApiKeyInput!) { generateApiKey(input: $input) { apiKey { id } } }"
    await ada.change(generate, **key)
    ids["claim_token"] = await world.token_for(world.member.email)
    elsewhere = await world.sign_in(ADA)
    await world.nobody.change(REQUEST_SIGN_IN, email=ADA)
    ids["sign_in_token"] = await world.token_for(ADA)
    for name, person in (("own_session", elsewhere), ("session", world.member)):
        sessions = (await person.ask("{ viewer { sessions { id isCurrent } } }"))["viewer"]["sessions"]
        ids[name] = next(each["id"] for each in sessions if each["isCurrent"])
