"""Time limits for what every request does, served by one timer. A timer of the event loop for each would cost
more than most of the work that it limits."""

import asyncio
from types import TracebackType

_TICK_SECONDS = 0.1

_running: set["Deadline"] = set()
_ticking: asyncio.AbstractEventLoop | None = None


class Deadline:
    """Like `asyncio.timeout`: cancels the block after `seconds`, at most a tenth of a second late, and raises
    TimeoutError."""

    __slots__ = ("_at", "_cancelling", "_expired", "_loop", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline is for a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._loop = task.get_loop()
        self._at = self._loop.time() + self._seconds
        _running.add(self)
        if _ticking is not self._loop:
            _look_again(self._loop)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        _running.discard(self)
        if self._expired and self._task.uncancel() <= self._cancelling and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def look(self) -> None:
        if self._loop.time() >= self._at and not self._expired:
            self._expired = True
            self._task.cancel()


def _look_again(loop: asyncio.AbstractEventLoop) -> None:
    global _ticking
    _ticking = loop
    loop.call_later(_TICK_SECONDS, _look, loop)


def _look(loop: asyncio.AbstractEventLoop) -> None:
    global _ticking
    _ticking = None
    for deadline in list(_running):
        deadline.look()
    if _running:
        _look_again(loop)
