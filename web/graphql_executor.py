"""Executor of GraphQL operations, shared by the HTTP and the WebSocket endpoint.

Each operation is prepared (parsed, validated, priced), given a context (which looks up the credential),
executed, and recorded in the audit log before it is answered. The executor knows nothing of the product: the
schema and the function that makes a context are passed in.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from time import perf_counter

from graphql import ExecutionResult, GraphQLError, OperationType
from strawberry import Schema

from engine.canonical_json import JSONObject
from engine.deadlines import Deadline
from engine.execution import execute, subscribe
from engine.fair_queue import SERVER, Requester
from engine.limits import Limits
from engine.operation_cache import (
    Document,
    Documents,
    Operation,
    OperationRefused,
    PreparedOperation,
    nul_error,
    text_sha256,
)
from engine.outages import RETRY_AFTER_SECONDS, NoResponse, is_outage_ongoing, log_failure, logged_as_outage
from permissions.security_log import security_event
from resolvers.audit.api_calls import Call
from telemetry import tracing
from telemetry.families import OPERATION_ERRORS
from telemetry.operations import REFUSED, OperationNames, OperationSeries
from web.access_log import log_operation
from web.error_masking import UNAVAILABLE, presented, status_of, timed_out, unavailable
from web.graphql_request import RequestedOperation, RequestRefused
from web.persisted_documents import PersistedDocuments
from web.request_scope import ClientOf, CountExecutions, IsSilent, MakeContext, RequestScope

Answer = JSONObject

_NOT_RECORDED = (
    "The audit log is unavailable, so the call could not be recorded and is not answered."
    " If this was a change, it may have been made: check, or repeat it with the same idempotencyKey."
)
_OTHER_HASH = GraphQLError(
    "`extensions.persistedQuery.sha256Hash` is not the SHA-256 of `query`.",
    extensions={"code": "BAD_USER_INPUT"},
)


def _same_client(_scope: RequestScope) -> Requester:
    """Default of `client_of`."""
    return SERVER


_DENIALS = frozenset(("FORBIDDEN", "REAUTHENTICATION_REQUIRED"))
_RECORDING_SECONDS = 10
_EVENTS_PER_REQUEST = 100
"""Events of a subscription that count as a request of its client, as a page of as many does."""


async def _no_count(_scope: RequestScope) -> None:
    """Default of `count_executions`."""


def _never_silent(_scope: RequestScope) -> bool:
    """Default of `is_silent`."""
    return False


class GraphQLExecutor:
    def __init__(
        self,
        schema: Schema,
        make_context: MakeContext,
        limits: Limits | None = None,
        timeout_seconds: float = 10,
        client_of: ClientOf = _same_client,
        persisted: PersistedDocuments | None = None,
        count_executions: CountExecutions = _no_count,
        access_log: bool = False,
        is_silent: IsSilent = _never_silent,
    ) -> None:
        """New documents are parsed one at a time; the clients are served in turn."""
        self._is_silent = is_silent
        self.schema = schema
        self.timeout_seconds = timeout_seconds
        self._access_log = access_log
        self._make_context, self._client_of = make_context, client_of
        self._limits = limits or Limits()
        self._documents = Documents(schema._schema, self._limits)
        self._count_executions = count_executions
        self.persisted = persisted or PersistedDocuments()
        self._names = OperationNames(self.persisted.operation_names)

    async def prepare(self, operation: RequestedOperation, scope: RequestScope) -> None:
        """Sets `operation.prepared`, or `operation.refusal` where it cannot be executed; `execute` raises
        the refusal once the client is identified."""
        try:
            if operation.holds_nul:
                raise OperationRefused([nul_error()])
            self.find_text(operation)
            document = self._documents.find(operation.query) or await self._read(operation.query, scope)
            if operation.sha256 is not None:
                self._keep_persisted(document, operation.sha256)
            operation.prepared = self._documents.prepared(document, operation.name, operation.variables)
        except OperationRefused as refusal:
            operation.refusal = refusal

    def find_text(self, operation: RequestedOperation) -> None:
        """Sets `operation.query` where only the id or the hash of a persisted document was sent. Raises
        OperationRefused where there is no such document."""
        if operation.document_id is not None:
            operation.query = self.persisted.with_id(operation.document_id)
        elif operation.sha256 is not None and not operation.query:
            operation.query = self.persisted.with_hash(operation.sha256)

    async def context(self, scope: RequestScope) -> object:
        """The context of one operation. Raises RequestRefused where the credential or the client's rate limit
        refuses the request, and where the database cannot be reached."""
        try:
            with Deadline(self.timeout_seconds):
                return await self._make_context(scope)
        except Exception as error:
            raise self._refusal_of(error, scope) from None

    async def execute(self, operation: RequestedOperation, scope: RequestScope) -> Answer:
        """The answer to a query or a mutation. Raises RequestRefused as `context` does, where an outage
        fails a field of a query or leaves nothing of a mutation to answer, and OperationRefused where the
        operation is not executed."""
        if tracing.tracer is None:
            return await self._execute(operation, scope)
        prepared = operation.prepared
        identity = (
            (prepared.operation.type.value, prepared.operation.name, prepared.document.sha256)
            if prepared
            else (None, None, None)
        )
        with tracing.operation_span(*identity) as span:
            answer = await self._execute(operation, scope)
            if codes := codes_of(answer):
                tracing.failed(span, codes[0])
        return answer

    async def _execute(self, operation: RequestedOperation, scope: RequestScope) -> Answer:
        context = None
        try:
            with Deadline(self.timeout_seconds):
                context = await self._make_context(scope)
                prepared = _admitted(operation, scope)
                result = await execute(self.schema, prepared, context)
        except Exception as error:
            if context is None:
                raise self._refusal_of(error, scope) from None
            if isinstance(error, TimeoutError):
                raise self._timeout_of(scope) from None
            raise
        answer = _answer(result, prepared, scope)
        if (
            result.errors
            and UNAVAILABLE in codes_of(answer)
            and (
                prepared.operation.type is OperationType.QUERY
                or all(value is None for value in (result.data or {}).values())
            )
        ):
            raise unavailable(scope.request_id)
        return answer

    async def subscribe(self, operation: RequestedOperation, scope: RequestScope) -> AsyncGenerator[Answer]:
        """One answer for each event of a subscription. Raises what `execute` raises, and TimeoutError.

        The request that begins it counts for the first events, and each further request for as many: as many
        as may be executed for the maximum cost of an operation, and at most 100."""
        context = await self.context(scope)
        prepared = _admitted(operation, scope)
        events_per_request = max(1, min(_EVENTS_PER_REQUEST, self._limits.cost // max(1, prepared.cost)))
        async with aclosing(subscribe(self.schema, prepared, context, self.timeout_seconds)) as results:
            number = 0
            async for result in results:
                yield _answer(result, prepared, scope)
                number += 1
                if number % events_per_request == 0:
                    await self._count_executions(scope)

    async def record(
        self, operation: RequestedOperation, scope: RequestScope, status: int, codes: Sequence[str] = ()
    ) -> None:
        """Counts the operation once, and adds it to the audit log where the client's calls are logged. Raises
        RequestRefused where that fails: the operation must not be answered then."""
        if operation.is_recorded:
            return
        operation.is_recorded = True
        seconds = perf_counter() - operation.started_at
        if codes:
            codes = list(dict.fromkeys(codes))
        self._count(operation, scope, codes, seconds)
        if self._access_log:
            log_operation(operation, scope, status, codes, seconds)
        if codes and scope.is_admitted and not _DENIALS.isdisjoint(codes):
            _log_denial(operation, scope, codes)
        if scope.record is None:
            return
        prepared = operation.prepared
        if prepared is None:
            sha256 = text_sha256(operation.query)
            call = Call(sha256, operation.name, None, None, status, codes, seconds)
        else:
            name, kind = prepared.operation.name, prepared.operation.type.name
            call = Call(prepared.document.sha256, name, kind, prepared.cost, status, codes, seconds)
        await self._record(scope.record, call, scope.request_id)

    async def record_unread(
        self, scope: RequestScope, started_at: float, status: int, codes: Sequence[str]
    ) -> None:
        """Like `record`, for a request whose operation could not be read."""
        count_errors(codes)
        if scope.record is not None:
            seconds = perf_counter() - started_at
            call = Call(None, None, None, None, status, codes, seconds)
            await self._record(scope.record, call, scope.request_id)

    async def _record(self, record: Callable[[Call], Awaitable[None]], call: Call, request_id: str) -> None:
        """During an outage, within what is left of the time for the operation."""
        seconds_left = self.timeout_seconds - call.duration_seconds
        try:
            with Deadline(seconds_left if is_outage_ongoing() else _RECORDING_SECONDS):
                await record(call)
        except Exception as error:
            if isinstance(error, TimeoutError):
                error = NoResponse("A call could not be recorded in time.")
            log_failure("call_not_recorded", error, request_id=request_id)
            headers = {"retry-after": str(RETRY_AFTER_SECONDS)}
            raise RequestRefused(503, UNAVAILABLE, _NOT_RECORDED, headers) from None

    def _count(
        self, operation: RequestedOperation, scope: RequestScope, codes: Sequence[str], seconds: float
    ) -> None:
        prepared = operation.prepared
        if prepared is None:
            series = REFUSED
        else:
            series = prepared.operation.series or self._series_of(prepared.operation, scope)
            series.cost.value += prepared.cost
        series.seconds.observe(seconds)
        if codes:
            count_errors(codes)

    def _series_of(self, operation: Operation, scope: RequestScope) -> OperationSeries:
        kind = operation.type.value
        may_add = scope.credential_id is not None
        operation.series = self._names.series(operation.name, kind, may_add=may_add)
        return operation.series or self._names.other(kind)

    def _refusal_of(self, error: Exception, scope: RequestScope) -> Exception:
        """Error of `context` for one that occurred while the context was made."""
        if isinstance(error, GraphQLError):
            return _refused_by(error)
        if logged_as_outage(error, request_id=scope.request_id):
            return unavailable(scope.request_id)
        if isinstance(error, TimeoutError) and self._is_silent(scope):
            return unavailable(scope.request_id)
        if isinstance(error, TimeoutError):
            message = timed_out(self.timeout_seconds).message
            return RequestRefused(503, "TIMEOUT", message, {"retry-after": str(RETRY_AFTER_SECONDS)})
        return error

    def _timeout_of(self, scope: RequestScope) -> Exception:
        """Error for an operation that took too long: the database's, where it does not respond."""
        if self._is_silent(scope):
            return unavailable(scope.request_id)
        return OperationRefused([timed_out(self.timeout_seconds)])

    def _keep_persisted(self, document: Document, sha256: str) -> None:
        if document.sha256 != sha256:
            raise OperationRefused([_OTHER_HASH])
        self.persisted.keep(sha256, document.text)

    async def _read(self, text: str, scope: RequestScope) -> Document:
        try:
            with Deadline(self.timeout_seconds):
                return await self._documents.read(text, self._client_of(scope))
        except TimeoutError:
            raise OperationRefused([timed_out(self.timeout_seconds)]) from None


def count_errors(codes: Iterable[str]) -> None:
    for code in codes:
        OPERATION_ERRORS.labels(code).value += 1


def _log_denial(operation: RequestedOperation, scope: RequestScope, codes: Sequence[str]) -> None:
    prepared = operation.prepared
    name = prepared.operation.name if prepared else None
    fields = {"operation": name, "codes": [code for code in codes if code in _DENIALS]}
    security_event("permission_denied", {**scope.log_fields(), **fields})


def codes_of(answer: Answer) -> list[str]:
    """The codes of the answer's errors."""
    return [error["extensions"]["code"] for error in answer.get("errors", ())]


def _admitted(operation: RequestedOperation, scope: RequestScope) -> PreparedOperation:
    """The prepared operation. Raises OperationRefused if it has none or the credential does not permit it."""
    if operation.prepared is None:
        raise operation.refusal or RuntimeError("the operation was not prepared")
    try:
        for require in scope.rules:
            require(operation.prepared)
    except GraphQLError as error:
        raise OperationRefused([error]) from None
    return operation.prepared


def _answer(result: ExecutionResult, prepared: PreparedOperation, scope: RequestScope) -> Answer:
    answer: Answer = {"data": result.data}
    if result.errors:
        answer["errors"] = presented(result.errors, scope.request_id)
    answer["extensions"] = {"cost": prepared.cost, **scope.extensions}
    return answer


def _refused_by(error: GraphQLError) -> RequestRefused:
    extensions = {"code": "BAD_USER_INPUT", **(error.extensions or {})}
    code = str(extensions.pop("code"))
    headers = getattr(error, "headers", {})
    if code == "UNAUTHENTICATED":
        headers = {"www-authenticate": "Bearer"}
    return RequestRefused(status_of([code]), code, error.message, headers, **extensions)
