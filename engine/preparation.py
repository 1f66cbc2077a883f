"""Values that compiled code computes once a request, before it reads rows."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.compiler import NotCompiled
from engine.runtime import Request

_MOST_LISTS = 10
"""Maximum number of nested lists, because writing the SQL of one takes some milliseconds, once."""

Prepare = Callable[[Request, UUID | None, list[Any]], object]


@dataclass
class Preparation:
    """Steps that are the same for all rows of a list: permissions, and the nested lists of each row."""

    steps: list[Prepare] = field(default_factory=list)
    lists: int = 0

    def count_list(self) -> None:
        self.lists += 1
        if self.lists > _MOST_LISTS:
            raise NotCompiled("too many lists in one statement")

    def add(self, step: Prepare) -> int:
        self.steps.append(step)
        return len(self.steps) - 1

    def run(self, request: Request, account_id: UUID | None) -> Request:
        prepared: list[object] = []
        for step in self.steps:
            prepared.append(step(request, account_id, prepared))
        return request.with_plan(prepared)
