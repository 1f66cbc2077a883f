"""Which pages are measured: every list in every order by every filter, lucky values and unlucky ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

from bench import scale_events as log
from bench.scale_data import SMALL, START, Tenant, made_id
from bench.scale_shapes import Depth, Order, Paging, Search, merged, plain, searched, united

DEPTHS = (
    Depth("newest"),
    Depth("after", cursor=True),
    Depth("before", cursor=True, backward=True),
    Depth("last", backward=True),
)
SAME, SEARCHED = 1.2, 5.0
"""How many times the small account's page the large one's may cost."""

_ID = ("id", "uuid")
_AUDIT = Order("audit_events", "", (("sequence", "bigint"),), descending=True)
_MEMBERS = (
    Order("members", "JOINED", (("joined_at", "timestamptz"), _ID)),
    Order("members", "NAME", (("lower(name)", "text"), _ID)),
    Order("members", "LAST_ACTIVE", (("coalesce(last_active_at, joined_at)", "timestamptz"), _ID), True),
)
_INVITATIONS = Order("invitations", "", (("created_at", "timestamptz"), _ID), descending=True)
_LICENSES = (
    Order("licenses", "NEWEST", (("provisioned_at", "timestamptz"), _ID), descending=True),
    Order("licenses", "OLDEST", (("provisioned_at", "timestamptz"), _ID)),
    Order("licenses", "SITE", (("site", "text"), _ID)),
)


class Filter(NamedTuple):
    """`values`: of the parameters from `$2` on."""

    name: str
    sql: Callable[[Paging], str]
    values: Callable[[Tenant], Sequence[Any]] = lambda _: ()
    bound: float = SAME


@dataclass(frozen=True)
class Case:
    order: Order
    filter: Filter
    depth: Depth

    def sql(self, limit: int) -> str:
        values = len(self.filter.values(Tenant(1, SMALL)))
        return self.filter.sql(Paging(self.order, self.depth, 1 + values, limit)).strip()


def cases() -> Iterator[Case]:
    lists: tuple[tuple[Sequence[Order], Iterable[Filter]], ...] = (
        ([_AUDIT], [*_audit(), *_audit_by_ids(), *_audit_times()]),
        (_MEMBERS, _members()),
        ([_INVITATIONS], _invitations()),
        (_LICENSES, [*_licenses(), *_licenses_seen()]),
    )
    for orders, filters in lists:
        for order, filter, depth in product(orders, filters, DEPTHS):
            yield Case(order, filter, depth)


def _one(name: str, condition: str, value: Callable[[Tenant], Any]) -> Filter:
    return Filter(name, lambda paging: plain(paging, condition), lambda tenant: [value(tenant)])


def _always(name: str, *conditions: str) -> Filter:
    """Of no parameters."""
    if len(conditions) == 1:
        return Filter(name, lambda paging: plain(paging, conditions[0]))
    return Filter(name, lambda paging: merged(paging, conditions))


def _several(name: str, column: str, kind: str, values: Callable[[Tenant], list[Any]]) -> Filter:
    count = len(values(Tenant(1, SMALL)))
    branches = [f"{column} = ($2::{kind}[])[{number + 1}]" for number in range(count)]
    return Filter(name, lambda paging: merged(paging, branches), lambda tenant: [values(tenant)])


def _same(value: Any) -> Callable[[Tenant], Any]:
    """In both accounts."""
    return lambda _: value


def _own(make: Callable[[Tenant, int], Any], *numbers: int) -> Callable[[Tenant], list[Any]]:
    """Each account's."""
    return lambda tenant: [make(tenant, number) for number in numbers]


def _by_own(name: str, condition: str, make: Callable[[Tenant, int], Any], number: int) -> Filter:
    return Filter(name, lambda paging: plain(paging, condition), _own(make, number))


def _key(tenant: Tenant, number: int) -> UUID:
    return made_id("api_key", tenant.number, number)


def _time(tenant: Tenant, quarters: int) -> datetime:
    return START + timedelta(seconds=tenant.size.events * log.SECONDS_BETWEEN * quarters / 4)


def _audit() -> Iterator[Filter]:
    yield _always("none", "true")
    for name, action in (("often", log.ACTIONS[0]), ("seldom", log.RARE), ("never", log.NEVER)):
        yield _one(f"actions {name}", "action = $2", _same(action))
    for count in (3, 33):
        yield _several(f"actions {count}", "action", "text", _same(list(log.ACTIONS[:count])))
    for outcome in ("ALLOWED", "DENIED"):
        yield _one(f"outcome {outcome}", "outcome = $2", _same(outcome))
    for name, number in (("often", 5), ("seldom", log.RARE_NUMBER), ("never", 88_888)):
        yield _one(f"ip {name}", "ip = $2", _same(log.ip(number)))._replace(bound=SEARCHED)


def _audit_by_ids() -> Iterator[Filter]:
    rare, never = log.RARE_NUMBER, 888_888
    for name, number in (("often", 0), ("seldom", rare), ("never", never)):
        yield _by_own(f"actorIds {name}", "actor_member_id = $2", Tenant.member, number)
    for count in (3, 30):
        yield _several(f"actorIds {count}", "actor_member_id", "uuid", _own(Tenant.member, *range(count)))
    for name, number in (("half", log.HALF_TARGET), ("seldom", rare), ("never", never)):
        yield _by_own(f"targetId {name}", "target_id = $2", Tenant.license, number)
    for name, number in (("of many", 0), ("of two", 302), ("never", 99_999_999)):
        yield _by_own(f"requestId {name}", "request_id = $2", log.request_id, number)
    for name, number in (("often", 1), ("seldom", rare), ("never", 77)):
        condition = "credential_kind = 'API_KEY' AND credential_id = $2"
        yield _by_own(f"apiKeyId {name}", condition, _key, number)


def _audit_times() -> Iterator[Filter]:
    """The log is in order of time: from when on is from which event on."""
    event = (
        "COALESCE((SELECT sequence FROM audit_events WHERE account_id = $1 AND occurred_at >= $2"
        " ORDER BY occurred_at, sequence LIMIT 1), 9223372036854775807)"
    )
    for name, quarters in (("early", 1), ("late", 3), ("before all", -4), ("after all", 8)):
        yield _by_own(f"occurredFrom {name}", f"sequence >= {event}", _time, quarters)
        yield _by_own(f"occurredUntil {name}", f"sequence < {event}", _time, quarters)


def _members() -> Iterator[Filter]:
    here, gone = "removed_at IS NULL", "removed_at IS NOT NULL"
    roles = ("ADMIN", "MEMBER", "VIEWER")
    yield _always("none", here)
    for role in roles[:2]:
        yield _always(f"roles {role}", f"role = '{role}' AND {here}")
    yield _always("roles ADMIN, VIEWER", *(f"role = '{role}' AND {here}" for role in (roles[0], roles[2])))
    yield _always("includeRemoved", here, *(f"role = '{role}' AND {gone}" for role in roles))
    yield _always("includeRemoved, roles MEMBER", *(f"role = 'MEMBER' AND {each}" for each in (here, gone)))
    everywhere, names = Search(here, ("name", "email")), Search(here, ("name",))
    for text in ("a", "an", "q", "ross", "ross 13", "zq", "nobody", "%", "å", "example"):
        yield _searched(text, everywhere)
    for text in ("a", "ada", "zq"):
        filter = _searched(text, names)
        yield filter._replace(name=f"{filter.name} in names")


def _invitations() -> Iterator[Filter]:
    waiting = "status = 'PENDING' AND (expires_at > now()) IS TRUE"
    due = "status = 'PENDING' AND expires_at <= now()"
    yield _always("none", "true")
    yield _always("statuses PENDING", waiting)
    for status in ("ACCEPTED", "DECLINED"):
        yield _always(f"statuses {status}", f"status = '{status}'")
    yield Filter("statuses EXPIRED", lambda paging: merged(paging, ["status = 'EXPIRED'"], due))
    yield _always("statuses PENDING, REVOKED", waiting, "status = 'REVOKED'")
    yield _one("email", "email = $2", lambda tenant: f"guest3@team{tenant.number}.example")
    yield _one("email unknown", "email = $2", _same("nobody@nowhere.example"))


_OVER = "status IN ('ACTIVE', 'SUSPENDED') AND expires_at <= now()"
_ACTIVE = "status = 'ACTIVE' AND (expires_at > now()) IS NOT FALSE"
_SUSPENDED = "status = 'SUSPENDED' AND (expires_at > now()) IS NOT FALSE"


def _licenses() -> Iterator[Filter]:
    yield _always("none", "true")
    yield _always("statuses ACTIVE", _ACTIVE)
    yield _always("statuses SUSPENDED", _SUSPENDED)
    yield _always("statuses REVOKED", "status = 'REVOKED'")
    yield Filter("statuses EXPIRED", lambda paging: merged(paging, ["status = 'EXPIRED'"], _OVER))
    yield _always("statuses ACTIVE, SUSPENDED", _ACTIVE, _SUSPENDED)
    for name, number in (("half", 0), ("some", 1), ("none", 999)):
        yield _one(f"themeIds {name}", "theme_id = $2", _same(made_id("theme", 0, number)))
    themes = [made_id("theme", 0, number) for number in range(3)]
    yield _several("themeIds 3", "theme_id", "uuid", _same(themes))
    for name, number in (("half", 1), ("three", 2), ("none", 88_888)):
        yield _by_own(f"holderIds {name}", "holder_id = $2", Tenant.member, number)
    for text in ("a", "shop", "99", "studio7", "zq", "team", "basalt"):
        yield _searched(text, Search("true", ("site",), themes=True))


def _licenses_seen() -> Iterator[Filter]:
    """By Members: the active ones, and their own. By Viewers: as `statuses ACTIVE`."""
    branches = (_ACTIVE, "holder_id = $2", "provisioned_by_id = $2")
    for name, number in (("who holds half", 1), ("who holds some", 5)):
        name = f"none, by a Member {name}"
        yield Filter(name, lambda paging: united(paging, branches), _own(Tenant.member, number))


def _searched(text: str, search: Search) -> Filter:
    return Filter(f"search {text}", lambda paging: searched(paging, search), _same([text]), SEARCHED)
