"""Error masking: which errors clients see, and which are only logged.

An error that is meant for the client keeps its message and extensions: a GraphQLError raised by this project,
or by graphql-core about the request itself. An outage is logged once a minute and shown as UNAVAILABLE. Every
other error is logged with its traceback and shown as INTERNAL_ERROR with the request ID.
"""

import re
import traceback
from collections.abc import Iterable, Sequence

import structlog
from graphql import GraphQLError, GraphQLFormattedError

from engine.outages import RETRY_AFTER_SECONDS, logged_as_outage, outage_of
from web.graphql_request import RequestRefused

log = structlog.get_logger()

UNAVAILABLE = "UNAVAILABLE"
_STATUS = {"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "RATE_LIMITED": 429, UNAVAILABLE: 503, "TIMEOUT": 504}
_MAX_ERRORS = 100
_MAX_MESSAGE_CHARACTERS = 500
# Control characters, and halves of surrogate pairs, which UTF-8 cannot carry.
_UNPRINTABLE = re.compile("[\0-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def presented(errors: Iterable[GraphQLError], request_id: str) -> list[GraphQLFormattedError]:
    """The `errors` of a response, each with an `extensions.code`; at most 100."""
    return [_presented(error, request_id) for error in list(errors)[:_MAX_ERRORS]]


def as_graphql_error(error: Exception) -> GraphQLError:
    """Wraps an exception that was raised outside of a field."""
    return error if isinstance(error, GraphQLError) else GraphQLError("", original_error=error)


def code_of(error: GraphQLError) -> str:
    """The `extensions.code` with which the error is presented."""
    if not _is_for_the_client(error):
        return UNAVAILABLE if outage_of(_origin(error)) else "INTERNAL_ERROR"
    return str((error.extensions or {}).get("code", "BAD_USER_INPUT"))


def status_of(codes: Sequence[str]) -> int:
    """The HTTP status of a refused operation with these error codes; 200 without codes."""
    if not codes:
        return 200
    return _STATUS.get(codes[0], 400)


def unavailable_message(request_id: str) -> str:
    return (
        "The database is unavailable or read-only at the moment. Try again in a few seconds."
        " If this was a change, it may have been made: check, or repeat it with the same idempotencyKey."
        f" Quote request ID {request_id} when you ask for help."
    )


def unavailable(request_id: str) -> RequestRefused:
    """The refusal of a request during an outage."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)}
    return RequestRefused(503, UNAVAILABLE, unavailable_message(request_id), headers, requestId=request_id)


def timed_out(timeout_seconds: float) -> GraphQLError:
    return GraphQLError(
        f"The operation took longer than {timeout_seconds:g} seconds and was stopped.",
        extensions={"code": "TIMEOUT"},
    )


def _presented(error: GraphQLError, request_id: str) -> GraphQLFormattedError:
    if _is_for_the_client(error):
        message, extensions = error.message, {"code": "BAD_USER_INPUT", **(error.extensions or {})}
    elif logged_as_outage(_origin(error), request_id=request_id):
        message, extensions = unavailable_message(request_id), {"code": UNAVAILABLE, "requestId": request_id}
    else:
        # As text: a log renderer may add the values of variables to an exception.
        exception = "".join(traceback.format_exception(_origin(error)))
        log.error("operation_failed", request_id=request_id, path=error.path, exception=exception)
        message = f"An internal error occurred. Quote the request ID {request_id} when you ask for help."
        extensions = {"code": "INTERNAL_ERROR", "requestId": request_id}
    shown: GraphQLFormattedError = {"message": _clean(message)}
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
    # An invalid argument has a location in the document; an invalid result, which is our fault, has none.
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
    """Messages quote the client's input, which may be megabytes and contain control characters."""
    if len(message) > _MAX_MESSAGE_CHARACTERS:
        message = message[:_MAX_MESSAGE_CHARACTERS] + "…"
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", message)
