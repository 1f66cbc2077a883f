"""Sets the limits of members."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlmodel import col
from strawberry import UNSET

from engine.snapshots import new_row
from engine.statements import Statement, any_of, parameter
from models.audit_actions import AuditAction
from models.catalog import Theme
from models.member_limits import MemberLimits
from models.members import Member
from permissions.context import Context
from resolvers.change import Change, change
from resolvers.global_ids import decode_as
from resolvers.members.emails import enqueue_notices, limits_notice
from resolvers.members.inputs import SetMemberLimitsInput
from resolvers.members.limits import theme_names
from resolvers.members.mutations import find_member, present_member
from resolvers.results import mutation_result, shown
from resolvers.user_errors import UserErrorCode, invalid, user_error


@mutation_result
class SetMemberLimitsResult:
    """Payload of `setMemberLimits`: the member with the new limits."""

    member: Member = shown("Member with the new limits.")


async def set_member_limits(context: Context, input: SetMemberLimitsInput) -> SetMemberLimitsResult:
    """Licenses that the member holds already stay, also beyond the new limits."""
    member = await find_member(context, input.member_id)
    async with change(context, member.account_id, AuditAction.MEMBER_LIMITS_CHANGED, on=member) as tx:
        member = await present_member(tx, member)
        stored = await tx.find(MemberLimits, member.id)
        before = stored or new_row(MemberLimits, account_id=tx.account.id, member_id=member.id)
        most, theme_ids, slugs = await _limits(tx, input, before)
        changed: dict[str, object] = {}
        if most != before.max_active_licenses:
            changed["max_active_licenses"] = [before.max_active_licenses, most]
        if theme_ids != before.theme_ids:
            changed["themes"] = [_slugs(before.theme_ids, slugs), _slugs(theme_ids, slugs)]
        if not changed:
            tx.without_event()
        else:
            limits = {"max_active_licenses": most, "theme_ids": theme_ids}
            if stored is None:
                now = new_row(MemberLimits, account_id=tx.account.id, member_id=member.id, **limits)
                await tx.insert(now)
            else:
                now = await tx.update(stored, **limits)
            tx.record(member, member.name, f"changed the limits of {member.name}", changed)
            names = await theme_names(tx, theme_ids or [])
            await enqueue_notices(
                tx, context.settings, limits_notice(tx, context.settings, member, now, names)
            )
            await tx.access_changed(member.user_id)
    return SetMemberLimitsResult(member=member)


async def _limits(
    tx: Change, input: SetMemberLimitsInput, before: MemberLimits
) -> tuple[int | None, list[UUID] | None, dict[UUID, str]]:
    """The limits after the change, and the slugs of all themes before and after it."""
    most = before.max_active_licenses if input.max_active_licenses is UNSET else input.max_active_licenses
    if most is not None and most < 0:
        raise invalid("A limit must be 0 or more, or null for no limit.", "maxActiveLicenses")
    named = input.theme_ids
    kept = before.theme_ids or []
    decoded = [] if named is UNSET or named is None else [decode_as(Theme, each) for each in named]
    ids = [id for id in dict.fromkeys(decoded) if id is not None]
    slugs = dict(map(tuple, await tx.fetch(_THEMES, theme_ids=ids, kept_ids=kept)))
    _require_offered(decoded, slugs)
    if named is UNSET:
        return most, before.theme_ids, slugs
    return most, None if named is None else sorted(ids), slugs


def _require_offered(decoded: Sequence[UUID | None], slugs: Collection[UUID]) -> None:
    """Raises `UserErrors` for the first theme that is not in the catalog. Themes that were withdrawn may stay
    in the limits, but not be added."""
    for index, id in enumerate(decoded):
        if id not in slugs:
            raise user_error(
                UserErrorCode.NOT_FOUND,
                "There is no such theme in the catalog: name themes that are on offer.",
                "themeIds",
                str(index),
            )


def _slugs(theme_ids: Sequence[UUID] | None, slugs: dict[UUID, str]) -> Any:
    return None if theme_ids is None else sorted(slugs[id] for id in theme_ids)


_THEMES = Statement(
    lambda: select(col(Theme.id), col(Theme.slug)).where(
        or_(
            any_of(col(Theme.id), parameter("theme_ids")) & col(Theme.withdrawn_at).is_(None),
            any_of(col(Theme.id), parameter("kept_ids")),
        )
    )
)
