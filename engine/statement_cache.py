"""Cache of statement templates. A missing one is written in a thread, since that can block the event loop for
too long."""

from collections.abc import Callable
from uuid import UUID

from cachetools import Cache, LRUCache

from engine.fair_queue import Requester
from engine.fair_thread import FairThread
from engine.sql import Template

_MOST_CHARACTERS = 10_000_000


class Templates:
    """The most recently used templates, bounded by their total length."""

    def __init__(self, most_characters: int = _MOST_CHARACTERS) -> None:
        self._cache: LRUCache[object, Template] = LRUCache(most_characters, lambda each: each.characters)
        self._thread = FairThread("statements")
        self.written = 0

    async def get(self, key: object, write: Callable[[], Template], account_id: UUID | None) -> Template:
        """Returns the template, written by `write` where it is missing. Raises TimeoutError where too many
        others wait for the thread."""
        try:
            return self._cache[key]
        except KeyError:
            pass
        # Meanwhile another request may have had the same one written.
        template = await self._thread.run(lambda: self._peek(key) or write(), Requester(account_id))
        if key not in self._cache:
            self.written += 1
            if template.characters <= self._cache.maxsize:
                self._cache[key] = template
        return template

    def _peek(self, key: object) -> Template | None:
        """For the thread: without a note of the use, since the order is the event loop's to change."""
        try:
            return Cache.__getitem__(self._cache, key)
        except KeyError:
            return None


templates = Templates()
