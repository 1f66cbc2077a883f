"""Limit of what the subscriptions of clients keep in memory: documents and variables."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from engine.limits import too_complex
from engine.operation_cache import OperationRefused, PreparedOperation
from permissions.client_sites import Site

_VALUE_BYTES = 8
_PARTS = 8
"""Number of addresses that may reach their limit."""
_RESERVED_PART = 256
"""Each address may use this part of its limit, 2 KiB, however much others use."""


class SubscriptionSizes:
    """Sizes of the open subscriptions of a server process. A document of 6 KB takes up to 400 KB of memory
    while it is used, so a document that several subscriptions of an address share counts once."""

    def __init__(self, allowed_per_address: int = 512 * 1024) -> None:
        self._allowed = allowed_per_address
        self._sizes: Counter[Site] = Counter()
        self._uses: Counter[tuple[Site, int]] = Counter()

    @contextmanager
    def counted(self, site: Site, prepared: PreparedOperation) -> Iterator[None]:
        """Counts a subscription during the block. Raises OperationRefused where the address, or all together,
        would exceed the limit; an address with few small subscriptions is never refused."""
        document = (site, id(prepared.document))
        text, variables = len(prepared.document.text), self._size_of(prepared.variables)
        size = self._sizes[site] + variables + (0 if self._uses[document] else text)
        _require(size, self._allowed, "subscription_bytes_per_address", "from your address")
        total = self._sizes.total() - self._sizes[site] + size
        if size > self._allowed // _RESERVED_PART:
            _require(total, self._allowed * _PARTS, "subscription_bytes", "of all clients")
        self._sizes[site] = size
        self._uses[document] += 1
        try:
            yield
        finally:
            self._uses[document] -= 1
            self._sizes[site] -= variables + (0 if self._uses[document] else text)
            if not self._uses[document]:
                del self._uses[document]
            if not self._sizes[site]:
                del self._sizes[site]

    def _size_of(self, variables: object) -> int:
        """Approximate, and not computed beyond the limit."""
        pending, size = [variables], 0
        while pending and size <= self._allowed:
            each = pending.pop()
            size += len(each) if isinstance(each, str) else _VALUE_BYTES
            if isinstance(each, dict):
                pending.extend(each)
                pending.extend(each.values())
            elif isinstance(each, list):
                pending.extend(each)
        return size


def _require(size: int, allowed: int, limit: str, whose: str) -> None:
    if size > allowed:
        raise OperationRefused([too_complex(limit, f"The size of the subscriptions {whose}", size, allowed)])
