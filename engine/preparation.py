"""What compiled code works out once a request, before rows are read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.compiler import Unknown
from engine.runtime import Request

_MOST_LISTS = 10
"""To write the SQL of each takes some milliseconds, once."""

Prepare = Callable[[Request, UUID | None, list[Any]], Any]


@dataclass
class Preparation:
    """What is worked out once a request for all rows of a list: who may, and which lists belong to each."""

    steps: list[Prepare] = field(default_factory=list)
    lists: int = 0

    def count_list(self) -> None:
        self.lists += 1
        if self.lists > _MOST_LISTS:
            raise Unknown("too many lists in one statement")

    def add(self, step: Prepare) -> int:
        self.steps.append(step)
        return len(self.steps) - 1

    def run(self, request: Request, account_id: UUID | None) -> Request:
        prepared: list[Any] = []
        for step in self.steps:
            prepared.append(step(request, account_id, prepared))
        return request.with_plan(prepared)
