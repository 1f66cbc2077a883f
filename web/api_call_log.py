"""An operation, timed from its beginning, and told of once, before it is answered."""

from collections.abc import Iterable
from time import perf_counter
from typing import Any

import structlog

from engine.operation_cache import Prepared, text_sha256
from engine.outages import logged_as_outage
from resolvers.audit.api_calls import Call
from web.graphql_request import Parameters, RequestRefused
from web.request_scope import Exchange

log = structlog.get_logger()


class Recording:
    """`asked` is None of a request that could not be read."""

    def __init__(
        self, exchange: Exchange, asked: Parameters | None, prepared: Prepared | None = None
    ) -> None:
        self._exchange, self._asked = exchange, asked
        self.prepared = prepared
        self._began_at = perf_counter()
        self._is_told = False

    async def end(self, status: int, codes: Iterable[str] = ()) -> None:
        """Raises RequestRefused where it could not be told of: then the operation must not be answered."""
        record = self._exchange.record
        if record is None or self._is_told:
            return
        self._is_told = True
        call = self._call(status, list(dict.fromkeys(codes)), perf_counter() - self._began_at)
        try:
            await record(call)
        except Exception as error:
            if not logged_as_outage(error, request_id=self._exchange.request_id):
                log.error("call_not_recorded", request_id=self._exchange.request_id, error=repr(error))
            raise RequestRefused(503, "UNAVAILABLE", _NOT_RECORDED, {"retry-after": "1"}) from None

    def _call(self, status: int, codes: list[str], seconds: float) -> Call:
        if self.prepared is not None:
            sha256, operation = self.prepared.document.sha256, self.prepared.operation
            kind, cost = operation.type.name, self.prepared.cost
            return Call(sha256, operation.name, kind, cost, status, codes, seconds)
        if self._asked is None:
            return Call(None, None, None, None, status, codes, seconds)
        sha256 = text_sha256(self._asked.query)
        return Call(sha256, self._asked.operation_name, None, None, status, codes, seconds)


_NOT_RECORDED = (
    "The audit log could not be reached, and no call is answered that is not in it. If this was a change,"
    " it may have been made: ask for what it would have changed, or try again with the same idempotencyKey."
)


def codes_of(answer: dict[str, Any]) -> list[str]:
    return [error["extensions"]["code"] for error in answer.get("errors", ())]
