"""Files between the database and a slow reader: rows are written at the database's pace, and read at the
reader's, so that no connection waits for it."""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from models.storage import StorageFull, StorageUnavailable

_PIECE_BYTES = 256 * 1024
_HELD_BACK_BYTES = 8 * 1024 * 1024
_HELD_BACK_SECONDS = 5
_KEPT_FREE_BYTES = 256 * 1024 * 1024
"""Of the disk, which may be PostgreSQL's too."""
_UNDISTURBED_SECONDS = 300
"""After so long, a reader that is not done yet may have to make room for another account's."""
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="spools")

Result = TypeVar("Result")


class ReportTooLarge(StorageUnavailable):
    """A report has more bytes than one may have."""


class Spools:
    """Those of a process. A spool has all the room that it may need before it begins, and gives back what it
    did not need: nothing that has begun is cut off for another one that grows."""

    def __init__(
        self, folder: Path | None = None, report_bytes: int = 1 << 30, total_bytes: int = 4 << 30
    ) -> None:
        """`folder` is that for temporary files by default."""
        self.folder, self.report_bytes = folder, min(report_bytes, total_bytes)
        self._total_bytes = total_bytes
        self._open: set[Spool] = set()

    def begin(self, spool: "Spool") -> None:
        """Raises StorageUnavailable where there is no room."""
        while sum(each.reserved for each in self._open) + self.report_bytes > self._total_bytes:
            self._make_room(spool.account_id)
        self._open.add(spool)
        spool.reserved = self.report_bytes

    def leave(self, spool: "Spool") -> None:
        self._open.discard(spool)

    def _make_room(self, account_id: UUID) -> None:
        """Cuts off the oldest reader of the account that holds the most."""
        held = Counter[UUID]()
        for each in self._open:
            held[each.account_id] += each.reserved
        since = monotonic() - _UNDISTURBED_SECONDS
        slow = [each for each in self._open if each.ended_at < since and each.account_id != account_id]
        if not slow:
            raise StorageUnavailable(
                f"Reports that are being sent take up the {self._total_bytes:,} bytes of REPORT_SPOOL_BYTES."
            )
        slowest = max(slow, key=lambda each: (held[each.account_id], -each.ended_at))
        slowest.fail(StorageUnavailable("A report was read so slowly that it had to make room for others."))
        self.leave(slowest)


class Spool:
    """A file without a name: gone with the process, however that ends. One task writes, another one reads."""

    def __init__(self, spools: Spools, account_id: UUID) -> None:
        self.account_id = account_id
        self.reserved = 0
        self.ended_at = float("inf")
        self._spools = spools
        self._file: int | None = None
        self._buffer = bytearray()
        self._written = 0
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._calls: set[asyncio.Future[Any]] = set()
        self._is_closed = False

    def begin(self) -> None:
        """Raises StorageUnavailable."""
        self._spools.begin(self)
        try:
            self._file = _open_unnamed(self._spools.folder)
        except OSError as error:
            raise StorageUnavailable(
                f"Reports cannot be kept in {error.filename}: {error.strerror}."
                " Set DATA_DIR to a folder that can be written."
            ) from error

    async def write(self, piece: bytes) -> None:
        """Raises ReportTooLarge and StorageFull."""
        self._buffer += piece
        if len(self._buffer) >= _PIECE_BYTES:
            await self._flush()

    async def end(self) -> None:
        """Nothing more is written. Raises as `write` does."""
        await self._flush()
        self.reserved, self.ended_at = self._written, monotonic()
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """The reader gets the error instead of what is left."""
        self._error, self.ended_at = error, monotonic()
        self._changed.set()

    async def pieces(self) -> AsyncIterator[bytes]:
        """As they are written. Raises what `fail` was told."""
        at = 0
        await self._begun()
        while True:
            if self._error is not None:
                raise self._error
            if at < self._written and self._file is not None:
                size = min(_PIECE_BYTES, self._written - at)
                piece = await self._in_thread(os.pread, self._file, size, at)
                at += len(piece)
                yield piece
            elif self.ended_at < float("inf"):
                return
            else:
                self._changed.clear()
                await self._changed.wait()

    async def _begun(self) -> None:
        """Until there is much of it, or all, or for five seconds: what fails at its beginning, and reports
        that are not large, are answered by an error and not cut off."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_HELD_BACK_SECONDS):
                while self._written < _HELD_BACK_BYTES and self.ended_at == float("inf"):
                    self._changed.clear()
                    await self._changed.wait()

    def close(self) -> None:
        self._spools.leave(self)
        self._is_closed = True
        self._close_if_unused()

    async def _flush(self) -> None:
        if self._file is None:
            return
        piece, self._buffer = bytes(self._buffer), bytearray()
        if self._written + len(piece) > self._spools.report_bytes:
            raise ReportTooLarge(
                f"A report has more than the {self._spools.report_bytes:,} bytes of REPORT_MAX_BYTES:"
                " one of a shorter period has less."
            )
        try:
            await self._in_thread(_write, self._file, piece, self._written)
        except OSError as error:
            raise StorageFull(f"A report cannot be kept while it is sent: {error.strerror}.") from error
        self._written += len(piece)
        self._changed.set()

    async def _in_thread(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """The thread goes on where whoever waits is cancelled, and the file is open until it is done."""
        doing = asyncio.get_running_loop().run_in_executor(_THREADS, call, *arguments)
        self._calls.add(doing)
        doing.add_done_callback(self._called)
        return await asyncio.shield(doing)

    def _called(self, call: asyncio.Future[Any]) -> None:
        self._calls.discard(call)
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._is_closed and not self._calls and self._file is not None:
            os.close(self._file)
            self._file = None


def _open_unnamed(folder: Path | None) -> int:
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())


def _write(file: int, piece: bytes, at: int) -> None:
    disk = os.fstatvfs(file)
    if disk.f_bavail * disk.f_frsize < _KEPT_FREE_BYTES:
        raise StorageFull("The disk on which reports are kept while they are sent is nearly full.")
    while piece:
        written = os.pwrite(file, piece, at)
        piece, at = piece[written:], at + written
