"""Times as text by RFC 3339, within the range that is stored."""

import re
from datetime import UTC, datetime, timedelta

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(9000, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
"""asyncpg writes the last microsecond of 9999 as `infinity`, which no client can read back."""
RANGE = "from 1970-01-01 to the end of the year 9000"

_MINUTE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]"
_SECOND = r":[0-5][0-9](\.[0-9]{1,9})?"
_OFFSET = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_PRECISE = re.compile(_MINUTE + _SECOND + _OFFSET)
_TO_THE_MINUTE = re.compile(f"{_MINUTE}({_SECOND})?{_OFFSET}")


def parse_moment(text: str, *, seconds_optional: bool = False) -> datetime:
    """Parses a time with an offset. Returns it in UTC, cut to microseconds. Raises ValueError where the text
    is not such a time, or the time is out of range."""
    pattern = _TO_THE_MINUTE if seconds_optional else _PRECISE
    if not pattern.fullmatch(text):
        raise ValueError("not a time with its offset, such as 2026-01-31T12:00:00Z")
    at = datetime.fromisoformat(text)  # Raises ValueError for the 30th of February.
    local_earliest, local_latest = EARLIEST - timedelta(days=1), LATEST + timedelta(days=1)
    if not local_earliest <= at.replace(tzinfo=UTC) <= local_latest:  # So that no conversion overflows.
        raise ValueError(f"not {RANGE}")
    return in_range(at.astimezone(UTC))


def in_range(at: datetime) -> datetime:
    """Returns `at`. Raises ValueError where it is out of range."""
    if not EARLIEST <= at <= LATEST:
        raise ValueError(f"not {RANGE}")
    return at
