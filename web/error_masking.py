"""What clients are told when something goes wrong, and what only the log is told.

An error passes with its message and extensions if it was meant for the client: a GraphQLError that this
project raised, or one of graphql-core about the request itself. An outage is logged once a minute, and
shown as UNAVAILABLE. Everything else is logged with its traceback and shown as INTERNAL_ERROR with the
request's ID.
"""

import re
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from graphql import GraphQLError

from engine.outages import RETRY_AFTER_SECONDS, logged_as_outage, outage_of
from web.graphql_request import RequestRefused

log = structlog.get_logger()

UNAVAILABLE = "UNAVAILABLE"
_STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, UNAVAILABLE: 503, "TIMEOUT": 504}
_MAX_ERRORS = 100
_MAX_MESSAGE_CHARACTERS = 500
# Control characters, and halves of surrogate pairs, which UTF-8 cannot carry.
_UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def presented(errors: Iterable[GraphQLError], request_id: str) -> list[dict[str, Any]]:
    """The `errors` of an answer, each with an `extensions.code`; the first hundred."""
    return [_presented(error, request_id) for error in list(errors)[:_MAX_ERRORS]]


def as_graphql_error(error: Exception) -> GraphQLError:
    """For what was raised outside of any field."""
    return error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)


def code_of(error: GraphQLError) -> str:
    """As it is presented."""
    if not _is_for_the_client(error):
        return UNAVAILABLE if outage_of(_origin(error)) else "INTERNAL_ERROR"
    return str((error.extensions or {}).get("code", "BAD_USER_INPUT"))


def status_of(codes: Sequence[str]) -> int:
    """Of what was refused as a whole, with these codes; 200 where there are none."""
    if not codes:
        return 200
    return _STATUS.get(codes[0], 400)


def unavailable_message(request_id: str) -> str:
    return (
        "The database cannot be reached, or takes no changes, at the moment. Try again in a few seconds."
        " If this was a change, it may have been made: look, or repeat it with the same idempotencyKey."
        f" Quote request ID {request_id} when you ask for help."
    )


def unavailable(request_id: str) -> RequestRefused:
    """The refusal of a request that met an outage."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)}
    return RequestRefused(503, UNAVAILABLE, unavailable_message(request_id), headers, requestId=request_id)


def timed_out(timeout_seconds: float) -> GraphQLError:
    return GraphQLError(
        f"The operation took longer than {timeout_seconds:g} seconds and was stopped.",
        extensions={"code": "TIMEOUT"},
    )


def _presented(error: GraphQLError, request_id: str) -> dict[str, Any]:
    if _is_for_the_client(error):
        message, extensions = error.message, {"code": "BAD_USER_INPUT", **(error.extensions or {})}
    elif logged_as_outage(_origin(error), request_id=request_id):
        message, extensions = unavailable_message(request_id), {"code": UNAVAILABLE, "requestId": request_id}
    else:
        # As text: a renderer that is given the exception may write the values of variables beside it.
        exception = "".join(traceback.format_exception(_origin(error)))
        log.error("operation_failed", request_id=request_id, path=error.path, exception=exception)
        message = f"Something went wrong on our side. Quote request ID {request_id} when you ask for help."
        extensions = {"code": "INTERNAL_ERROR", "requestId": request_id}
    shown: dict[str, Any] = {"message": _clean(message)}
    if error.locations is not None:
        shown["locations"] = [location.formatted for location in error.locations]
    if error.path is not None:
        shown["path"] = error.path
    shown["extensions"] = extensions
    return shown


def _is_for_the_client(error: GraphQLError) -> bool:
    if (error.extensions or {}).get("code"):
        return True
    origin = _origin(error)
    if not isinstance(origin, GraphQLError):
        return False
    # An argument that does not fit is located in the document; a result that does not fit is our mistake.
    return origin.nodes is not None or not _raised_by_graphql_core(origin)


def _origin(error: GraphQLError) -> Exception:
    origin: Exception = error
    while isinstance(origin, GraphQLError) and origin.original_error is not None:
        origin = origin.original_error
    return origin


def _raised_by_graphql_core(error: Exception) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[-1].f_globals["__name__"].startswith("graphql.")


def _clean(message: str) -> str:
    """Messages quote what the client sent, which may be megabytes and no text."""
    if len(message) > _MAX_MESSAGE_CHARACTERS:
        message = message[:_MAX_MESSAGE_CHARACTERS] + "…"
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", message)
