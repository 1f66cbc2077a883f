"""Outcomes of the rows of one change, as JSON that is stored so that a retry returns the same ones."""

from collections.abc import Sequence
from datetime import datetime

from engine.canonical_json import JSONObject
from models.columns import Identified
from resolvers.user_errors import InputError, RetryLater, UserErrorCode


def stored_outcome(row: Identified | None, errors: Sequence[InputError]) -> JSONObject:
    return {"id": str(row.id) if row is not None else None, "errors": [_stored(error) for error in errors]}


def errors_of(outcome: JSONObject) -> list[InputError]:
    return [_error(each) for each in outcome["errors"]]


def _stored(error: InputError) -> JSONObject:
    plain = {"code": error.code.value, "message": error.message, "path": error.path}
    return {**plain, "retry_at": error.retry_at.isoformat()} if isinstance(error, RetryLater) else plain


def _error(plain: JSONObject) -> InputError:
    code, message, path = UserErrorCode(plain["code"]), plain["message"], plain["path"]
    if "retry_at" not in plain:
        return InputError(code, message, path)
    return RetryLater(code, message, path, retry_at=datetime.fromisoformat(plain["retry_at"]))
