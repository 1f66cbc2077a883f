"""Tables of accounts have row-level security, and statements across accounts state a reason."""

import importlib
import sys
from pathlib import Path

import asyncpg

from engine.statements import Statement
from models.audited import account_tables
from resolvers.due_rows import DueRows
from resolvers.people.personal_fields import Section

ROOT = Path(__file__).parents[2]
# Conditions as pg_policies prints them. Each exception has its reason.
CURRENT = (
    "( SELECT (NULLIF(current_setting('team_access.account_id'::text, true), ''::text))::uuid AS \"nullif\")"
)
OTHER = {
    # Calls of API keys, and sign-ins, are appended for many accounts by one statement.
    ("audit_events", "INSERT"): "OR ((action)::text = ANY ((ARRAY['API_CALLED'::character varying,"
    " 'MEMBER_SIGNED_IN'::character varying])::text[])))",
    # Links to personal data belong to no account. Expired links are deleted by one statement.
    ("download_links", "INSERT"): "OR (account_id IS NULL))",
    ("download_links", "DELETE"): "OR (account_id IS NULL) OR (expires_at < now()))",
}
# Only the tables' owner prunes logs.
RESTRICTIVE = ("audit_events", "INSERT", "((action)::text <> 'AUDIT_LOG_PRUNED'::text)")
# By design across accounts: a credential or a link is looked up by its hash, jobs look for what is due or
# delete what has expired, and a person's accounts are counted.
ACROSS = {
    "permissions.credentials._API_KEY",
    "permissions.credentials._ROTATED_API_KEY",
    "permissions.credentials._SESSION",
    "permissions.credentials._WORKS",
    "resolvers.accounts.mutations._OWNED",
    "resolvers.licenses.checks._BY_KEY",
    "resolvers.people.erasing._FORGET_DOWNLOAD_LINKS",
    "resolvers.people.erasing._FORGET_TRANSFERS",
    "resolvers.people.erasing._MEMBERSHIPS",
    "resolvers.people.personal_billing.BILLING_DETAILS",
    "resolvers.people.personal_billing.INVOICES",
    "resolvers.people.personal_data.DOWNLOAD_LINKS",
    "resolvers.people.personal_data.INVITATIONS_RECEIVED",
    "resolvers.people.personal_data.MEMBERSHIPS",
    "resolvers.people.personal_data.TRANSFERS",
    "resolvers.people.personal_data._INVITATIONS",
    "resolvers.people.personal_data._MEMBERS",
    "resolvers.people.operator._MEMBERSHIPS",
    "resolvers.api_keys.claims._OPENED",
    "resolvers.api_keys.jobs._EXPIRED",
    "resolvers.api_keys.jobs._LAPSED",
    "resolvers.api_keys.jobs._EXPIRE_SOON",
    "resolvers.api_keys.policies._TOO_LONG_ANYWHERE",
    "resolvers.api_keys.unused._TO_BE_REVOKED",
    "resolvers.api_keys.unused._TO_BE_TOLD",
    "resolvers.downloads.links._LINK",
    "resolvers.downloads.links._IS_ACCEPTED_EVERYWHERE",
    "resolvers.invitations.jobs._DUE",
    "resolvers.billing.jobs._OPEN",
    "resolvers.invitations.joining._OPENED",
    "resolvers.api_keys.leaked_keys._ACCOUNTS",
    "resolvers.licenses.jobs._DUE",
    "resolvers.licenses.reminders._DUE",
    "resolvers.members.jobs._DUE",
    "resolvers.people.mutations._OVER",
    "resolvers.members.jobs._REMINDED",
    "resolvers.accounts.operator._ACCOUNT_CALLED",
    "resolvers.downloads.transfers._LOST",
    "resolvers.sessions.sign_ins._MEMBERSHIPS",
    "resolvers.sessions.tokens._OPENED",
    "resolvers.tidying._DOWNLOAD_LINKS",
    "resolvers.tidying._DOWNLOAD_LINK_AFTER_BATCH",
}


def test_all_statements_compile_and_those_across_accounts_are_listed() -> None:
    statements = _statements()

    for statement in statements.values():
        assert statement.sql
    assert len(statements) > 40
    assert {name for name, statement in statements.items() if statement.across_accounts} == ACROSS


def _statements() -> dict[str, Statement]:
    """Statements of all modules by their qualified names."""
    found: dict[str, Statement] = {}
    for folder in ("engine", "models", "permissions", "mailer", "resolvers", "schema", "web"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" in path.parts:
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            importlib.import_module(name)
            for variable, value in vars(sys.modules[name]).items():
                value = value.statement if isinstance(value, Section | DueRows) else value
                if isinstance(value, Statement) and value not in found.values():
                    found[f"{name}.{variable}"] = value
    return found


async def test_every_table_of_an_account_has_row_security(
    superuser: asyncpg.Connection, database_url: str
) -> None:
    enabled = await superuser.fetch(
        "SELECT relname FROM pg_class WHERE relrowsecurity AND relnamespace = 'public'::regnamespace"
    )
    policies = await superuser.fetch("SELECT * FROM pg_policies WHERE schemaname = 'public'")

    assert {row["relname"] for row in enabled} == set(account_tables())
    (restrictive,) = (policy for policy in policies if policy["permissive"] == "RESTRICTIVE")
    assert (restrictive["tablename"], restrictive["cmd"], restrictive["with_check"]) == RESTRICTIVE
    policies = [policy for policy in policies if policy is not restrictive]
    found = {
        (policy["tablename"], policy["cmd"]): (policy["qual"], policy["with_check"]) for policy in policies
    }
    assert len(policies) == len(found) == 4 * len(account_tables())
    assert all(policy["permissive"] == "PERMISSIVE" and policy["roles"] == ["public"] for policy in policies)
    for table in account_tables():
        own = f"({key_of(table)} = {CURRENT})"
        added, deleted = (
            f"({own} {OTHER[table, command]}" if (table, command) in OTHER else own
            for command in ("INSERT", "DELETE")
        )
        assert found[table, "SELECT"] == ("true", None)
        assert found[table, "UPDATE"] == (own, own)
        assert found[table, "INSERT"] == (None, added)
        assert found[table, "DELETE"] == (deleted, None)


def key_of(table: str) -> str:
    return "id" if table == "accounts" else "account_id"
