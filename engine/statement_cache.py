"""Cache of statement templates. A missing one is written in a thread, since that can block the event loop for
too long."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from engine.fair_share import Claim
from engine.fair_thread import FairThread
from engine.sql import Template

_MOST_CHARACTERS = 10_000_000


class Templates:
    """The most recently used templates, bounded by their total length."""

    def __init__(self, most_characters: int = _MOST_CHARACTERS) -> None:
        self._most_characters = most_characters
        self._characters = 0
        self._kept: OrderedDict[Any, Template] = OrderedDict()
        self._thread = FairThread("statements")
        self.written = 0

    async def get(self, key: Any, write: Callable[[], Template], account_id: UUID | None) -> Template:
        """Returns the template, written by `write` where it is missing. Raises TimeoutError where too many
        others wait for the thread."""
        template = self._kept.get(key)
        if template is not None:
            self._kept.move_to_end(key)
            return template
        # Meanwhile another request may have had the same one written.
        template = await self._thread.run(lambda: self._kept.get(key) or write(), Claim(account_id))
        if key not in self._kept:
            self._add(key, template)
        return template

    def _add(self, key: Any, template: Template) -> None:
        self.written += 1
        self._kept[key] = template
        self._characters += template.characters
        while self._characters > self._most_characters:
            _, oldest = self._kept.popitem(last=False)
            self._characters -= oldest.characters


templates = Templates()
