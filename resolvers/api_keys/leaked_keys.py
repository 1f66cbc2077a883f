"""Revocation of API keys that a secret scanner has found in public."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, select
from sqlmodel import col

from engine.snapshots import columns, snapshots
from engine.statements import Statement, any_of, parameter
from engine.tables import AnyExpression, AnySelect
from mailer import wording
from mailer.messages import Message
from models.api_keys import ApiKey
from models.audit_actions import AuditAction
from models.columns import now
from models.database import Database
from models.members import Member
from models.new_event import PersonName
from models.notifications import AuditAnnouncer
from permissions.roles import Permission
from permissions.tokens import hash_token
from permissions.viewer import Client
from resolvers.api_keys.emails import Leak, leaked_messages
from resolvers.change import Change, system_change
from resolvers.events import PLATFORM
from resolvers.limited_emails import within_limit
from resolvers.members.queries import emails_with
from settings import Settings

_LONGEST_TEXT = 10_000
_LONGEST_URL = 500
_LONGEST_SOURCE = 100
_SECRET = re.compile(r"ta_[\w-]{40,}")


@dataclass(frozen=True)
class Finding:
    """Report of a scanner about one token. Its content is not verified."""

    token: str
    url: str
    source: str

    @property
    def found_at(self) -> str:
        return self.url or self.source or "a place that the finder did not name"


async def revoke_leaked(
    settings: Settings,
    database: Database,
    announcer: AuditAnnouncer,
    client: Client,
    findings: Iterable[Finding],
) -> None:
    """Revokes the working keys among the reported tokens, with events and emails, in one change per account.
    One statement separates keys from any number of look-alikes. Each finding must have a different token."""
    by_hash = {hash_token(finding.token): finding for finding in findings}
    found = await database.fetch(_ACCOUNTS.sql, *_ACCOUNTS.arguments(hashes=list(by_hash)))
    action, keys = AuditAction.API_KEY_REVOKED, Counter(row[0] for row in found)
    for account_id in sorted(keys):
        async with system_change(
            database, account_id, action, PLATFORM, client, announcer=announcer, rows=keys[account_id]
        ) as tx:
            await _revoke_in(tx, settings, by_hash)


async def _revoke_in(tx: Change, settings: Settings, by_hash: Mapping[bytes, Finding]) -> None:
    """Checks the keys again under the lock: the secret of one may have been replaced since."""
    ids = [row[0] for row in await tx.fetch(_KEYS, account_id=tx.account.id, hashes=list(by_hash))]
    if not ids:
        tx.without_event("another process has revoked them")
        return
    admins = await emails_with(tx, Permission.GENERATE_API_KEYS)
    leaked = await tx.fetch(_WITH_MEMBERS, account_id=tx.account.id, ids=ids)
    keys: list[tuple[ApiKey, Member]] = [snapshots(record, ApiKey, Member) for record in leaked]
    await tx.update_all([key for key, _ in keys], revoked_at=now())
    leaks = []
    for key, member in keys:
        finding = by_hash.get(key.key_hash or b"") or by_hash[key.previous_key_hash or b""]
        _tell(tx, key, member, finding)
        leaks.append(Leak(key, member, _redacted(finding.found_at)))
        await asyncio.sleep(0)  # Yields to other tasks, because there may be a thousand findings.
    own = {leak.member.email for leak in leaks}
    to_others = dict[str, list[Message]]()
    for message in leaked_messages(settings, tx.account, leaks, dict.fromkeys(admins)):
        if message.to in own:
            tx.enqueue(message)
        else:
            to_others[f"emails about leaked API keys of {tx.account.id} to {message.to}"] = [message]
        await asyncio.sleep(0)
    tx.enqueue(*await within_limit(tx.connection, settings, to_others))
    await tx.access_changed(*ids)


def _tell(tx: Change, key: ApiKey, member: Member, finding: Finding) -> None:
    tx.record(
        key,
        key.name,
        f"revoked the API key {key.name} of {member.name}, which leaked",
        status=["ACTIVE", "REVOKED"],
        member=PersonName(member),
        prefix=key.prefix,
        url=_redacted(finding.url),
        source=_redacted(finding.source)[:_LONGEST_SOURCE],
    )


def _redacted(text: str) -> str:
    """The reported place on one line, with any API keys removed before it is shortened."""
    line = wording.plain(text[:_LONGEST_TEXT], _LONGEST_TEXT)
    return wording.plain(_SECRET.sub("ta_…", line), _LONGEST_URL)


def _with_members() -> AnySelect:
    same_account = col(Member.account_id) == col(ApiKey.account_id)
    return (
        select(*columns(ApiKey, Member))
        .join(Member, and_(same_account, col(Member.id) == col(ApiKey.member_id)))
        .where(col(ApiKey.account_id) == parameter("account_id"), any_of(col(ApiKey.id), parameter("ids")))
        .order_by(col(ApiKey.id))
    )


_WITH_MEMBERS = Statement(_with_members)


def _leaked(column: AnyExpression, *where: ColumnElement[bool]) -> AnySelect:
    is_leaked = ApiKey.has_secret(lambda hash: any_of(hash, parameter("hashes")))
    return select(column).where(is_leaked, ApiKey.works_or_may_yet(), *where)


_ACCOUNTS = Statement(
    lambda: _leaked(col(ApiKey.account_id)),
    across_accounts="leaked keys are looked up by their hashes; each change that follows is of one account",
)
_KEYS = Statement(lambda: _leaked(col(ApiKey.id), col(ApiKey.account_id) == parameter("account_id")))
