"""The cost of an operation: roughly the number of rows that it may read.

An object costs 1 and its leaves nothing. A list costs its length times the cost of one item, and this
multiplies downwards: a page of 100 with two objects a row costs about 300, 50 rows with a page of 50 each
about 5,000, three nested pages of 100 a million. A filter and a `totalCount` cost 20 more: both may read rows
that are not in the answer. The price is a sum that is computed once for a document; each request fills in the
variables that size something.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from graphql import IntValueNode, ListValueNode, NullValueNode, ValueNode, VariableNode

UNSEEN_ROWS = 20
"""Cost of a connection that has a filter or a `totalCount`. An estimate: 20 such lists, each of 30,000 rows
without an index for the filter, take PostgreSQL about 0.8 s; most take less than a millisecond."""


@dataclass(slots=True)
class Price:
    """A constant, plus each part times its size. The sizes are given by variables."""

    constant: int = 0
    parts: list[tuple["Size", "Price"]] = field(default_factory=list)

    def add(self, size: "Size", part: "Price") -> None:
        if isinstance(size, int) and not part.parts:
            self.constant += size * part.constant
        elif part.parts or part.constant:
            self.parts.append((size, part))

    def evaluate(self, variables: Mapping[str, object]) -> int:
        return _evaluate(self, variables, {}) if self.parts else self.constant


def _evaluate(price: Price, variables: Mapping[str, object], known: dict[int, int]) -> int:
    """`known` has the values of parts that were evaluated before: fragments share them, and would take
    exponential time otherwise."""
    total = price.constant
    for size, part in price.parts:
        amount = known.get(id(part))
        if amount is None:
            amount = known[id(part)] = _evaluate(part, variables, known)
        total += (size if isinstance(size, int) else size.evaluate(variables)) * amount
    return total


@dataclass(slots=True, frozen=True)
class SizeOf:
    """The largest of some integer arguments, at least one of which is a variable."""

    literal: int
    names: tuple[str, ...]
    default: int

    @staticmethod
    def arguments(values: Sequence[ValueNode], default: int) -> "Size":
        names = tuple(each.name.value for each in values if isinstance(each, VariableNode))
        literals = [_small(each.value) for each in values if isinstance(each, IntValueNode)]
        literal = max(literals, default=-1)
        if names:
            return SizeOf(literal, names, default)
        return literal if literals else default

    def evaluate(self, variables: Mapping[str, object]) -> int:
        size = self.literal
        for name in self.names:
            value = variables.get(name)
            # 50.0 is an integer to GraphQL; whatever is none at all is refused when it is coerced.
            if isinstance(value, int | float) and value == value:
                size = max(size, int(min(max(value, 0), 2**31)))
        return size if size >= 0 else self.default


@dataclass(slots=True, frozen=True)
class LengthOf:
    """The length of the longest of some list arguments, at least one of which is a variable. Of an object,
    that of its longest list."""

    literal: int
    names: tuple[str, ...]

    @staticmethod
    def arguments(values: Sequence[ValueNode], default: int) -> "Size":
        names = tuple(each.name.value for each in values if isinstance(each, VariableNode))
        literals = [
            len(each.values) if isinstance(each, ListValueNode) else 1
            for each in values
            if not isinstance(each, VariableNode | NullValueNode)
        ]
        if names:
            return LengthOf(max(literals, default=0), names)
        return max(literals, default=default)

    def evaluate(self, variables: Mapping[str, object]) -> int:
        return max(self.literal, *(_length(variables.get(name)) for name in self.names))


@dataclass(slots=True, frozen=True)
class BranchesOf:
    """The number of alternatives in a filter that is given by a variable: the items of its lists, but for the
    first of each."""

    name: str

    def evaluate(self, variables: Mapping[str, object]) -> int:
        return branches_in(variables.get(self.name))


@dataclass(slots=True, frozen=True)
class GivenOf:
    """1 if the variable has a value that is not empty, otherwise 0."""

    name: str

    def evaluate(self, variables: Mapping[str, object]) -> int:
        return int(bool(variables.get(self.name)))


Size = int | SizeOf | LengthOf | BranchesOf | GivenOf


def _length(value: object) -> int:
    if isinstance(value, dict):
        return max((len(each) for each in value.values() if isinstance(each, list)), default=1)
    return len(value) if isinstance(value, list) else 1


def branches_in(value: object) -> int:
    """Number of alternatives in an argument's lists. PostgreSQL walks an index for each."""
    if isinstance(value, list):
        return max(0, len(value) - 1)
    if isinstance(value, dict):
        return sum(map(branches_in, value.values()))
    return 0


def _small(digits: str) -> int:
    """Validation refuses literals beyond 32 bits, and `int()` refuses thousands of digits."""
    return max(0, int(digits)) if len(digits) <= 10 else 2**31
