"""Personal fields in an export's line: values with their salts, or commitments where a value was erased or
withheld."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

from audit_proof import json_text
from audit_proof.chain import PERSONAL, PERSONAL_DETAILS, commitment, field, field_salt

COMMITMENT = "commitment"
"""The only name in the object that stands for a value that is missing."""
_SALT_BYTES, _COMMITMENT_BYTES = 16, 32


class NotPersonal(Exception):
    """The personal fields of a line are not as an export writes them."""


class Commitments(NamedTuple):
    fields: list[str | None]
    """Commitments in hex of the fields `PERSONAL`; None for those without a value."""
    details: str | None
    """Text that is hashed of the personal details."""
    withheld: int
    """Number of values that are replaced by their commitments."""


def commitments_of(event: Mapping[str, object]) -> Commitments:
    """Computes the commitments of an event, as parsed from its line. Raises NotPersonal."""
    salts = _Salts(event["salt"])
    fields = [None if event[name] is None else _commitment(salts, name, event[name]) for name in PERSONAL]
    details = None
    if event[PERSONAL_DETAILS] is not None:
        details = _details(salts, event[PERSONAL_DETAILS])
    salts.require_used()
    return Commitments(fields, details, salts.withheld)


def withheld_from(line: bytes, names: Collection[str]) -> bytes:
    """An event's line with commitments in place of the values of these fields; `details` stands for all
    personal details. The event's hash is the same. Raises NotPersonal."""
    head, separator, rest = line.partition(b',"details":')
    event = json_text.loads(head + b"}")
    if not isinstance(event, dict):
        raise NotPersonal
    values = {name: event[name] for name in PERSONAL if event[name] is not None}
    details: dict[str, object] = dict(event[PERSONAL_DETAILS] or {})
    salts, kept = _Salts(event["salt"]), {}
    for name, value in [*values.items(), *((f"details.{key}", value) for key, value in details.items())]:
        if _is_missing(value):
            continue
        salt = salts.of(name)
        field, is_detail, key = name.partition(".")
        if field not in names:
            kept[name] = salt.hex()
        elif is_detail:
            event[PERSONAL_DETAILS][key] = {COMMITMENT: commitment(salt, json_text.dumps(value).decode())}
        else:
            event[name] = {COMMITMENT: commitment(salt, str(value))}
    if any(map(_is_missing, [*(event[name] for name in values), *(event[PERSONAL_DETAILS] or {}).values()])):
        event["salt"] = kept
    return json_text.dumps(event)[:-1] + separator + rest


def _is_missing(value: object) -> bool:
    return isinstance(value, dict) and [*value] == [COMMITMENT]


class _Salts:
    """Salts of an event's personal fields: derived from the event's salt, or listed where a value is
    missing."""

    def __init__(self, salt: object) -> None:
        self._salt = None if isinstance(salt, dict) else _from_hex(salt, _SALT_BYTES)
        self._listed = salt if isinstance(salt, dict) else {}
        self._used: list[str] = []
        self.withheld = 0

    def of(self, name: str) -> bytes:
        if self._salt is not None:
            return field_salt(self._salt, name)
        self._used.append(name)
        return _from_hex(self._listed.get(name), _COMMITMENT_BYTES)

    def require_used(self) -> None:
        """Requires that salts are listed for the fields that have values, in their order, and for no others,
        and only where a value is missing."""
        if [*self._listed] != self._used or (self._salt is None) != (self.withheld > 0):
            raise NotPersonal


def _commitment(salts: _Salts, name: str, value: object) -> str:
    if isinstance(value, str):
        return commitment(salts.of(name), value)
    return _missing(salts, value)


def _missing(salts: _Salts, value: object) -> str:
    if not isinstance(value, dict) or [*value] != [COMMITMENT]:
        raise NotPersonal
    salts.withheld += 1
    return _from_hex(value[COMMITMENT], _COMMITMENT_BYTES).hex()


def _details(salts: _Salts, details: object) -> str:
    if not isinstance(details, dict) or not details or [*details] != sorted(details, key=str.encode):
        raise NotPersonal
    found = b""
    for key, value in details.items():
        if _is_missing(value):
            text = _missing(salts, value)
        else:
            text = commitment(salts.of(f"details.{key}"), json_text.dumps(value).decode())
        found += field(key) + field(text)
    return found.decode()


def _from_hex(value: object, size: int) -> bytes:
    """Accepts lower-case hex only. Raises NotPersonal."""
    try:
        found = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        raise NotPersonal from None
    if len(found) != size or found.hex() != value:
        raise NotPersonal
    return found
