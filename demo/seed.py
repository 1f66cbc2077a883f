"""Demo account: a design studio, a team of three and some of their work, created by GraphQL operations as
clients send them."""

import asyncio
import re
import tempfile
from pathlib import Path
from typing import Any
from uuid import uuid4

from graphql import ExecutionResult

from demo.catalog import build_catalog
from engine.execution import execute
from engine.limits import Limits
from engine.operation_cache import Documents
from mailer.messages import Message
from models.database import Database
from models.notifications import AuditAnnouncer, Listener
from models.storage import Storage
from permissions.context import Context
from permissions.security_log import without_lines
from permissions.viewer import Client
from resolvers.accounts import operator
from resolvers.catalog.folder import read_catalog
from resolvers.sessions.mutations import sign_in_link
from resolvers.unaudited import personal_change
from schema import SCHEMA
from settings import Settings

ACCOUNT = "Analytical Studio"
TEAM = {
    "ada@example.com": ("Ada Lovelace", "Admin"),
    "bob@example.com": ("Bob Ross", "Member"),
    "vera@example.com": ("Vera Rubin", "Viewer"),
}
ADA, BOB, VERA = TEAM
BILLING = {
    "company": "Analytical Studio GmbH",
    "addressLines": ["Rechenweg 12", "10115 Berlin"],
    "country": "DE",
}
DOCUMENTS = Documents(SCHEMA._schema, Limits())

INVITE = """mutation ($input: InviteMemberInput!) {
  inviteMember(input: $input) { invitation { id } userErrors { message } } }"""
ACCEPT = """mutation ($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) { member { id } userErrors { message } } }"""
CHANGE_ROLE = """mutation ($input: ChangeMemberRoleInput!) {
  changeMemberRole(input: $input) { member { id } userErrors { message } } }"""
SET_LIMITS = """mutation ($input: SetAccountLimitsInput!) {
  setAccountLimits(input: $input) { account { id } userErrors { message } } }"""
UPDATE_BILLING = """mutation ($input: UpdateBillingDetailsInput!) {
  updateBillingDetails(input: $input) { billing { details { company } } userErrors { message } } }"""
PURCHASE = """mutation ($input: PurchaseLicensesInput!) {
  purchaseLicenses(input: $input) { invoice { number } userErrors { message } } }"""
PROVISION = """mutation ($input: ProvisionLicenseInput!) {
  provisionLicense(input: $input) { license { id } userErrors { message } } }"""
REVOKE = """mutation ($input: RevokeLicenseInput!) {
  revokeLicense(input: $input) { license { id } userErrors { message } } }"""
SIGN_IN = """mutation ($input: SignInInput!) { signIn(input: $input) { userErrors { message } } }"""
SIGN_OUT = "mutation { signOut { userErrors { message } } }"
IDS = """query ($slug: String!) { account { id } theme(slug: $slug) { id } }"""


async def seed(settings: Settings, database: Database) -> None:
    themes = await _import_catalog(settings, database)
    account = await operator.create_account(database, ACCOUNT, ADA, TEAM[ADA][0])
    for slug, quantity in zip(themes, (10, 5, 3, 2), strict=True):
        await operator.grant_entitlement(database, account.slug, slug, quantity)
    announcer = AuditAnnouncer(database)
    people = {email: Person(settings, database, announcer, email) for email in TEAM}
    with without_lines():
        await _work(people[ADA], people[BOB], people[VERA], themes)
        for person in people.values():
            await person.ask(SIGN_OUT)
    await announcer.close()


async def sign_in_links(database: Database, settings: Settings) -> list[tuple[str, str, str]]:
    """Returns a new one-time sign-in link for each member of the team, with name and role."""
    links = []
    async with personal_change(database) as writer:
        for email, (name, role) in TEAM.items():
            link, token = sign_in_link(email, settings.session_lifetime_seconds)
            await writer.insert(link)
            links.append((name, role, settings.sign_in_link.replace("{token}", token)))
    return links


async def _import_catalog(settings: Settings, database: Database) -> list[str]:
    """Imports the catalog and returns the slugs of its first four themes."""
    with tempfile.TemporaryDirectory() as folder:
        build_catalog(Path(folder))
        await operator.import_catalog(
            database, Storage(settings.storage_url), Path(folder), lambda _done, _total: None
        )
        return sorted(theme.slug for theme in await asyncio.to_thread(read_catalog, Path(folder)))[:4]


async def _work(ada: "Person", bob: "Person", vera: "Person", themes: list[str]) -> None:
    await ada.sign_in()
    ids = {slug: (await ada.ask(IDS, slug=slug))["theme"]["id"] for slug in themes}
    account = {"accountId": (await ada.ask(IDS, slug=themes[0]))["account"]["id"]}
    await ada.do(SET_LIMITS, **account, maxActiveLicenses=25)
    await ada.do(UPDATE_BILLING, **account, **BILLING)
    await ada.do(PURCHASE, **account, items=[{"themeId": ids[themes[0]], "quantity": 3}])
    await ada.do(INVITE, **account, email=BOB, role="MEMBER", message="Welcome to the studio!")
    await bob.join()
    await ada.do(INVITE, **account, email=VERA, role="MEMBER")
    vera_id = (await vera.join())["member"]["id"]
    await ada.do(CHANGE_ROLE, memberId=vera_id, role="VIEWER")
    for number, (slug, site) in enumerate(
        [(0, "www.analytical.example"), (1, "blog.analytical.example"), (2, "shop.analytical.example")]
    ):
        who = ada if number == 2 else bob
        await who.do(PROVISION, **account, themeId=ids[themes[slug]], site=site)
    old = await bob.do(PROVISION, **account, themeId=ids[themes[3]], site="old.analytical.example")
    await ada.do(REVOKE, licenseId=old["license"]["id"], reason="The site was taken down.")
    await vera.refused(PROVISION, **account, themeId=ids[themes[0]], site="vera.example.com")
    await ada.do(INVITE, **account, email="margaret@example.com", role="VIEWER")


class Person:
    """Person with a browser who receives emails."""

    def __init__(self, settings: Settings, database: Database, announcer: AuditAnnouncer, email: str) -> None:
        browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
        self._email = email
        self._context = Context(
            settings, database, announcer, Listener(database), Client("127.0.0.1", browser)
        )

    async def sign_in(self) -> None:
        async with personal_change(self._context.database) as writer:
            link, token = sign_in_link(self._email, 60)
            await writer.insert(link)
        await self.do(SIGN_IN, token=token)

    async def join(self) -> Any:
        return await self.do(ACCEPT, token=await self._emailed_token(), name=TEAM[self._email][0])

    async def do(self, mutation: str, **input: Any) -> Any:
        """Executes a mutation and returns its result. Raises an error if it was refused."""
        ((_, payload),) = (await self.ask(mutation, input=input)).items()
        if payload["userErrors"]:
            raise RuntimeError(payload["userErrors"])
        return payload

    async def refused(self, mutation: str, **input: Any) -> None:
        result = await self._execute(mutation, {"input": input})
        if not result.errors:
            raise RuntimeError("This should have been refused.")

    async def ask(self, operation: str, **variables: Any) -> Any:
        result = await self._execute(operation, variables)
        if result.errors:
            raise RuntimeError(result.errors)
        return result.data

    async def _execute(self, operation: str, variables: dict[str, Any]) -> ExecutionResult:
        client = self._context.client
        self._context.client = Client(client.ip, client.user_agent, uuid4().hex)
        return await execute(SCHEMA, DOCUMENTS.prepare(operation, None, variables), self._context)

    async def _emailed_token(self) -> str:
        jobs = await self._context.database.fetch("SELECT payload FROM pgqueuer ORDER BY id DESC")
        emails = [Message.from_json(job["payload"]) for job in jobs]
        newest = next(email for email in emails if email.to == self._email)
        link = re.escape(self._context.settings.join_link).replace(r"\{token\}", r"([\w-]+)")
        found = re.search(link, newest.text)
        if found is None:
            raise RuntimeError("The invitation's email has no link.")
        return found[1]
