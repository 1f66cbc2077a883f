"""Pages that are measured: every list in every order with every filter, with frequent and rare values."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any, NamedTuple
from uuid import UUID

from bench import scale_events as log
from bench.scale_data import FAR, START, MadeAccount, made_id, site
from models.accounts import Account
from models.audit import CredentialKind
from models.catalog import Theme
from models.licenses import License
from models.members import Member
from resolvers.global_ids import encode, encode_credential

SAME, SEARCHED = 1.2, 5.0
"""Maximum ratio of the time of a page in the large account to that in the small one."""
OWNER = 0
"""Number of each account's first member, who is the viewer unless a case names another one."""


class Listed(NamedTuple):
    """A list of the API. `parent` is the object that has it: the account or its owner."""

    name: str
    table: str
    selection: str
    filter: str
    order: str | None = None
    parent: type[Account] | type[Member] = Account

    @property
    def operation(self) -> str:
        declared, given = "", ""
        if self.order:
            declared, given = f", $orderBy: {self.order}", ", orderBy: $orderBy"
        whose = "account(id: $id) {" if self.parent is Account else "node(id: $id) { ... on Member {"
        return f"""query ($id: ID!, $first: Int, $after: String, $last: Int, $before: String,
            $filter: {self.filter}{declared}) {{
          {whose} {self.name}(first: $first, after: $after, last: $last, before: $before,
            filter: $filter{given}) {{ {self.selection} }} {"}" * whose.count("{")} }}"""


class Order(NamedTuple):
    """An order of a list. `name` is the value of the argument, if there is one. `cursor` is its name in
    cursors, and `keys` are their values."""

    listed: Listed
    name: str | None
    cursor: str
    keys: tuple[str, ...]


class Depth(NamedTuple):
    """Position of a page. `backward` counts from the end. `cursor` starts in the middle."""

    name: str
    cursor: bool = False
    backward: bool = False


class Filter(NamedTuple):
    """A filter of a list. `of` returns the argument for an account. `member` is the viewer."""

    name: str
    of: Callable[[MadeAccount], dict[str, Any]] = lambda _: {}
    bound: float = SAME
    member: int = OWNER


class Case(NamedTuple):
    order: Order
    filter: Filter
    depth: Depth

    def variables(self, account: MadeAccount, size: int, cursor: str | None) -> dict[str, Any]:
        parent = self.order.listed.parent
        id = account.id if parent is Account else account.member(OWNER)
        count, mark = ("last", "before") if self.depth.backward else ("first", "after")
        variables = {"id": encode(parent, id), count: size, "filter": self.filter.of(account) or None}
        if self.order.name:
            variables["orderBy"] = self.order.name
        return variables if cursor is None else {**variables, mark: cursor}


_NEWEST = Depth("newest")
_DEPTHS = (
    _NEWEST,
    Depth("after", cursor=True),
    Depth("before", cursor=True, backward=True),
    Depth("last", backward=True),
)
_EVENTS = "audit_events"
_LOG = Listed("auditLog", _EVENTS, "nodes { sequence summary }", "AuditLogFilter")
_ACTIVITY = _LOG._replace(name="activity", parent=Member)
_MEMBERS = Listed("members", "members", "nodes { id name role }", "MemberFilter", "MemberOrder")
_INVITATIONS = Listed("invitations", "invitations", "nodes { id email status }", "InvitationFilter")
_LICENSES = Listed(
    "licenses", "licenses", "nodes { id site status theme { name } }", "LicenseFilter", "LicenseOrder"
)
_LAST_ACTIVE = "coalesce(last_active_at, joined_at)"


def cases() -> Iterator[Case]:
    ways: tuple[tuple[Iterable[Order], Iterable[Filter]], ...] = (
        ([Order(_LOG, None, "sequence", ("sequence",))], _audit()),
        (
            [
                Order(_MEMBERS, "JOINED", "joined", ("joined_at", "id")),
                Order(_MEMBERS, "NAME", "name", ("name_key", "id")),
                Order(_MEMBERS, "LAST_ACTIVE", "active", (_LAST_ACTIVE, "id")),
            ],
            _members(),
        ),
        ([Order(_INVITATIONS, None, "newest", ("created_at", "id"))], _invitations()),
        (
            [
                Order(_LICENSES, "NEWEST", "newest", ("provisioned_at", "id")),
                Order(_LICENSES, "OLDEST", "oldest", ("provisioned_at", "id")),
                Order(_LICENSES, "SITE", "site", ("site", "id")),
            ],
            _licenses(),
        ),
        ([Order(_ACTIVITY, None, "sequence", ("sequence",))], _audit()),
    )
    yield Case(Order(_LOG._replace(selection="totalCount"), None, "", ()), Filter("totalCount"), _NEWEST)
    for orders, filters in ways:
        for order, filter, depth in product(orders, filters, _DEPTHS):
            yield Case(order, filter, depth)


def _same(name: str, **filter: Any) -> Filter:
    """The same value in both accounts."""
    return Filter(name, lambda _: filter)


def _own(name: str, argument: str, value: Callable[[MadeAccount], Any]) -> Filter:
    """A value of each account."""
    return Filter(name, lambda account: {argument: value(account)})


def _audit() -> Iterator[Filter]:
    yield Filter("none")
    for name, action in (("often", log.ACTIONS[0]), ("seldom", log.RARE), ("never", log.NEVER)):
        yield _same(f"actions {name}", actions=[action])
    for count in (3, 33):
        yield _same(f"actions {count}", actions=log.ACTIONS[:count])
    for outcome in ("ALLOWED", "DENIED"):
        yield _same(f"outcome {outcome}", outcome=outcome)
    for name, number in (("often", 5), ("seldom", log.RARE_NUMBER), ("never", 88_888)):
        yield _same(f"ip {name}", ip=log.ip(number))._replace(bound=SEARCHED)
    for name, types in (("half", ["License"]), ("seldom", [log.RARE_TYPE]), ("never", [log.NEVER_TYPE])):
        yield _same(f"targetTypes {name}", targetTypes=types)
    yield _same("targetTypes 3", targetTypes=["ApiKey", "Member", log.RARE_TYPE])
    for name, kinds in (("half", ["SESSION"]), ("seldom", ["OPERATOR"]), ("never", ["INVITATION"])):
        yield _same(f"credentialKinds {name}", credentialKinds=kinds)
    yield _same("credentialKinds 3", credentialKinds=["API_KEY", "OPERATOR", "INVITATION"])
    for name, text in (
        *(("in most", "example"), ("in many", "license"), ("in some", "ross 13"), ("in none", "nobody")),
        *(("in none of many", "example license"), ("zqx", "zqx")),
    ):
        yield _same(f"text {name}", text=text)._replace(bound=SEARCHED)
    for name, number in (("of a site", 302), ("of three", log.RARE_NUMBER)):
        yield _own(f"text {name}", "text", _site(number))._replace(bound=SEARCHED)
    yield from _audit_by_ids()
    yield from _audit_times()


def _audit_by_ids() -> Iterator[Filter]:
    rare, never = log.RARE_NUMBER, 888_888
    for name, number in (("often", 0), ("seldom", rare), ("never", never)):
        yield _own(f"actorIds {name}", "actorIds", _member_ids(number))
    for count in (3, 30):
        yield _own(f"actorIds {count}", "actorIds", _member_ids(*range(count)))
    for name, number in (("half", log.HALF_TARGET), ("seldom", rare), ("never", never)):
        yield _own(f"targetId {name}", "targetId", _id(License, MadeAccount.license, number))
    for name, number in (("of many", 0), ("of two", 302), ("never", 99_999_999)):
        yield _own(f"requestId {name}", "requestId", _request(number))
    for name, number in (("often", 1), ("seldom", rare), ("never", 77)):
        yield _own(f"apiKeyId {name}", "apiKeyId", _key(number))


def _audit_times() -> Iterator[Filter]:
    for name, quarters in (("early", 1), ("late", 3), ("before all", -4), ("after all", 8)):
        for argument in ("occurredFrom", "occurredUntil"):
            yield _own(f"{argument} {name}", argument, _time(quarters))


def _members() -> Iterator[Filter]:
    yield Filter("none")
    for roles in (["ADMIN"], ["MEMBER"], ["ADMIN", "VIEWER"]):
        yield _same(f"roles {', '.join(roles)}", roles=roles)
    yield _same("includeRemoved", includeRemoved=True)
    yield _same("includeRemoved, roles MEMBER", includeRemoved=True, roles=["MEMBER"])
    for name, quarters in (("all", 8), ("early", 1), ("never", -8)):
        yield _own(f"inactiveSince {name}", "inactiveSince", _time(quarters))
    for text in ("a", "an", "q", "ross", "ross 13", "zq", "nobody", "%", "å", "example"):
        yield _searched(text)
    for text in ("a", "ada", "zq"):
        yield _searched(text)._replace(name=f"search {text}, by a Member, in names", member=1)
    yield from _members_and_removed()


def _members_and_removed() -> Iterator[Filter]:
    for name, quarters in (("all", 8), ("early", 1), ("never", -8)):
        yield _with_removed(_own(f"inactiveSince {name}", "inactiveSince", _time(quarters)))
    yield _with_removed(_own("inactiveSince all", "inactiveSince", _time(8)), "MEMBER")
    for text in ("a", "ross 13", "zq"):
        yield _with_removed(_searched(text))
    yield _with_removed(_searched("a"), "MEMBER")


def _with_removed(filter: Filter, *roles: str) -> Filter:
    more = {"includeRemoved": True, **({"roles": roles} if roles else {})}
    return filter._replace(
        name=", ".join(["includeRemoved", *roles, filter.name]),
        of=lambda account: {**more, **filter.of(account)},
    )


def _invitations() -> Iterator[Filter]:
    yield Filter("none")
    for status in ("PENDING", "ACCEPTED", "DECLINED", "EXPIRED"):
        yield _same(f"statuses {status}", statuses=[status])
    yield _same("statuses PENDING, REVOKED", statuses=["PENDING", "REVOKED"])
    yield _own("email", "email", lambda account: f"guest3@team{account.number}.example")
    yield _same("email unknown", email="nobody@nowhere.example")


def _licenses() -> Iterator[Filter]:
    yield Filter("none")
    for status in ("ACTIVE", "SUSPENDED", "REVOKED", "EXPIRED"):
        yield _same(f"statuses {status}", statuses=[status])
    yield _same("statuses ACTIVE, SUSPENDED", statuses=["ACTIVE", "SUSPENDED"])
    for name, numbers in (("half", [0]), ("some", [1]), ("none", [999]), ("3", range(3))):
        themes = [encode(Theme, made_id("theme", 0, number)) for number in numbers]
        yield _same(f"themeIds {name}", themeIds=themes)
    for name, number in (("half", 1), ("three", 2), ("none", 88_888)):
        yield _own(f"holderIds {name}", "holderIds", _member_ids(number))
    for name, versions in (("half", ["2.0.0"]), ("some", ["1.3.0"]), ("three", ["0.9.0"]), ("none", ["9"])):
        yield _same(f"installedVersions {name}", installedVersions=versions)
    yield _same("installedVersions 3", installedVersions=["1.3.0", "1.7.0", "0.9.0"])
    yield from _license_times()
    for text in ("a", "shop", "99", "studio7", "zq", "team", "basalt"):
        yield _searched(text)
    yield Filter("none, by a Member who holds half", member=1)
    yield Filter("none, by a Member who holds some", member=5)


def _license_times() -> Iterator[Filter]:
    used = START + timedelta(days=60)
    checks = {"all": FAR, "half": used + timedelta(days=7), "some": used, "none": START}
    for name, at in (*checks.items(), ("three", START + timedelta(seconds=1))):
        yield _same(f"notVerifiedSince {name}", notVerifiedSince=at.isoformat())._replace(bound=SEARCHED)
    moments = {"all": FAR.replace(year=2100), "half": FAR + timedelta(days=7), "three": FAR, "none": START}
    for name, at in moments.items():
        yield _same(f"expiresBefore {name}", expiresBefore=at.isoformat())._replace(bound=SEARCHED)
    for name in ("half", "three"):
        expiring = {"expiresBefore": moments[name].isoformat(), "statuses": ["ACTIVE"]}
        yield _same(f"expiresBefore {name}, statuses ACTIVE", **expiring)._replace(bound=SEARCHED)


def _searched(text: str) -> Filter:
    return _same(f"search {text}", search=text)._replace(bound=SEARCHED)


def _member_ids(*numbers: int) -> Callable[[MadeAccount], list[str]]:
    return lambda account: [encode(Member, account.member(number)) for number in numbers]


def _id(
    table: type[License], make: Callable[[MadeAccount, int], UUID], number: int
) -> Callable[[MadeAccount], str]:
    return lambda account: encode(table, make(account, number))


def _request(number: int) -> Callable[[MadeAccount], str]:
    return lambda account: log.request_id(account, number)


def _key(number: int) -> Callable[[MadeAccount], str]:
    return lambda account: encode_credential(
        CredentialKind.API_KEY, made_id("api_key", account.number, number)
    )


def _site(number: int) -> Callable[[MadeAccount], str]:
    return lambda account: site(account, number)


def _time(quarters: int) -> Callable[[MadeAccount], str]:
    def at(account: MadeAccount) -> str:
        return (
            START + timedelta(seconds=account.size.events * log.SECONDS_BETWEEN * quarters / 4)
        ).isoformat()

    return at
