"""Cache of the templates of statements. A missing one is written in a thread: that can take longer than
the event loop may be blocked."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any
from uuid import UUID

from engine.fair_share import Claim
from engine.fair_thread import FairThread
from engine.sql import Template

_MOST_CHARACTERS = 10_000_000


class Templates:
    """The templates that were used last, bounded by their characters together."""

    def __init__(self, most_characters: int = _MOST_CHARACTERS) -> None:
        self._most_characters = most_characters
        self._characters = 0
        self._kept: OrderedDict[Any, Template] = OrderedDict()
        self._thread = FairThread("statements")
        self.written = 0

    async def get(self, key: Any, write: Callable[[], Template], account_id: UUID | None) -> Template:
        """Raises TimeoutError where there are too many others to write."""
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
