"""Rows of a large account, a small one and many other small ones, the same in every run."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

THEMES = 40
START = datetime(2025, 7, 1, tzinfo=UTC)
FAR = datetime(2035, 1, 1, tzinfo=UTC)
STATUSES = ("DECLINED", "REVOKED", "EXPIRED")

_FIRST = (
    "Ada Bob Chen Dora Emil Fatma Grace Henrik Ines José Kaya Lars Mina Noor Olga Paul Rosa Sven Tariq Uma"
)
_LAST = (
    "Lovelace Ross Rubin Hopper Kahn Müller Novák Øster Silva Tanaka Weber Xu Young Zhang Åberg Quist Vogel"
)
_SITES = "shop blog studio garden bakery clinic museum school market agency"
_THEMES = (
    "Aurora Basalt Cedar Dune Ember Fjord Grove Harbor Iris Juniper Krypton Lumen Mistral Nimbus Onyx Prism"
)


@dataclass(frozen=True)
class Size:
    """Number of rows of each kind. Some members and invitations are no longer current."""

    members: int
    removed: int
    accepted: int
    pending: int
    other_invitations: int
    licenses: int
    events: int


SMALL = Size(members=50, removed=10, accepted=50, pending=40, other_invitations=51, licenses=60, events=1_000)


def large(events: int) -> Size:
    return Size(
        members=20_000,
        removed=10_000,
        accepted=20_000,
        pending=40,
        other_invitations=300,
        licenses=20_000,
        events=events,
    )


@dataclass(frozen=True)
class MadeAccount:
    number: int
    size: Size

    @property
    def id(self) -> UUID:
        return made_id("account", self.number, 0)

    def member(self, number: int) -> UUID:
        """The owner is number 0; those beyond `size.members` were removed."""
        return made_id("member", self.number, number)

    def license(self, number: int) -> UUID:
        return made_id("license", self.number, number)

    def holder(self, number: int) -> int:
        """Holder of a license. Member 1 holds every second one, member 2 holds three, the others a few
        each."""
        if number in (0, self.size.licenses // 2, self.size.licenses - 1):
            return 2
        return 1 if number % 2 else 3 + number // 2 % (self.size.members - 3)

    def random(self) -> Random:
        return Random(self.number)  # noqa: S311 - for data that is the same each time


_KINDS = ("account", "user", "member", "invitation", "license", "theme", "event", "api_key", "session")


def made_id(kind: str, account: int, number: int) -> UUID:
    """Id in the form of a UUIDv7: the time, then digits that look random."""
    milliseconds = 1_750_000_000_000 + number
    random = number * 0x9E3779B97F4A7C15 & (1 << 44) - 1
    tail = 2 << 62 | _KINDS.index(kind) << 58 | account << 44 | random
    return UUID(int=milliseconds << 80 | 7 << 76 | tail)


def theme_name(number: int) -> str:
    names = _THEMES.split()
    return names[number % len(names)] + ("" if number < len(names) else f" {number // len(names) + 1}")


def member_name(number: int) -> str:
    first, last = _FIRST.split(), _LAST.split()
    scattered = number * 7919
    suffix = number // (len(first) * len(last))
    name = f"{first[scattered % len(first)]} {last[scattered // len(first) % len(last)]}"
    return f"{name} {suffix}" if suffix else name


def site(account: MadeAccount, number: int) -> str:
    words = _SITES.split()
    return f"{words[number % len(words)]}{number * 7919 % 1_000_003}.team{account.number}.example"


def themes() -> Iterator[tuple[Any, ...]]:
    """id, slug, name, summary, price_amount, price_currency, tags, published_at, latest_version."""
    for number in range(THEMES):
        name = theme_name(number)
        at = START - timedelta(days=number)
        id, slug = made_id("theme", 0, number), name.lower().replace(" ", "-")
        yield (
            id,
            slug,
            name,
            f"{name}, a theme.",
            40 + number % 7,
            "EUR",
            ["shop", "blog"][: 1 + number % 2],
            at,
            "1.0.0",
        )


def users(account: MadeAccount) -> Iterator[tuple[Any, ...]]:
    """id, email, name, created_at."""
    for number in range(account.size.members + account.size.removed):
        email = _email(account, number)
        yield made_id("user", account.number, number), email, member_name(number), START


def members(account: MadeAccount) -> Iterator[tuple[Any, ...]]:
    """account_id, id, user_id, name, email, role, is_owner, joined_at, last_active_at, removed_at.

    Three Admins: the first, the middle and the last to join. Those who were removed joined before all others.
    """
    active = account.size.members
    admins = (0, active // 2, active - 1)
    for number in range(active + account.size.removed):
        role = "ADMIN" if number in admins else "VIEWER" if number % 3 == 0 else "MEMBER"
        removed = number >= active
        joined_at = START + timedelta(minutes=number - (active + account.size.removed if removed else 0))
        seen_at = (
            START + timedelta(days=60, seconds=number * 2_654_435_761 % 5_000_000) if number % 5 else None
        )
        yield (
            *(account.id, account.member(number), made_id("user", account.number, number)),
            *(member_name(number), _email(account, number), role, number == 0),
            *(joined_at, seen_at, joined_at + timedelta(days=1) if removed else None),
        )


def invitations(account: MadeAccount) -> Iterator[tuple[Any, ...]]:
    """account_id, id, email, role, status, token_hash, invited_by_id, accepted_by_id, created_at, expires_at,
    emails, accepted_at, delivery. Those that wait are among the oldest."""
    size = account.size
    statuses = ["PENDING"] * size.pending + ["ACCEPTED"] * size.accepted
    statuses += [STATUSES[number % 3] for number in range(size.other_invitations)]
    for number, status in enumerate(statuses):
        at = START + timedelta(minutes=number)
        accepted = status == "ACCEPTED"
        member = number - size.pending
        email = _email(account, member) if accepted else f"guest{number}@team{account.number}.example"
        yield (
            *(account.id, made_id("invitation", account.number, number), email, "MEMBER", status),
            made_id("invitation", account.number, number).bytes,
            *(account.member(0), account.member(member) if accepted else None, at),
            *(FAR if status == "PENDING" else at + timedelta(days=7), 1, at if accepted else None, "SENT"),
        )


def licenses(account: MadeAccount) -> Iterator[tuple[Any, ...]]:
    """account_id, id, theme_id, status, site, key, holder_id, provisioned_by_id, provisioned_at, expires_at,
    revoked_by_id, revoked_at, revoked_reason, last_verified_at, installed_version. Three expired licenses
    still have the status ACTIVE."""
    random = account.random()
    for number in range(account.size.licenses):
        at = START + timedelta(minutes=number)
        status = (
            ("ACTIVE", "REVOKED")[number % 2] if number % 10 else ("SUSPENDED", "EXPIRED")[number // 10 % 2]
        )
        over = number % (account.size.licenses // 3) == 2
        expires_at = at + timedelta(days=1) if over else far(number) if status == "ACTIVE" else None
        revoked = (
            (account.member(0), at, "Not needed any more.") if status == "REVOKED" else (None, None, None)
        )
        theme = number % 2 and int(THEMES * random.random() ** 3)
        yield (
            *(account.id, account.license(number), made_id("theme", 0, theme), "ACTIVE" if over else status),
            site(account, number),
            f"key-{account.number}-{number}",
            *(account.member(account.holder(number)), account.member(0), at, expires_at, *revoked),
            *(None if number % 10 == 4 else _verified_at(account, number), _version(account, number)),
        )


def far(number: int) -> datetime:
    """Expiry of a license, in scattered order."""
    return FAR + timedelta(minutes=number * 7919 % 20_011)


def _verified_at(account: MadeAccount, number: int) -> datetime:
    """Long ago for three licenses; the others scattered over two weeks."""
    if number % (account.size.licenses // 3) == 5:
        return START
    return START + timedelta(days=60, minutes=number * 7919 % 20_011)


def _version(account: MadeAccount, number: int) -> str | None:
    """Half have 2.0.0, three have 0.9.0, and the others one of 40 versions, or none."""
    if number % (account.size.licenses // 3) == 5:
        return "0.9.0"
    return "2.0.0" if number % 2 else f"1.{number // 2 % 40}.0" if number % 10 != 4 else None


def _email(account: MadeAccount, number: int) -> str:
    name = member_name(number).lower().replace(" ", ".").encode("ascii", "ignore").decode()
    return f"{name}.{number}@team{account.number}.example"
