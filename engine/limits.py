"""Size limits of documents, measured in one linear pass over the syntax tree before validation.

Each fragment is measured once, however often it is spread, so that the time is linear in the length of the
document. A spread fragment counts as often as it is spread. A fragment that spreads itself counts nothing
there: validation refuses it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_list_type,
    is_object_type,
)
from graphql.utilities import value_from_ast_untyped

from engine.cost import UNSEEN_ROWS, GivenOf, LengthOf, Price, Size, SizeOf
from engine.document_inputs import DocumentInputs
from engine.list_sizes import ListSize, is_connection, list_size_of


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one document or operation, and the length that a list without a size is assumed to
    have."""

    tokens: int = 2_000
    # Of the text: an error's place is found by counting them.
    lines: int = 2_000
    # Nested fields, the leaf included. GraphiQL's introspection is 15 deep.
    depth: int = 15
    # Aliases of an operation, and its root fields: so many of each.
    aliases: int = 30
    # Directives in the document.
    directives: int = 50
    # Times that one response name stands in the document: validation may compare each with each, which takes
    # 45 ms of 70 fragments that spread each other.
    repeats: int = 70
    # Lists of an operation. To write the statement of one takes up to 20 ms, once for all that are alike.
    lists: int = 100
    # Cost of introspection where other fields are selected too: 500 take the event loop 30 ms at the most. A
    # thread executes it where nothing else is.
    mixed_introspection: int = 500
    # See `engine.cost`. Fits two nested pages of 50, and ends three nested ones.
    cost: int = 10_000
    # Rows of a connection that has neither `first` nor `last`.
    default_page_size: int = 50
    # Items of a list that does not declare its size. The product's schema has none: see `engine.list_sizes`.
    default_list_size: int = 10


_INTROSPECTION = ("__schema", "__type")


def too_complex(limit: str, what: str, actual: int, allowed: int) -> GraphQLError:
    """Returns the error of every limit: code QUERY_TOO_COMPLEX, with the limit's name, the actual value and
    the maximum."""
    actual = min(actual, 2**53)
    return GraphQLError(
        f"{what} is {actual:,}; at most {allowed:,} is allowed.",
        extensions={"code": "QUERY_TOO_COMPLEX", "limit": limit, "actual": actual, "allowed": allowed},
    )


def measure_text(text: str) -> tuple[int, int]:
    """Returns the number of tokens (comments are none) and the depth of brackets. Estimates where the text
    does not lex."""
    tokens = nesting = deepest = 0
    for token in _TOKEN.findall(text):
        tokens += token != ""
        nesting += (token in _OPENING) - (token in _CLOSING)
        deepest = max(deepest, nesting)
    return tokens, deepest


_OPENING, _CLOSING = frozenset("{[("), frozenset("}])")
# Unterminated strings match up to the end: a pattern that failed there would start over at each quote.
_TOKEN = re.compile(
    r'#[^\n\r]*+|("""(?:\\"""|(?!""").)*+(?:""")?|"(?:\\.|[^"\\\n\r])*+"?|\w++|\.\.\.|[^\s,\ufeff])',
    re.DOTALL,
)


@dataclass(slots=True)
class Weight:
    """The size of a selection with everything below it. `paged` is what each row of the enclosing connection
    adds, or each item of the enclosing mutation's input."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    lists: int = 0
    introspection: int = 0
    """Cost of `__schema` and `__type`."""
    resolves: bool = False
    """Whether fields are selected that the schema defines."""
    counts: bool = False
    """Whether `totalCount` is selected."""
    price: Price = field(default_factory=Price)
    paged: Price = field(default_factory=Price)

    def add(self, other: "Weight") -> None:
        """Adds a fragment's selection, as if it stood here."""
        self.depth = max(self.depth, other.depth)
        self.aliases += other.aliases
        self.fields += other.fields
        self.lists += other.lists
        self.introspection += other.introspection
        self.resolves |= other.resolves
        self.counts |= other.counts
        self.price.add(1, other.price)
        self.paged.add(1, other.paged)


class Scale:
    """Measures the operations of one document."""

    def __init__(self, schema: GraphQLSchema, limits: Limits, document: DocumentNode) -> None:
        self._schema = schema
        self._limits = limits
        self._directives = 0
        self._names: Counter[str] = Counter()
        self._fragments: dict[str, Weight] = {}
        # All in memory: twenty types of an introspection take about as long as one row of the database.
        self._introspected_types = max(1, len(schema.type_map) // 20)
        self._document = document
        self.inputs = DocumentInputs()

    def weigh(self) -> list[tuple[OperationDefinitionNode, Weight]]:
        for fragment in _innermost_first(self._document):
            self._directives += len(fragment.directives or ())
            condition = self._schema.get_type(fragment.type_condition.name.value)
            weight = self._selection(fragment.selection_set, condition)
            self._fragments[fragment.name.value] = weight
        definitions = self._document.definitions
        operations = [node for node in definitions if isinstance(node, OperationDefinitionNode)]
        weights = [(operation, self._operation(operation)) for operation in operations]
        self.inputs.add_defaults(self._document)
        return weights

    def errors(self, weights: list[Weight]) -> list[GraphQLError]:
        """Returns one error for each exceeded limit. The cost is checked later, with the variables."""
        limits = self._limits
        depth, aliases, fields, lists = (
            max((getattr(weight, name) for weight in weights), default=0)
            for name in ("depth", "aliases", "fields", "lists")
        )
        repeats = max(self._names.values(), default=0)
        mixed = max((weight.introspection for weight in weights if weight.resolves), default=0)
        found = [
            ("depth", "The depth of the operation", depth, limits.depth),
            ("aliases", "The number of aliases", aliases, limits.aliases),
            ("root_fields", "The number of root fields", fields, limits.aliases),
            ("lists", "The number of lists", lists, limits.lists),
            ("directives", "The number of directives", self._directives, limits.directives),
            (
                "repeats",
                "The number of times one name is selected",
                repeats,
                limits.repeats,
            ),
            (
                "introspection",
                "The cost of introspection together with other fields",
                mixed,
                limits.mixed_introspection,
            ),
        ]
        return [too_complex(*each) for each in found if each[2] > each[3]]

    def _operation(self, node: OperationDefinitionNode) -> Weight:
        self._directives += len(node.directives or ())
        self._directives += sum(len(each.directives or ()) for each in node.variable_definitions or ())
        return self._selection(node.selection_set, self._schema.get_root_type(node.operation))

    def _selection(self, selection_set: SelectionSetNode, parent: GraphQLNamedType | None) -> Weight:
        """`parent` is None where the document names an unknown type or field."""
        weight = Weight()
        for node in selection_set.selections:
            self._directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                name = node.alias.value if node.alias else node.name.value
                self._names[name] += 1
                self._field(node, parent, weight)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                inner = self._schema.get_type(condition.name.value) if condition else parent
                weight.add(self._selection(node.selection_set, inner))
            elif isinstance(node, FragmentSpreadNode) and node.name.value in self._fragments:
                weight.add(self._fragments[node.name.value])
        return weight

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None, weight: Weight) -> None:
        """Adds one field. A leaf costs nothing, an object 1, a list its length times the cost of one item."""
        weight.fields += 1
        weight.aliases += node.alias is not None
        weight.resolves |= not node.name.value.startswith("__")
        weight.counts |= node.name.value == "totalCount"
        definition = self._schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
        named = get_named_type(definition.type) if definition else None
        if node.arguments and definition is not None and parent is not self._schema.mutation_type:
            branches = self.inputs.add(definition, node)
            if is_object_type(named) and is_connection(named):
                weight.price.add(1, branches)
        if not node.selection_set:
            weight.depth = max(weight.depth, 1)
            return
        below = self._selection(node.selection_set, named)
        weight.depth = max(weight.depth, below.depth + 1)
        weight.aliases += below.aliases
        weight.lists += below.lists
        below.price.constant += 1
        if node.name.value in _INTROSPECTION:
            weight.introspection += below.price.constant
        if parent is not None and parent is self._schema.mutation_type:
            below.price.add(_input_size(node), below.paged)
        if is_connection(named):
            weight.lists += 1
            below.price.add(self._page_size(node), below.paged)
            below.price.add(1 if below.counts else _filters(node), Price(UNSEEN_ROWS))
            weight.price.add(1, below.price)
        elif definition is None or not is_list_type(get_nullable_type(definition.type)):
            weight.price.add(1, below.price)
        elif is_connection(parent):
            weight.paged.add(1, below.price)
        elif parent is not None and parent.name.startswith("__"):
            weight.price.add(self._introspected_types if node.name.value == "types" else 5, below.price)
        else:
            weight.lists += 1
            self._list(node, definition, below, weight)

    def _page_size(self, node: FieldNode) -> Size:
        values = [each.value for each in node.arguments or () if each.name.value in ("first", "last")]
        return SizeOf.arguments(values, self._limits.default_page_size)

    def _list(self, node: FieldNode, definition: GraphQLField, below: Weight, weight: Weight) -> None:
        """Adds a list that is not a connection."""
        size = list_size_of(definition) or ListSize(self._limits.default_list_size, None)
        if size.of_input:
            weight.paged.add(1, below.price)
            return
        values = [each.value for each in node.arguments or () if each.name.value == size.argument]
        argument = definition.args.get(size.argument) if size.argument else None
        is_list = argument is not None and is_list_type(get_nullable_type(argument.type))
        sizes = LengthOf if is_list else SizeOf
        weight.price.add(sizes.arguments(values, size.priced_as), below.price)


def _input_size(node: FieldNode) -> Size:
    """Length of the longest list in a mutation's input, at least 1."""
    values: list[ValueNode] = []
    for argument in node.arguments or ():
        value = argument.value
        values += [each.value for each in value.fields] if isinstance(value, ObjectValueNode) else [value]
    return LengthOf.arguments(values, 1)


def _filters(node: FieldNode) -> Size:
    """Returns 1 if the list is filtered, otherwise 0."""
    for argument in node.arguments or ():
        if argument.name.value == "filter":
            value = argument.value
            if isinstance(value, VariableNode):
                return GivenOf(value.name.value)
            return int(isinstance(value, ObjectValueNode) and bool(value.fields))
    return 0


def default_values(operation: OperationDefinitionNode) -> Mapping[str, object]:
    """Default values of the variables that size something."""
    return {
        each.variable.name.value: value_from_ast_untyped(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }


def _innermost_first(document: DocumentNode) -> Iterator[FragmentDefinitionNode]:
    """Fragments in an order in which each comes after those that it spreads. Not recursive: a chain may be
    long."""
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    started: set[str] = set()
    for name in fragments:
        if name in started:
            continue
        started.add(name)
        path = [(fragments[name], _spreads(fragments[name]))]
        while path:
            fragment, spreads = path[-1]
            spread = next((each for each in spreads if each in fragments and each not in started), None)
            if spread is None:
                path.pop()
                yield fragment
            else:
                started.add(spread)
                path.append((fragments[spread], _spreads(fragments[spread])))


def _spreads(fragment: FragmentDefinitionNode) -> Iterator[str]:
    pending = [fragment.selection_set]
    while pending:
        for node in pending.pop().selections:
            if isinstance(node, FragmentSpreadNode):
                yield node.name.value
            elif isinstance(node, FieldNode | InlineFragmentNode) and node.selection_set:
                pending.append(node.selection_set)
