"""People with HTTP clients, with whom most tests are written."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from mailer.messages import Message
from models.database import Database
from models.storage import Storage
from resolvers.accounts import operator
from settings import Settings

INVITE = """mutation ($input: InviteMemberInput!) { inviteMember(input: $input) {
  invitation { id email role status delivery expiresAt } userErrors { code message path } } }"""
ACCEPT = """mutation ($input: AcceptInvitationInput!) { acceptInvitation(input: $input) {
  member { id name role } sessionToken
  userErrors { code message path ... on WrongEmail { invitedMaskedEmail signedInEmail } } } }"""
REQUEST_SIGN_IN = """mutation ($input: RequestSignInInput!) { requestSignIn(input: $input) {
  sentTo userErrors { code message path ... on RetryLater { retryAt } } } }"""
SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) {
  viewer { user { id name email } } sessionToken userErrors { code message path } } }"""
PROVISION = """mutation ($input: ProvisionLicenseInput!) { provisionLicense(input: $input) {
  license { id site status key holder { id } }
  userErrors { code message path ... on LicenseLimitReached { limit used } } } }"""
PURCHASE = """mutation ($input: PurchaseLicensesInput!) { purchaseLicenses(input: $input) {
  invoice { id number } userErrors { code message path } } }"""
GENERATE_API_KEY = """mutation ($input: GenerateApiKeyInput!) { generateApiKey(input: $input) {
  apiKey { id name prefix status scopes expiresAt member { id } createdBy { id } } secret
  userErrors { code message path } } }"""
CLAIM_API_KEY = """mutation ($input: ClaimApiKeyInput!) { claimApiKey(input: $input) {
  apiKey { id name prefix status } secret
  userErrors { code message path ... on WrongEmail { invitedMaskedEmail signedInEmail } } } }"""
AUDIT_LOG = """query ($filter: AuditLogFilter) { account { auditLog(first: 100, filter: $filter) {
  totalCount nodes { id sequence action outcome summary targetId targetName details requestId
    actor { kind name member { id } credential { kind id label } } } } } }"""


@dataclass
class Person:
    """Client of the API, signed in if it has a session's token."""

    http: httpx.AsyncClient
    email: str = ""
    token: str | None = None
    member_id: str = ""

    async def post(self, query: str, **variables: Any) -> dict[str, Any]:
        """Returns the whole response body."""
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        response = await self.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=headers
        )
        answer: dict[str, Any] = response.json()
        return answer

    async def ask(self, query: str, **variables: Any) -> Any:
        """Returns the data. There must be no errors."""
        answer = await self.post(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def change(self, mutation: str, **input: Any) -> Any:
        """Returns the payload of the only mutation."""
        ((_, payload),) = (await self.ask(mutation, input=input)).items()
        return payload

    async def errors(self, query: str, **variables: Any) -> list[dict[str, Any]]:
        """`extensions` of the response's errors."""
        return [error["extensions"] for error in (await self.post(query, **variables)).get("errors", [])]


@dataclass
class World:
    """Account with an Admin, who owns it, and the people who are invited into it."""

    http: httpx.AsyncClient
    settings: Settings
    database: Database
    superuser: asyncpg.Connection
    account_id: str = ""
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def admin(self) -> Person:
        return self.people["ADMIN"]

    @property
    def member(self) -> Person:
        return self.people["MEMBER"]

    @property
    def viewer(self) -> Person:
        return self.people["VIEWER"]

    @property
    def nobody(self) -> Person:
        """Client without a session."""
        return Person(self.http)

    async def found(self, name: str = "Acme", email: str = "admin@example.com") -> Person:
        """Creates a person with an account of their own."""
        await operator.create_account(self.database, name, email)
        person = await self.sign_in(email)
        data = await person.ask("{ viewer { memberships { id account { id name } } } }")
        (membership,) = (m for m in data["viewer"]["memberships"] if m["account"]["name"] == name)
        person.member_id = membership["id"]
        self.account_id = self.account_id or membership["account"]["id"]
        return person

    async def join(self, role: str, email: str) -> Person:
        """Person whom the Admin has invited and who has accepted."""
        payload = await self.admin.change(INVITE, accountId=self.account_id, email=email, role=role)
        assert not payload["userErrors"], payload
        payload = await self.nobody.change(ACCEPT, token=await self.token_for(email))
        assert not payload["userErrors"], payload
        return Person(self.http, email, payload["sessionToken"], payload["member"]["id"])

    async def sign_in(self, email: str) -> Person:
        await self.nobody.change(REQUEST_SIGN_IN, email=email)
        payload = await self.nobody.change(SIGN_IN, token=await self.token_for(email))
        assert not payload["userErrors"], payload
        return Person(self.http, email, payload["sessionToken"])

    async def emails(self, to: str | None = None) -> list[Message]:
        """Queued emails, oldest first."""
        payloads = await self.superuser.fetch("SELECT payload FROM pgqueuer ORDER BY id")
        messages = [Message.from_json(row["payload"]) for row in payloads]
        return [message for message in messages if to is None or message.to == to]

    async def token_for(self, email: str) -> str:
        """Token in the newest email's link."""
        newest = (await self.emails(email))[-1]
        found = re.search(rf"{self.settings.public_url}/(?:join|sign-in|claim)/([\w-]+)", newest.text)
        assert found, newest.text
        return found[1]

    async def events(self, **filter: Any) -> list[dict[str, Any]]:
        """Events of the audit log as the Admin reads them, newest first."""
        log: list[dict[str, Any]] = (await self.admin.ask(AUDIT_LOG, filter=filter))["account"]["auditLog"][
            "nodes"
        ]
        return log

    async def import_themes(self, folder: Path) -> dict[str, str]:
        """Imports two themes. Returns their ids by slug."""
        from tests.support.catalogs import write_catalog

        write_catalog(folder)
        storage = Storage(self.settings.storage_url)
        await operator.import_catalog(self.database, storage, folder, lambda _done, _total: None)
        nodes = (await self.admin.ask("{ catalog { nodes { id slug } } }"))["catalog"]["nodes"]
        return {node["slug"]: node["id"] for node in nodes}

    async def grant(self, theme_slug: str, quantity: int) -> None:
        slug = await self.superuser.fetchval("SELECT slug FROM accounts ORDER BY id LIMIT 1")
        await operator.grant_entitlement(self.database, slug, theme_slug, quantity)

    async def rows(self) -> dict[str, list[asyncpg.Record]]:
        """Stored rows except those of the log and sessions, for asserting that nothing changed."""
        tables = (
            *("accounts", "members", "invitations", "entitlements", "licenses", "users", "pgqueuer"),
            *("api_keys", "billing_details", "invoices", "invoice_lines", "idempotency_keys"),
            *("audit_streams", "limit_buckets", "member_limits", "former_license_keys"),
        )
        rows = "SELECT * FROM {0} ORDER BY {0}::text"
        return {table: await self.superuser.fetch(rows.format(table)) for table in tables}
