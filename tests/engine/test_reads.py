"""Costs of reads: number and content of statements, and the indexes of pages."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from graphql import OperationDefinitionNode, OperationType, parse

from engine.compiled_operations import COMPILED, executions
from engine.execution import execute
from engine.operation_cache import Documents
from models.database import _READING_SETTINGS, Database
from models.notifications import AuditAnnouncer
from permissions.context import Context
from permissions.viewer import Client
from schema import SCHEMA
from tests.support.stage import Stage
from tests.support.world import Person, World

DOCUMENTS = Documents(SCHEMA._schema)
EXAMPLES = (Path(__file__).parents[2] / "web" / "graphiql" / "examples.graphql").read_text()
PAGES = {
    "viewer": "{ viewer { user { name } memberships { role account { name } } } }",
    "members": """{ account { members(first: %d) {
      nodes { id name email role isOwner joinedAt lastActiveAt } pageInfo { hasNextPage endCursor } } } }""",
    "licenses": """{ account { licenses(first: %d) {
      nodes { id site status key theme { id slug name } holder { id name } } pageInfo { endCursor } } } }""",
    "audit": """{ account { auditLog(first: %d) {
      nodes { id sequence occurredAt action summary details actor { kind name member { id role } } } } } }""",
    "nested": """{ account { licenses(first: %d) {
      nodes { site holder { name activity(first: 5) { nodes { sequence summary } } } } } } }""",
}
LISTS = {
    "auditLog": [
        "",
        "filter: { actions: [MEMBER_INVITED] }",
        "filter: { actions: [MEMBER_INVITED, MEMBER_JOINED, LICENSE_REVOKED] }",
        'filter: { actorIds: ["<owner>"] }',
        'filter: { actorIds: ["<owner>", "<bystander>"] }',
        'filter: { targetId: "<license>" }',
        "filter: { outcome: DENIED }",
        "filter: { outcome: ALLOWED }",
        'filter: { occurredFrom: "2026-01-01T00:00:00Z" }',
        'filter: { occurredUntil: "2027-01-01T00:00:00Z" }',
        'filter: { requestId: "none" }',
        'filter: { apiKeyId: "api_key_00000000000070008000000000000001" }',
        'filter: { ip: "127.0.0.1" }',
        'filter: { text: "joined" }',
        'filter: { text: "joined", targetTypes: ["Member", "License"] }',
        'filter: { targetTypes: ["License"] }',
        'filter: { targetTypes: ["License", "ApiKey", "Member"] }',
        "filter: { credentialKinds: [SESSION] }",
        "filter: { credentialKinds: [SESSION, API_KEY, OPERATOR] }",
    ],
    "members": [
        *(f"orderBy: {order}" for order in ("JOINED", "NAME", "LAST_ACTIVE")),
        *(f"filter: {{ roles: [ADMIN] }}, orderBy: {order}" for order in ("JOINED", "NAME", "LAST_ACTIVE")),
        "filter: { roles: [ADMIN, VIEWER] }",
        "filter: { includeRemoved: true }",
        "filter: { includeRemoved: true, roles: [MEMBER] }, orderBy: NAME",
        'filter: { search: "ad" }',
        *(
            f'filter: {{ inactiveSince: "{year}-01-01T00:00:00Z"{removed} }}, orderBy: {order}'
            for year in (2020, 2100)
            for order in ("JOINED", "LAST_ACTIVE")
            for removed in ("", ", includeRemoved: true", ", roles: [MEMBER]")
        ),
    ],
    "invitations": [
        "",
        *(f"filter: {{ statuses: [{status}] }}" for status in ("PENDING", "EXPIRED", "ACCEPTED, DECLINED")),
        'filter: { email: "waiting@example.com" }',
    ],
    "licenses": [
        *(f"orderBy: {order}" for order in ("NEWEST", "OLDEST", "SITE")),
        *(f"filter: {{ statuses: [{status}] }}" for status in ("ACTIVE", "EXPIRED", "REVOKED, SUSPENDED")),
        'filter: { themeIds: ["<theme>"] }',
        'filter: { holderIds: ["<owner>"] }, orderBy: SITE',
        'filter: { installedVersions: ["1.0"] }',
        'filter: { installedVersions: ["1.0", "1.1"] }, orderBy: SITE',
        *(
            f'filter: {{ {filter}: "{year}-01-01T00:00:00Z" }}, orderBy: {order}'
            for filter in ("notVerifiedSince", "expiresBefore")
            for year in (2020, 2100)
            for order in ("NEWEST", "SITE")
        ),
        'filter: { expiresBefore: "2100-01-01T00:00:00Z", statuses: [ACTIVE] }',
        'filter: { search: "example" }',
    ],
    "entitlements": [""],
    "billing.invoices": [
        "",
        *(f"filter: {{ statuses: [{statuses}] }}" for statuses in ("OPEN", "PAID, VOID", "OPEN, PAID, VOID")),
    ],
    "apiKeys": [
        "",
        'filter: { memberIds: ["<owner>"] }',
        'filter: { memberIds: ["<owner>", "<bystander>"] }',
        "filter: { statuses: [ACTIVE, EXPIRED] }",
    ],
}

SORTED = re.compile(r"\b(search|text|expiresBefore|notVerifiedSince):|inactiveSince.*JOINED|\[EXPIRED\]")
"""Arguments with which rows are sorted: those of a search or a time, which an index finds in another order
than that of the list, and licenses and invitations that the job has not marked as expired yet."""


class Noted(Database):
    """Keeps what it is asked."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.statements: list[tuple[str, tuple[Any, ...]]] = []
        fetch = self.fetch

        async def noting(sql: str, *arguments: Any) -> list[Any]:
            self.statements.append((sql, arguments))
            return await fetch(sql, *arguments)

        self.fetch = noting


@pytest_asyncio.fixture
async def noted(database_url: str) -> AsyncIterator[Noted]:
    noted = Noted(database_url)
    yield noted
    await noted.close()


@pytest_asyncio.fixture
async def stage(stage: Stage, world: World) -> Stage:
    await world.superuser.execute("UPDATE sessions SET last_used_at = now() + interval '1 day'")
    return stage


async def ask(stage: Stage, noted: Noted, person: Person, text: str, **variables: Any) -> Any:
    """In process, as the person; what was asked of the database is noted anew. There must be no errors."""
    noted.statements.clear()
    announcer = AuditAnnouncer(noted)
    context = Context(stage.world.settings, noted, announcer, None, Client(), person.token)  # type: ignore[arg-type]
    await context.authenticate()
    result = await execute(SCHEMA, DOCUMENTS.prepare(text, None, variables), context)
    await announcer.close()
    assert result.errors is None, result.errors
    return result.data


@contextmanager
def counted() -> Iterator[Counter[str]]:
    before, taken = executions.counts.copy(), Counter[str]()
    yield taken
    taken.update(executions.counts - before)


@pytest.mark.parametrize("size", [1, 100])
@pytest.mark.parametrize("name", PAGES)
async def test_a_page_takes_two_statements_at_the_most(
    stage: Stage, noted: Noted, name: str, size: int
) -> None:
    """That of who asks, and one for the page, whatever its size and whatever it shows of each row."""
    text = PAGES[name] % size if "%d" in PAGES[name] else PAGES[name]

    with counted() as taken:
        await ask(stage, noted, stage.owner, text)

    assert taken == {COMPILED: 1}
    assert len(noted.statements) == (1 if name == "viewer" else 2)


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ('{ catalog(first: 100) { nodes { slug viewerCanProvision(accountId: "<account>") } } }', 3),
        ("{ account { members(first: 100) { nodes { limits { maxActiveLicenses activeLicenses } } } } }", 4),
    ],
)
async def test_what_is_computed_for_a_row_is_read_for_all_rows_at_once(
    stage: Stage, noted: Noted, text: str, statements: int
) -> None:
    with counted() as taken:
        await ask(stage, noted, stage.owner, stage.filled(text, "ADMIN"))

    assert taken == {COMPILED: 1}
    assert len(noted.statements) == statements


async def test_what_is_not_asked_for_is_not_read(stage: Stage, noted: Noted) -> None:
    await ask(stage, noted, stage.owner, "{ account { licenses { nodes { site } } } }")

    _, (page, _) = noted.statements
    assert " JOIN " not in page
    assert "count(" not in page
    assert "LIMIT 50" in page
    assert not any(column in page for column in ("key,", "status", "expires_at", "revoked_reason"))


@pytest.mark.parametrize("nested", [False, True])
async def test_keys_of_cursors_that_are_not_asked_for_are_not_read(
    stage: Stage, noted: Noted, nested: bool
) -> None:
    licenses = "licenses { edges { node { site } } }"
    text = (
        f"{{ account {{ members {{ nodes {{ {licenses} }} }} }} }}"
        if nested
        else f"{{ account {{ {licenses} }} }}"
    )

    with counted() as taken:
        await ask(stage, noted, stage.owner, text)

    assert taken == {COMPILED: 1}
    assert len(noted.statements) == 2


async def test_an_invoice_s_lines_are_read_with_it(stage: Stage, noted: Noted) -> None:
    text = """{ account { billing { invoices { nodes { number taxRate total { amount }
      lines { amount { amount } theme { slug } } purchasedBy { name } } } } } }"""

    with counted() as taken:
        data = await ask(stage, noted, stage.owner, text)

    assert taken == {COMPILED: 1}
    assert len(noted.statements) == 2
    (invoice,) = data["account"]["billing"]["invoices"]["nodes"]
    assert invoice["lines"] == [{"amount": {"amount": "49.00"}, "theme": {"slug": "basalt"}}]
    assert (invoice["taxRate"], invoice["purchasedBy"]) == ("0.19", {"name": "Admin"})


async def test_one_row_more_is_read_where_it_is_asked_whether_there_are_more(
    stage: Stage, noted: Noted
) -> None:
    text = "{ account { members(first: 2) { nodes { name } pageInfo { hasNextPage } } } }"

    data = await ask(stage, noted, stage.owner, text)

    assert "LIMIT 3" in noted.statements[1][0]
    assert data["account"]["members"]["pageInfo"] == {"hasNextPage": True}
    assert len(data["account"]["members"]["nodes"]) == 2


async def test_the_whole_log_is_counted_by_its_head(stage: Stage, noted: Noted) -> None:
    data = await ask(stage, noted, stage.owner, "{ account { auditLog { totalCount } } }")

    _, (count, _) = noted.statements
    assert "FROM audit_heads" in count
    assert data["account"]["auditLog"]["totalCount"] == len(await stage.world.events())


@pytest.mark.parametrize(("field", "arguments"), [(name, each) for name in LISTS for each in LISTS[name]])
async def test_every_list_is_walked_along_an_index(
    stage: Stage, noted: Noted, database_url: str, field: str, arguments: str
) -> None:
    *parents, name = field.split(".")
    selection = " { ".join([*parents, f"{name}({arguments}) {{ nodes {{ id }} }}"]) + " }" * len(parents)
    text = stage.filled(f"{{ account {{ {selection} }} }}", "ADMIN")

    with counted() as taken:
        await ask(stage, noted, stage.owner, text.replace("()", ""))

    assert taken == {COMPILED: 1}
    plan = await _plan(database_url, *noted.statements[1])
    assert "Index" in plan
    sorts = [line for line in plan.splitlines() if "Sort  (" in line and " rows=0 " not in line]
    assert sorts == [] or SORTED.search(arguments), plan
    # The themes are few, and of no account.
    assert [line for line in plan.splitlines() if "Seq Scan" in line and "on themes" not in line] == []


LATER = '"2100-01-01T00:00:00Z"'
MANY = (
    "INSERT INTO users (id, email, name, created_at)"
    " SELECT gen_random_uuid(), n || '@many.example', 'Many', now() FROM generate_series(1, 3000) AS n",
    "INSERT INTO members (account_id, id, user_id, name, email, role, is_owner, joined_at)"
    " SELECT accounts.id, gen_random_uuid(), users.id, users.name, users.email, 'VIEWER', false, now()"
    " FROM users, accounts WHERE users.email LIKE '%@many.example'",
    "INSERT INTO licenses (account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id,"
    " provisioned_at, expires_at, installed_version)"
    " SELECT account_id, gen_random_uuid(), (SELECT id FROM themes LIMIT 1), 'ACTIVE', email, email, id, id,"
    " now(), '2200-01-01', '2.0' FROM members WHERE email LIKE '%@many.example'",
    "ANALYZE members, licenses",
)


@pytest.mark.parametrize(
    ("field", "arguments", "compared"),
    [
        ("members", f"filter: {{ inactiveSince: {LATER} }}", "COALESCE(last_active_at"),
        ("members", f"filter: {{ inactiveSince: {LATER} }}, orderBy: NAME", "COALESCE(last_active_at"),
        ("licenses", f"filter: {{ notVerifiedSince: {LATER} }}", "COALESCE(last_verified_at"),
        ("licenses", f"filter: {{ expiresBefore: {LATER} }}, orderBy: SITE", "expires_at <"),
        ("licenses", 'filter: { installedVersions: ["1"] }, orderBy: SITE', "installed_version ="),
    ],
)
async def test_what_a_filter_leaves_is_found_by_an_index(
    stage: Stage, noted: Noted, database_url: str, field: str, arguments: str, compared: str
) -> None:
    """Also where another index has the order of the list, along which all rows would be compared."""
    for statement in MANY:
        await stage.world.superuser.execute(statement)

    await ask(stage, noted, stage.owner, f"{{ account {{ {field}({arguments}) {{ nodes {{ id }} }} }} }}")

    plan = await _generic_plan(database_url, *noted.statements[1])
    assert any(compared in line for line in plan.splitlines() if "Index Cond: " in line), plan


@pytest.mark.parametrize("filter", ['search: "zq"', f"inactiveSince: {LATER}"])
async def test_a_search_of_removed_members_too_begins_with_the_next_ones_in_order(
    stage: Stage, noted: Noted, database_url: str, filter: str
) -> None:
    for statement in MANY:
        await stage.world.superuser.execute(statement)

    await ask(
        stage,
        noted,
        stage.owner,
        f"{{ account {{ members(filter: {{ includeRemoved: true, {filter} }}) {{ nodes {{ id }} }} }} }}",
    )

    plan = await _generic_plan(database_url, *noted.statements[1])
    assert {"ix_members_joined", "ix_members_removed_joined"} <= {*re.findall(r"ix_\w+", plan)}, plan


_PLANNING = {**_READING_SETTINGS, "enable_seqscan": "off"}
"""As of a table that is large enough for an index."""


async def _generic_plan(url: str, sql: str, arguments: tuple[Any, ...]) -> str:
    """For any values, as a server plans it."""
    connection = await asyncpg.connect(url, server_settings=_PLANNING)
    try:
        await connection.execute(f"PREPARE page AS {sql}")
        values = ", ".join(["NULL"] * len(arguments))
        return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN EXECUTE page ({values})"))
    finally:
        await connection.close()


async def _plan(url: str, sql: str, arguments: tuple[Any, ...]) -> str:
    connection = await asyncpg.connect(url, server_settings=_PLANNING)
    try:
        return "\n".join(row[0] for row in await connection.fetch(f"EXPLAIN {sql}", *arguments))
    finally:
        await connection.close()


async def test_the_examples_of_graphiql_take_the_fast_path(stage: Stage, noted: Noted) -> None:
    variables = {
        "accountId": stage.ids["account"],
        "themeId": stage.ids["theme"],
        "themeSlug": "aurora",
    }
    definitions = [each for each in parse(EXAMPLES).definitions if isinstance(each, OperationDefinitionNode)]
    served = [each for each in definitions if each.operation is not OperationType.SUBSCRIPTION]

    with counted() as taken:
        for each in served:
            answer = await stage.world.http.post(
                "/graphql",
                json={"query": EXAMPLES, "operationName": each.name.value, "variables": variables},  # type: ignore[union-attr]
                headers={"authorization": f"Bearer {stage.owner.token}"},
            )
            assert "errors" not in answer.json(), answer.text

    assert len(served) > 10
    assert taken == {COMPILED: len(served)}
