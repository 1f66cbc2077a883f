"""Limits of members: reads them, and refuses changes beyond them. Callers hold the account's lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from engine.row_loader import loaded, with_ids
from engine.row_reader import rows
from engine.snapshots import columns, new_row, snapshot
from engine.statements import Statement, any_of, parameter
from engine.tables import AnySelect
from models.catalog import Theme
from models.licenses import License, LicenseStatus
from models.member_limits import MemberLimits
from models.members import Member
from permissions.context import Context
from permissions.roles import has_member_limits
from resolvers.catalog.queries import BY_NAME
from resolvers.change import Change
from resolvers.user_errors import InputError, LicenseLimitReached, UserErrorCode, UserErrors, user_error

_MOST_NAMED = 5


async def member_limits(context: Context, member: Member) -> MemberLimits:
    """Limits of the member, read with those of all other members that are loaded at the same time."""

    async def fetch(keys: list[tuple[UUID, UUID]]) -> list[MemberLimits]:
        found: dict[tuple[UUID, UUID], MemberLimits] = {}
        for account_id in dict.fromkeys(account_id for account_id, _ in keys):
            member_ids = [id for each, id in keys if each == account_id]
            arguments = _LIMITS.arguments(account_id=account_id, member_ids=member_ids)
            for record in await context.database.fetch(_LIMITS.sql, *arguments):
                limits = snapshot(MemberLimits, record)
                found[account_id, limits.member_id] = limits
        return [found.get(key) or _without_limits(*key) for key in keys]

    return await loaded(context, MemberLimits, fetch, (member.account_id, member.id))


async def allowed_themes(context: Context, limits: MemberLimits) -> list[Theme] | None:
    """The themes in the order of their names; None for all themes. The themes of all limits that are shown
    are read by one statement."""

    async def fetch(keys: list[tuple[UUID, ...]]) -> list[list[Theme]]:
        ids = list({id for key in keys for id in key})
        themes = await rows(context.database, Theme, with_ids(Theme)(ids), order=BY_NAME)
        places = {theme.id: place for place, theme in enumerate(themes)}
        return [[themes[place] for place in sorted(places[id] for id in key)] for key in keys]

    if limits.theme_ids is None:
        return None
    return await loaded(context, allowed_themes, fetch, tuple(limits.theme_ids))


def _without_limits(account_id: UUID, member_id: UUID) -> MemberLimits:
    return new_row(MemberLimits, account_id=account_id, member_id=member_id)


@dataclass(frozen=True)
class Receiving:
    """Licenses that a member is about to provision or to receive."""

    theme_ids: frozenset[UUID]
    active: int
    """Number of active licenses that the member would hold in addition."""
    argument: str
    """Argument of the input that names the member, for errors."""

    @classmethod
    def one(cls, theme_id: UUID, argument: str, *, active: bool) -> "Receiving":
        return cls(frozenset([theme_id]), int(active), argument)


async def refuse_beyond_limits(tx: Change, member: Member, receiving: Receiving) -> None:
    """Raises `UserErrors` if the limits of the member do not allow it. Those of Admins do not apply."""
    if not has_member_limits(member.role):
        return
    found = await tx.fetch(_LIMITS_AND_USE, account_id=tx.account.id, member_id=member.id)
    if not found:
        return
    ((most, theme_ids, held),) = found
    if theme_ids is not None and not receiving.theme_ids <= set(theme_ids):
        message = await _theme_message(tx, member, receiving, theme_ids)
        raise user_error(UserErrorCode.THEME_NOT_ALLOWED, message, receiving.argument)
    if most is not None and receiving.active and held + receiving.active > most:
        raise UserErrors(_limit_reached(tx, member, receiving, most, held))


async def _theme_message(tx: Change, member: Member, receiving: Receiving, theme_ids: Iterable[UUID]) -> str:
    """Names the allowed themes to those who may read them: the member itself, and who sets limits."""
    is_own = member.id == tx.acting.id
    if not _sees_limits(tx, member):
        return (
            f"The limits of {member.name} do not include this theme: name another member, or ask an Admin to"
            " change the limits."
        )
    names = await theme_names(tx, theme_ids)
    whose = "Your limits" if is_own else f"The limits of {member.name}"
    remedy = "ask an Admin to change your limits" if is_own else "change the limits first"
    if not names:
        return f"{whose} include no theme: {remedy}."
    return f"{whose} include {_listed(names)} only: choose one of these themes, or {remedy}."


async def theme_names(tx: Change, theme_ids: Iterable[UUID]) -> list[str]:
    return [name for (name,) in await tx.fetch(_NAMES, theme_ids=list(theme_ids))]


def _listed(names: Sequence[str]) -> str:
    listed = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{listed} and {more} more themes" if more > 0 else listed


def _limit_reached(tx: Change, member: Member, receiving: Receiving, most: int, held: int) -> InputError:
    code, path = UserErrorCode.LICENSE_LIMIT_REACHED, [receiving.argument]
    if member.id == tx.acting.id:
        message = (
            f"Your limit is {most} active licenses, and you hold {held}: name another member as the holder,"
            " or ask an Admin to raise the limit."
        )
    elif _sees_limits(tx, member):
        message = (
            f"The limit of {member.name} is {most} active licenses, and the member holds {held}: name another"
            " member, or raise the limit first."
        )
    else:
        message = (
            f"The limit of {member.name} on active licenses is reached: name another member, or ask an Admin"
            " to raise the limit."
        )
        return InputError(code, message, path)
    return LicenseLimitReached(code, message, path, most, held)


def _sees_limits(tx: Change, member: Member) -> bool:
    """Whether the acting member may read `Member.limits` of the member."""
    return member.id == tx.acting.id or not has_member_limits(tx.acting.role)


_LIMITS = Statement(
    lambda: select(*columns(MemberLimits)).where(
        col(MemberLimits.account_id) == parameter("account_id"),
        any_of(col(MemberLimits.member_id), parameter("member_ids")),
    )
)


def _limits_and_use() -> AnySelect:
    account_id, member_id = parameter("account_id"), parameter("member_id")
    held = select(func.count()).where(
        col(License.account_id) == account_id,
        col(License.holder_id) == member_id,
        License.status_now() == LicenseStatus.ACTIVE,
    )
    return select(
        col(MemberLimits.max_active_licenses), col(MemberLimits.theme_ids), held.scalar_subquery()
    ).where(col(MemberLimits.account_id) == account_id, col(MemberLimits.member_id) == member_id)


_LIMITS_AND_USE = Statement(_limits_and_use)
_NAMES = Statement(
    lambda: (
        select(col(Theme.name))
        .where(any_of(col(Theme.id), parameter("theme_ids")))
        .order_by(col(Theme.name_key), col(Theme.id))
    )
)
