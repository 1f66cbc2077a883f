"""Parses, limits, validates and prices documents, and keeps them by their text.

Every error has `extensions.code`: GRAPHQL_PARSE_FAILED, QUERY_TOO_COMPLEX (see `engine.limits`),
GRAPHQL_VALIDATION_FAILED, OPERATION_RESOLUTION_FAILED or BAD_USER_INPUT.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice

from cachetools import Cache, LRUCache
from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    OperationDefinitionNode,
    OperationType,
    Token,
    TokenKind,
    parse,
    recommended_rules,
    specified_rules,
    validate,
)
from graphql.language.parser import MAX_NESTING_DEPTH
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from engine.compiled_operations import Plans
from engine.cost import Price
from engine.document_inputs import DocumentInputs
from engine.fair_queue import Requester
from engine.fair_thread import FairThread
from engine.limits import Limits, Scale, default_values, measure_text, too_complex
from engine.source import IndexedSource
from telemetry.operations import OperationSeries

_thread = FairThread("documents")
_RULES = (*specified_rules, *recommended_rules, MaybeNullValidationRule, OneOfInputValidationRule)
# Enough errors to correct a document. Finding more would take long for hostile documents.
_MAX_ERRORS = 10


class OperationRefused(Exception):
    """Nothing was executed; `errors` say why, each with its code."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        super().__init__(errors[0].message)
        self.errors = errors


@dataclass(slots=True)
class Operation:
    node: OperationDefinitionNode
    price: Price
    default_values: Mapping[str, object]
    plans: Plans
    is_introspection: bool
    """Whether it selects nothing but introspection."""
    series: OperationSeries | None = None
    """Metrics of the operation, once it has some."""

    @property
    def type(self) -> OperationType:
        return self.node.operation

    @property
    def name(self) -> str | None:
        return self.node.name.value if self.node.name else None

    def cost(self, variables: Mapping[str, object] | None) -> int:
        if not self.price.parts:
            return self.price.constant
        return self.price.evaluate({**self.default_values, **(variables or {})})


@dataclass(slots=True)
class Document:
    """A document that was read once. `operations` are by name; the anonymous one is under None."""

    text: str
    ast: DocumentNode
    operations: dict[str | None, Operation]
    sha256: str
    """SHA-256 of the text, in hexadecimal digits."""
    inputs: DocumentInputs

    def operation(self, name: str | None) -> Operation:
        """Returns the operation of that name. Without a name, or with an empty one, the only operation."""
        if name:
            found = self.operations.get(name)
            if found is None:
                raise OperationRefused([_unresolved("There is no operation of that name in the document.")])
            return found
        if len(self.operations) > 1:
            raise OperationRefused(
                [_unresolved("The document has several operations: operationName must say which.")]
            )
        return next(iter(self.operations.values()))


@dataclass(slots=True)
class PreparedOperation:
    """The operation of one request, ready for execution. `variables` are as the client sent them."""

    document: Document
    operation: Operation
    variables: dict[str, object] | None
    cost: int
    spare_cost: int
    """Rest of the maximum cost."""


@dataclass(slots=True)
class Documents:
    """The documents of one schema: a cache of the most recently used, bounded in number and in characters.

    A document takes 140 to 440 bytes for each character of its text (measured), so the cache takes at most 45
    MB.
    """

    schema: GraphQLSchema
    limits: Limits = field(default_factory=Limits)
    max_entries: int = 1_000
    max_characters: int = 100_000
    _cache: LRUCache[str, Document] = field(init=False)

    def __post_init__(self) -> None:
        least = self.max_characters // self.max_entries
        self._cache = LRUCache(self.max_characters, getsizeof=lambda each: max(len(each.text), least))

    def prepare(
        self, text: str, operation_name: str | None, variables: dict[str, object] | None
    ) -> PreparedOperation:
        """Raises OperationRefused."""
        return self.prepared(self.get(text), operation_name, variables)

    def get(self, text: str) -> Document:
        """Returns the document of the text. Raises OperationRefused; a refused document is not kept."""
        return self.find(text) or self._keep(self._read(text))

    async def read(self, text: str, client: Requester) -> Document:
        """Like `get`, for a text that is not known. Runs in a thread, since it may take 100 ms; client
        addresses are served in turn, and within an address its credentials."""
        document = await _thread.run(lambda: self._peek(text) or self._read(text), client)
        return self._keep(document)

    def prepared(
        self, document: Document, operation_name: str | None, variables: dict[str, object] | None
    ) -> PreparedOperation:
        """Raises OperationRefused."""
        operation = document.operation(operation_name)
        if variables and document.inputs.variables:
            errors = list(islice(document.inputs.errors_of(variables), _MAX_ERRORS))
            if errors:
                raise OperationRefused(errors)
        cost = operation.cost(variables)
        if cost > self.limits.cost:
            raise OperationRefused([too_complex("cost", "The cost of the operation", cost, self.limits.cost)])
        return PreparedOperation(document, operation, variables, cost, self.limits.cost - cost)

    def find(self, text: str) -> Document | None:
        try:
            return self._cache[text]
        except KeyError:
            return None

    def _peek(self, text: str) -> Document | None:
        """For the thread: without a note of the use, since the order is the event loop's to change."""
        try:
            return Cache.__getitem__(self._cache, text)
        except KeyError:
            return None

    def _keep(self, document: Document) -> Document:
        # A single huge document must not evict all others. Two threads may have read the same text.
        if len(document.text) <= self.max_characters // 10 and document.text not in self._cache:
            self._cache[document.text] = document
        return document

    def _read(self, text: str) -> Document:
        ast = self._parse(text)
        scale = Scale(self.schema, self.limits, ast)
        weights = scale.weigh()
        if errors := scale.errors([weight for _, weight in weights]):
            raise OperationRefused(errors)
        if scale.inputs.errors:
            raise OperationRefused(scale.inputs.errors[:_MAX_ERRORS])
        if errors := validate(self.schema, ast, _RULES, max_errors=_MAX_ERRORS):
            raise OperationRefused([_coded(error, "GRAPHQL_VALIDATION_FAILED") for error in errors])
        _refuse_nul(ast, text)
        operations = {
            operation.name: operation
            for operation in (
                Operation(
                    node,
                    weight.price,
                    default_values(node),
                    Plans.of(ast, node),
                    weight.introspection > 0 and not weight.resolves,
                )
                for node, weight in weights
            )
        }
        return Document(text, ast, operations, text_sha256(text), scale.inputs)

    def _parse(self, text: str) -> DocumentNode:
        allowed = self.limits.tokens
        lines = 1 + text.count("\n") + text.count("\r") - text.count("\r\n")
        if lines > self.limits.lines:
            raise OperationRefused([too_complex("lines", "The number of lines", lines, self.limits.lines)])
        try:
            source = IndexedSource(text)
            return parse(source, max_lexical_tokens=allowed, max_comments=allowed)
        except GraphQLSyntaxError as error:
            tokens, nesting = measure_text(text)
            if tokens > allowed:
                raise OperationRefused(
                    [too_complex("tokens", "The number of tokens", tokens, allowed)]
                ) from None
            if nesting > MAX_NESTING_DEPTH:
                raise OperationRefused(
                    [too_complex("depth", "The nesting", nesting, self.limits.depth)]
                ) from None
            raise OperationRefused([_coded(error, "GRAPHQL_PARSE_FAILED")]) from None


def text_sha256(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def holds_nul(value: object) -> bool:
    """Whether a string in a JSON value has a NUL character, which PostgreSQL cannot store."""
    pending = [value]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            if "\0" in each:
                return True
        elif isinstance(each, dict):
            pending.extend(each)
            pending.extend(each.values())
        elif isinstance(each, list):
            pending.extend(each)
    return False


def nul_error() -> GraphQLError:
    return GraphQLError("Strings must not contain the NUL character.", extensions={"code": "BAD_USER_INPUT"})


def _refuse_nul(ast: DocumentNode, text: str) -> None:
    if "\0" not in text and "\\u" not in text:
        return
    token: Token | None = ast.loc.start_token if ast.loc else None
    while token is not None:
        if token.kind in (TokenKind.STRING, TokenKind.BLOCK_STRING) and "\0" in (token.value or ""):
            raise OperationRefused([nul_error()])
        token = token.next


def _unresolved(message: str) -> GraphQLError:
    return GraphQLError(message, extensions={"code": "OPERATION_RESOLUTION_FAILED"})


def _coded(error: GraphQLError, code: str) -> GraphQLError:
    error.extensions = {**(error.extensions or {}), "code": code}
    return error
