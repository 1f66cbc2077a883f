"""Ids by which an audit event is found when a person that it names is erased.

An event names its actor and its target in columns of their own. Here are the other persons that its target's
name and its personal details name: members by their id, and email addresses by an id that is derived from
the address.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import TypeAlias
from uuid import UUID

from models.new_event import NewEvent, PersonName
from resolvers.text import canonical_email

Place: TypeAlias = tuple[UUID, str]
"""An id and the field that it is in: `targetName`, `details.email`, or `details.holder.0` for an item of a
list."""
_NAMES = frozenset({"holder", "licensesTo", "member", "owner"})
"""Keys of personal details whose values are names of members."""
_ADDRESS = re.compile(r"""[^\s@"'<>(),;:\\]+@[^\s@"'<>(),;:\\]+""")


def named_persons(event: NewEvent, personal: Mapping[str, object] | None) -> list[Place]:
    """Each id and field once. Raises `TypeError` where a name of a member is a plain text."""
    places: dict[Place, None] = {}
    target_name = event["target_name"]
    if target_name is not None and "@" in target_name:
        places |= dict.fromkeys((id, "targetName") for id in addresses_in(target_name))
    for key, value in (personal or {}).items():
        items = value if isinstance(value, list) else None
        if items is None or not all(isinstance(item, str | None) for item in items):
            places |= dict.fromkeys((id, f"details.{key}") for id in _named(key, value))
        else:
            for index, item in enumerate(items):
                places |= dict.fromkeys((id, f"details.{key}.{index}") for id in _named(key, item))
    return list(places)


def address_id(email: str) -> UUID:
    """Id of an address, the same for all its spellings."""
    spelling = email.rstrip(".").lower()
    if not spelling.isascii() or "xn--" in spelling:
        spelling = canonical_email(email) or spelling
    return UUID(bytes=sha256(f"email address {spelling}".encode()).digest()[:16])


def _named(key: str, value: object) -> Iterator[UUID]:
    if isinstance(value, PersonName):
        yield value.member_id
    elif isinstance(value, str):
        if key in _NAMES:
            raise TypeError(f"details.{key} is the name of a member: pass PersonName(member)")
        yield from addresses_in(value)
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _named("", item)
    elif isinstance(value, list):
        for item in value:
            yield from _named("", item)


def addresses_in(text: str) -> Iterator[UUID]:
    """Id of each email address in the text."""
    if "@" in text:
        yield from map(address_id, _ADDRESS.findall(text))
