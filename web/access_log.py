"""Access log: one line for each GraphQL operation, without its text, its variables and the token."""

import logging
from collections.abc import Sequence
from typing import Any

import structlog

from web.graphql_request import RequestedOperation
from web.request_scope import RequestScope

log: Any = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
_LONGEST_NAME = 200


def log_operation(
    operation: RequestedOperation, scope: RequestScope, status: int, codes: Sequence[str], seconds: float
) -> None:
    prepared = operation.prepared
    log.info(
        "operation",
        category="access",
        operation=prepared.operation.name if prepared else _shortened(operation.name),
        kind=prepared.operation.type.value if prepared else None,
        document=prepared.document.sha256 if prepared else None,
        cost=prepared.cost if prepared else None,
        status=status,
        codes=list(codes),
        duration_ms=round(seconds * 1_000, 3),
        **scope.log_fields(),
    )


def _shortened(name: str | None) -> str | None:
    """The name that a client sent, which may be any text."""
    return "".join(filter(str.isprintable, name))[:_LONGEST_NAME] if name else None
