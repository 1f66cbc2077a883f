"""The compiled functions of operations, and when they are used."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, NamedTuple

import structlog
from graphql import (
    DirectiveNode,
    DocumentNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    VariableNode,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues
from strawberry import Schema

from engine.compiler import Compiler, NotCompiled, Run

log = structlog.get_logger()

COMPILED = "compiled"
_MOST_VARIANTS = 16
_MOST_FIELDS = 2_000
_FIRST_PAUSE_SECONDS = 60.0
_LONGEST_PAUSE_SECONDS = 3600.0


@dataclass
class Executions:
    """Counts of executed operations: COMPILED, or the reason why graphql-core executed them."""

    counts: Counter[str] = field(default_factory=Counter)
    compiled: bool = True
    """If false, graphql-core executes all operations."""


executions = Executions()


class Pause(NamedTuple):
    seconds: float
    until: float
    """Time of `time.monotonic` until which the function is not used."""


@dataclass(slots=True)
class Plans:
    """Compiled functions of one operation: one for each choice of its @skip and @include variables."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDetails]
    conditions: tuple[str, ...]
    fields_left: int
    """Number of fields that may still be compiled, so that the compiled code is in proportion to the
    document's length."""
    _kept: dict[tuple[object, ...], Run | str] = field(default_factory=dict)
    _paused: dict[tuple[object, ...], "Pause"] = field(default_factory=dict)

    @classmethod
    def of(cls, document: DocumentNode, operation: OperationDefinitionNode) -> "Plans":
        fragments = {
            node.name.value: FragmentDetails(node, None)
            for node in document.definitions
            if isinstance(node, FragmentDefinitionNode)
        }
        conditions = tuple(sorted(set(_condition_variables(document))))
        return cls(operation, fragments, conditions, document.loc.end if document.loc else 0)

    def get(self, schema: Schema, variables: VariableValues) -> Run | str:
        """Returns the function, or the reason why there is none."""
        choice = tuple([variables.coerced.get(name) for name in self.conditions])
        if None in choice:
            return "a condition that is null"
        plan = self._kept.get(choice)
        if plan is None:
            pause = self._paused.get(choice)
            if pause is not None and monotonic() < pause.until:
                return "a failure of the compiled code"
            if len(self._kept) >= _MOST_VARIANTS:
                return "too many choices of @skip and @include"
            plan = self._kept[choice] = self._compiled(schema, variables)
        return plan

    def pause(self, variables: VariableValues) -> float | None:
        """Stops using a function that has failed. Returns for how many seconds, twice as many after each
        failure, or None where it was paused already."""
        choice = tuple([variables.coerced.get(name) for name in self.conditions])
        now, before = monotonic(), self._paused.get(choice)
        if before is not None and now < before.until:
            return None
        self._kept.pop(choice, None)
        seconds = min(before.seconds * 2, _LONGEST_PAUSE_SECONDS) if before else _FIRST_PAUSE_SECONDS
        self._paused[choice] = Pause(seconds, now + seconds)
        return seconds

    def _compiled(self, schema: Schema, variables: VariableValues) -> Run | str:
        try:
            most = min(self.fields_left, _MOST_FIELDS)
            compiler = Compiler(schema, self.operation, self.fragments, variables, most)
            run = compiler.compile()
            self.fields_left -= compiler.fields
            return run
        except NotCompiled as unknown:
            return str(unknown)
        except Exception:
            # Right all the same, by graphql-core; but it should be known.
            log.exception("operation_not_compiled")
            return "a mistake of the compiler"


def _condition_variables(document: DocumentNode) -> Iterator[str]:
    pending: list[Any] = list(document.definitions)
    while pending:
        node = pending.pop()
        for directive in node.directives or ():
            yield from _variables_of(directive)
        selection_set = getattr(node, "selection_set", None)
        if selection_set is not None:
            pending += selection_set.selections


def _variables_of(directive: DirectiveNode) -> Iterator[str]:
    for argument in directive.arguments or ():
        if isinstance(argument.value, VariableNode):
            yield argument.value.name.value
