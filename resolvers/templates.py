"""Cache of the templates of statements. A missing one is written in a thread: that can take longer than
the event loop may be blocked."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

from models.fair_share import Claim, FairShare
from resolvers.sql import Template

_MOST_CHARACTERS = 10_000_000


class Templates:
    """The templates that were used last, bounded by their characters together. One is written at a time; the
    accounts whose rows are read take turns."""

    def __init__(self, most_characters: int = _MOST_CHARACTERS) -> None:
        self._most_characters = most_characters
        self._characters = 0
        self._kept: OrderedDict[Any, Template] = OrderedDict()
        self._turns = FairShare(1)
        self._thread = ThreadPoolExecutor(1, "statements")
        self.written = 0

    async def get(self, key: Any, write: Callable[[], Template], account_id: UUID | None) -> Template:
        """Raises TimeoutError where there are too many others to write."""
        template = self._found(key)
        if template is not None:
            return template
        claim = Claim(account_id)
        await self._turns.take(claim)
        try:
            # Another request may have waited for the same one.
            return self._found(key) or self._add(key, await self._written(write))
        finally:
            self._turns.give_back(claim)

    async def _written(self, write: Callable[[], Template]) -> Template:
        self.written += 1
        return await asyncio.get_running_loop().run_in_executor(self._thread, write)

    def _found(self, key: Any) -> Template | None:
        template = self._kept.get(key)
        if template is not None:
            self._kept.move_to_end(key)
        return template

    def _add(self, key: Any, template: Template) -> Template:
        self._kept[key] = template
        self._characters += template.characters
        while self._characters > self._most_characters:
            _, oldest = self._kept.popitem(last=False)
            self._characters -= oldest.characters
        return template

    def forget_thread(self) -> None:
        """In a process that was forked, where the thread is not."""
        self._thread = ThreadPoolExecutor(1, "statements")


templates = Templates()
os.register_at_fork(after_in_child=templates.forget_thread)
