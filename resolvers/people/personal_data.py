"""Document with all that is stored about a person, as JSON. PostgreSQL writes the objects, which are sent as
they arrive; all of them are of one snapshot of the database."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import or_, select
from sqlmodel import col

from engine.canonical_json import JSONObject
from engine.fair_share import Claim
from engine.statements import Statement, parameter
from models.api_keys import ApiKey
from models.copy_export import Write
from models.database import Database
from models.invitations import Invitation
from models.members import Member, Role
from permissions.roles import ROLE_PERMISSIONS, Permission
from resolvers.email_addresses import counted_address
from resolvers.named_persons import address_id
from resolvers.people.personal_billing import BILLING_DETAILS, INVOICES
from resolvers.people.personal_events import AUDIT_EVENTS, AUDIT_EVENTS_BY_OTHERS
from resolvers.people.personal_fields import Section, in_accounts, mine
from resolvers.people.personal_requests import (
    DOWNLOAD_LINKS,
    IDEMPOTENCY_ANSWERS,
    LIMIT_BUCKETS,
    QUEUED_EMAILS,
    TRANSFERS,
)
from resolvers.people.personal_sections import (
    API_KEYS,
    AUDIT_STREAMS,
    INVITATIONS_RECEIVED,
    INVITATIONS_SENT,
    LICENSES,
    MEMBERSHIPS,
    SESSIONS,
    SIGN_IN_LINKS,
    UNRECORDED_SIGN_INS,
    USER,
    accepted_by_person,
)
from resolvers.reports.files import JSON_LINES

FORMAT = "team-access-personal-data"
VERSION = 1
SECTIONS = (
    *(SESSIONS, UNRECORDED_SIGN_INS, SIGN_IN_LINKS, MEMBERSHIPS, INVITATIONS_RECEIVED, INVITATIONS_SENT),
    *(API_KEYS, LICENSES, AUDIT_STREAMS, BILLING_DETAILS, INVOICES, DOWNLOAD_LINKS, TRANSFERS),
    *(QUEUED_EMAILS, LIMIT_BUCKETS, IDEMPOTENCY_ANSWERS),
)
"""Sections before the audit events, in their order."""

Values = Mapping[str, object]


def personal_data(database: Database, user_id: UUID) -> AsyncGenerator[bytes]:
    """Yields the document. Raises StorageUnavailable, as reports do. It shares their limits: a person has one
    of either at a time."""

    async def make(connection: asyncpg.Connection, write: Write) -> None:
        person = await _read_person(connection, user_id)
        await _write_document(_DocumentWriter(connection, write), person)

    return database.exports.made(Claim(person_id=user_id), make)


@dataclass(frozen=True)
class _Person:
    """A person, as the snapshot has it."""

    head: bytes
    """Beginning of the document, without the last brace."""
    values: Values
    """Parameters of the sections' statements."""
    members: Mapping[UUID, Sequence[UUID]]
    """Ids of the person's members, past ones too, by account."""
    targets: Mapping[UUID, Sequence[UUID]]
    """Ids of what else events about the person have as their target: its invitations and API keys. An account
    in which an event only names the person has none."""

    @property
    def own_events(self) -> list[Values]:
        return [
            {"account_id": account_id, "member_id": member_id}
            for account_id, member_ids in self.members.items()
            for member_id in member_ids
        ]

    @property
    def events_by_others(self) -> list[Values]:
        """Ids of one account only: PostgreSQL would compare each event with those of all."""
        return [self._events_by_others(account_id) for account_id in {**self.members, **self.targets}]

    def _events_by_others(self, account_id: UUID) -> Values:
        member_ids = self.members.get(account_id, ())
        return {
            "account_id": account_id,
            "member_ids": member_ids,
            "subject_ids": [*member_ids, *self.targets.get(account_id, ())],
            "named_ids": [*member_ids, self.values["address_id"]],
        }


async def _write_document(writer: "_DocumentWriter", person: _Person) -> None:
    await writer.write(person.head)
    for section in SECTIONS:
        await writer.section(section, [person.values])
    # Along the index of the actor, instead of sorting: a log may have millions of the person's events.
    await writer.connection.execute("SET LOCAL enable_sort = off")
    await writer.section(AUDIT_EVENTS, person.own_events)
    await writer.connection.execute("SET LOCAL enable_sort = on")
    await writer.section(AUDIT_EVENTS_BY_OTHERS, person.events_by_others)
    await writer.write(b"}\n")


class _DocumentWriter:
    """Writes sections by COPY, each object on a line."""

    def __init__(self, connection: asyncpg.Connection, write: Write) -> None:
        self.connection, self.write = connection, write
        self._is_first = False

    async def section(self, section: Section, executions: Sequence[Values]) -> None:
        """Writes the objects of a section, which are those of all executions of its statement."""
        await self.write(f',\n"{section.name}":['.encode())
        self._is_first = True
        sql = f"SELECT ',' || row_to_json(item) FROM ({section.statement.sql}) AS item"  # noqa: S608
        for values in executions:
            arguments = section.statement.arguments(**values)
            await self.connection.copy_from_query(sql, *arguments, output=self._write_items, **JSON_LINES)
        await self.write(b"]")

    async def _write_items(self, piece: bytes) -> None:
        """Each object follows a comma. The first one of a section must not."""
        if self._is_first:
            piece, self._is_first = piece.removeprefix(b","), False
        await self.write(piece)


async def _read_person(connection: asyncpg.Connection, user_id: UUID) -> _Person:
    sql = f"SELECT row_to_json(item)::text FROM ({USER.statement.sql}) AS item"  # noqa: S608
    text: str = await connection.fetchval(sql, *USER.statement.arguments(user_id=user_id))
    user: JSONObject = orjson.loads(text)
    generated_at = user.pop("generatedAt")
    rows = await connection.fetch(_MEMBERS.sql, *_MEMBERS.arguments(user_id=user_id))
    values = _values(user_id, user, rows)
    members: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for account_id, id, *_ in rows:
        members[account_id].append(id)
    targets: defaultdict[UUID, list[UUID]] = defaultdict(list)
    for statement in (_INVITATIONS, _API_KEYS):
        for account_id, id in await connection.fetch(statement.sql, *statement.arguments(**values)):
            targets[account_id].append(id)
    for (account_id,) in await connection.fetch(_NAMED_IN, values["address_id"]):
        targets[account_id] += ()
    head = {"format": FORMAT, "version": VERSION, "generatedAt": generated_at}
    return _Person(
        orjson.dumps(head)[:-1] + b',\n"user":' + orjson.dumps(user),
        values,
        members,
        targets,
    )


def _values(user_id: UUID, user: JSONObject, members: Sequence[asyncpg.Record]) -> Values:
    email = user["email"]
    member_ids = [member["id"] for member in members]
    present = [member for member in members if not Member.ended(member["removed_at"], member["access_until"])]
    may = {
        permission: [member for member in present if permission in ROLE_PERMISSIONS[Role(member["role"])]]
        for permission in (Permission.PROVISION_LICENSES, Permission.MANAGE_BILLING)
    }
    ids = [str(id) for id in (user_id, *member_ids)]
    return {
        "user_id": user_id,
        "name": user["name"],
        "email": email,
        "address_id": address_id(email),
        "email_beginning": orjson.dumps({"to": email})[:-1],
        "account_ids": list({member["account_id"] for member in members}),
        "member_ids": member_ids,
        "present_member_ids": [member["id"] for member in present],
        "provisioning_member_ids": [member["id"] for member in may[Permission.PROVISION_LICENSES]],
        "billing_account_ids": [member["account_id"] for member in may[Permission.MANAGE_BILLING]],
        "actor_ids": [user_id, *member_ids],
        "bucket_ends": [email, counted_address(email), *ids],
        "bucket": f"invitations by {user_id} in new accounts",
    }


_ACROSS = "a person's rows are found in all of its accounts"
_MEMBERS = Statement(
    lambda: (
        select(
            col(Member.account_id),
            col(Member.id),
            col(Member.role),
            col(Member.removed_at),
            col(Member.access_until),
        )
        .where(col(Member.user_id) == parameter("user_id"))
        .order_by(col(Member.id))
    ),
    across_accounts=_ACROSS,
)
_INVITATIONS = Statement(
    lambda: (
        select(col(Invitation.account_id), col(Invitation.id))
        .where(or_(col(Invitation.email) == parameter("email"), accepted_by_person()))
        .order_by(col(Invitation.id))
    ),
    across_accounts=_ACROSS,
)
_API_KEYS = Statement(
    lambda: (
        select(col(ApiKey.account_id), col(ApiKey.id))
        .where(in_accounts(ApiKey), mine(col(ApiKey.member_id)))
        .order_by(col(ApiKey.id))
    )
)
# Along the index of the named ids, which is one of all accounts.
_NAMED_IN = "SELECT DISTINCT account_id FROM audit_events WHERE named_ids @> ARRAY[$1::uuid]"
