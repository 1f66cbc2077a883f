"""Audit log of any length for an account: without gaps, ordered by time, with valid hashes."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import accumulate
from typing import NamedTuple

from bench.scale_data import START, MadeAccount, made_id, member_name, site
from models.audit_actions import AuditAction
from resolvers.events import OPERATOR_ID

COLUMNS = (
    *("account_id", "sequence", "id", "occurred_at", "action", "outcome", "summary"),
    *("actor_kind", "actor_member_id", "actor_name"),
    *("credential_kind", "credential_id", "credential_label"),
    *("target_type", "target_id", "target_name", "ip", "user_agent", "request_id", "details"),
    *("previous_hash", "hash"),
)
ACTIONS = tuple(action.value for action in AuditAction)[:33]
CALL = AuditAction.API_CALLED.value
NEVER = AuditAction.INVOICE_VOIDED.value
RARE = AuditAction.INVOICE_PAID.value
RARE_AT = (10, 20, 30)
"""Sequence numbers of the events with rare values, far from the newest page."""
RARE_NUMBER = 999_999
"""Number of the rare member, target, key, address and request."""
DENIED_EACH = 1_000
HALF_TARGET = 1
RARE_TYPE, NEVER_TYPE = "Invoice", "AuditStream"
KEYS = 4
SECONDS_BETWEEN = 2
_START = START.replace(tzinfo=None)
_USER_AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
_SYSTEM = ("SYSTEM", None, "The platform", None, None, None)
_OPERATOR = ("SYSTEM", None, "The operator", "OPERATOR", str(OPERATOR_ID), "team-access")
_OPERATOR_AT = (19, 39, 59)
_BLOCK = 10_000


class Head(NamedTuple):
    """Row of audit_heads."""

    sequence: int
    hash: bytes
    occurred_at: str


def ip(number: int) -> str:
    return f"10.{number // 62_500}.{number // 250 % 250}.{1 + number % 250}"


def request_id(account: MadeAccount, number: int) -> str:
    """Each id belongs to two events. Every 50th event has the id of a nightly import."""
    return f"import-{account.number}" if number % 50 == 0 else f"request-{account.number}-{number // 2:08}"


def occurred_at(number: int) -> str:
    at = _START + timedelta(seconds=number * SECONDS_BETWEEN)
    return f"{at.isoformat(timespec='microseconds')}Z"


def blocks(account: MadeAccount, heads: list[Head]) -> Iterator[tuple[int, bytes]]:
    """Yields the number of events and their text for COPY. Appends the log's head to `heads` at the end."""
    hash, at = bytes(32), ""
    for start in range(1, account.size.events + 1, _BLOCK):
        lines = []
        for fields in _events(account, range(start, min(start + _BLOCK, account.size.events + 1))):
            previous, at = hash, fields[3] or ""
            content = "".join(["-," if field is None else f"{len(field)}:{field}," for field in fields])
            hash = sha256(previous + content.encode()).digest()
            line = "\t".join(["\\N" if field is None else field for field in fields])
            lines.append(f"{line}\t\\\\x{previous.hex()}\t\\\\x{hash.hex()}\n")
        yield len(lines), "".join(lines).encode()
    heads.append(Head(account.size.events, hash, at))


def _events(account: MadeAccount, numbers: range) -> Iterator[Sequence[str | None]]:
    """The hashed fields, in their order, as ASCII."""
    random = account.random()
    random.seed(f"{account.number} {numbers.start}")
    actors = min(300, account.size.members)
    drawn = zip(
        random.choices(ACTIONS, cum_weights=_zipf(len(ACTIONS)), k=len(numbers)),
        random.choices(range(actors), cum_weights=_zipf(actors), k=len(numbers)),
        random.choices(range(account.size.licenses), k=len(numbers)),
        random.choices(range(2_000), k=len(numbers)),
        strict=True,
    )
    account_id = str(account.id)
    for number, (action, actor, target, address) in zip(numbers, drawn, strict=True):
        if number in RARE_AT:
            action, actor, target, address = RARE, RARE_NUMBER, RARE_NUMBER, RARE_NUMBER
        elif action == RARE:
            action = ACTIONS[0]
        target = HALF_TARGET if number % 2 and number not in RARE_AT else target
        actors_fields = _actor_of(account, number, actor, action)
        target_type, target_id, target_name = _target(account, target, action)
        yield (
            *(account_id, str(number), str(made_id("event", account.number, number)), occurred_at(number)),
            *(
                action,
                "DENIED" if number % DENIED_EACH == 7 else "ALLOWED",
                f"{actors_fields[2]} {action.lower().replace('_', ' ')} {target_name}",
            ),
            *actors_fields,
            *(target_type, target_id, target_name),
            *(ip(address), _USER_AGENT, request_id(account, number)),
            f'{{"number":{number},"site":"{target_name}"}}',
        )


def _actor_of(account: MadeAccount, number: int, actor: int, action: str) -> tuple[str | None, ...]:
    if action == CALL:
        return _actor(account, actor | 1)
    if number in _OPERATOR_AT:
        return _OPERATOR
    return _SYSTEM if number % 20 == 19 else _actor(account, actor)


@lru_cache(maxsize=100_000)
def _target(account: MadeAccount, target: int, action: str) -> tuple[str, str, str]:
    """Type, id and name."""
    if action == CALL:
        return "ApiKey", str(made_id("api_key", account.number, target % KEYS)), f"key {target % KEYS}"
    table = RARE_TYPE if target == RARE_NUMBER else "Member" if action.startswith("MEMBER") else "License"
    return table, str(account.license(target)), site(account, target)


@lru_cache(maxsize=20_000)
def _actor(account: MadeAccount, actor: int) -> tuple[str | None, ...]:
    """Kind, member and name, and the credential."""
    name = member_name(actor).encode("ascii", "replace").decode()
    member = str(account.member(actor))
    if actor % 2 == 0 and actor != RARE_NUMBER:
        session = str(made_id("session", account.number, actor))
        return "MEMBER", member, name, "SESSION", session, "Firefox on Linux"
    key = RARE_NUMBER if actor == RARE_NUMBER else actor // 2 % KEYS
    return "MEMBER", member, name, "API_KEY", str(made_id("api_key", account.number, key)), f"key {key}"


def _zipf(count: int) -> list[float]:
    return list(accumulate(1 / rank for rank in range(1, count + 1)))
