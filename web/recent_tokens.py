"""Cache of what was found for tokens recently."""

from typing import Generic, TypeVar

_MAX_TOKENS = 20_000

Value = TypeVar("Value")


class RecentTokens(Generic[Value]):
    """Cache by token hash, which keeps the most recently used entries: at least 20,000, at most 40,000."""

    def __init__(self) -> None:
        self._recent: dict[bytes, Value] = {}
        self._older: dict[bytes, Value] = {}

    def get(self, token_hash: bytes) -> Value | None:
        value = self._recent.get(token_hash)
        if value is None and (value := self._older.get(token_hash)) is not None:
            self.remember(token_hash, value)
        return value

    def remember(self, token_hash: bytes, value: Value) -> None:
        if len(self._recent) >= _MAX_TOKENS:
            self._older, self._recent = self._recent, {}
        self._recent[token_hash] = value

    def forget(self, token_hash: bytes) -> None:
        self._recent.pop(token_hash, None)
        self._older.pop(token_hash, None)
