"""Series of GraphQL operations. Clients choose the names of operations, so only some names have a series:
those of persisted documents, and the first others that clients with a credential have used."""

from collections.abc import Iterable
from dataclasses import dataclass

from telemetry.families import OPERATION_COST, OPERATION_SECONDS
from telemetry.series import OTHER, Counter, Histogram

MOST_NAMES = 100
"""Names besides those of persisted documents."""
_LONGEST_NAME = 100
_UNNAMED, _REFUSED = "(unnamed)", "(refused)"


@dataclass(frozen=True, slots=True)
class OperationSeries:
    seconds: Histogram
    cost: Counter

    @classmethod
    def of(cls, name: str, kind: str) -> "OperationSeries":
        return cls(OPERATION_SECONDS.labels(name, kind), OPERATION_COST.labels(name, kind))


REFUSED = OperationSeries.of(_REFUSED, "")
"""Series of documents that could not be parsed, or were not valid."""


class OperationNames:
    def __init__(self, persisted: Iterable[str] = ()) -> None:
        self._names = {_UNNAMED, *persisted}
        self._most = len(self._names) + MOST_NAMES

    def series(self, name: str | None, kind: str, *, may_add: bool) -> OperationSeries | None:
        """`kind` is that of GraphQL, in lower case. None where the name has no series, and `may_add` does not
        allow to make them."""
        name = name or _UNNAMED
        if name in self._names:
            return OperationSeries.of(name, kind)
        if len(self._names) >= self._most or len(name) > _LONGEST_NAME:
            return OperationSeries.of(OTHER, kind)
        if not may_add:
            return None
        self._names.add(name)
        return OperationSeries.of(name, kind)

    @staticmethod
    def other(kind: str) -> OperationSeries:
        return OperationSeries.of(OTHER, kind)
