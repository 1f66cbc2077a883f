"""Temporary files between the database and slow readers. Rows are written as fast as the database sends them,
so that no connection waits for a reader."""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar
from uuid import UUID

from engine.fair_share import Claim
from models.storage import StorageFull, StorageUnavailable

_PIECE_BYTES = 256 * 1024
_HELD_BACK_BYTES = 8 * 1024 * 1024
_HELD_BACK_SECONDS = 5
_KEPT_FREE_BYTES = 256 * 1024 * 1024
"""Free space that is left on the disk, which PostgreSQL may use too."""
_UNDISTURBED_SECONDS = 300
"""Time after a spool is complete in which its reader is not cut off in favour of another person, if it holds
no more than the largest size of one report."""
_NO_FILE = -1
_THREADS = ThreadPoolExecutor(4, thread_name_prefix="spools")

Result = TypeVar("Result")


class ReportTooLarge(StorageUnavailable):
    """A report exceeds REPORT_MAX_BYTES."""


class Spools:
    """Spools of this process. Each reserves the largest size of a report before it begins and releases what
    it did not need, so that no spool that has begun is cut off because another one grows."""

    def __init__(
        self, folder: Path | None = None, report_bytes: int = 1 << 30, total_bytes: int = 4 << 30
    ) -> None:
        """`folder` defaults to the system's folder for temporary files."""
        self.folder, self.report_bytes = folder, min(report_bytes, total_bytes)
        self._total_bytes = total_bytes
        self._open: set[Spool] = set()

    def begin(self, spool: "Spool") -> None:
        """Reserves space. Raises StorageUnavailable if there is none."""
        while sum(each.reserved for each in self._open) + self.report_bytes > self._total_bytes:
            self._make_room(_holder(spool))
        self._open.add(spool)
        spool.reserved = self.report_bytes

    def leave(self, spool: "Spool") -> None:
        self._open.discard(spool)

    def _make_room(self, holder: UUID | None) -> None:
        """Cuts off one slow reader of another person, which has read for long or holds several reports: of
        the person who holds the most bytes, the one whose spool was complete first. Raises
        StorageUnavailable if there is none."""
        now, complete = monotonic(), [each for each in self._open if each.ended_at < float("inf")]
        held = Counter[UUID | None]()
        for each in complete:
            held[_holder(each)] += each.reserved
        slow = [
            each
            for each in complete
            if _holder(each) != holder
            and (held[_holder(each)] > self.report_bytes or each.ended_at < now - _UNDISTURBED_SECONDS)
        ]
        if not slow:
            raise StorageUnavailable(
                f"Reports that are being sent use the {self._total_bytes:,} bytes of REPORT_SPOOL_BYTES."
            )
        slowest = max(slow, key=lambda each: (held[_holder(each)], -each.ended_at))
        slowest.fail(
            StorageUnavailable(
                "A report was cut off because it was read too slowly and others needed its space."
            )
        )
        self.leave(slowest)


class Spool:
    """Unnamed file, which disappears with the process, however that ends. One task writes it while another
    reads it."""

    def __init__(self, spools: Spools, claim: Claim) -> None:
        self.claim = claim
        self.reserved = 0
        self.ended_at = float("inf")
        self._spools = spools
        self._file = _NO_FILE
        self._buffer = bytearray()
        self._written = 0
        self._error: Exception | None = None
        self._changed = asyncio.Event()
        self._calls: set[asyncio.Future[Any]] = set()
        self._is_closed = False

    def begin(self) -> None:
        """Opens the file. Raises StorageUnavailable."""
        self._spools.begin(self)
        try:
            self._file = _open_unnamed(self._spools.folder)
        except OSError as error:
            raise StorageUnavailable(
                f"Reports cannot be stored in {error.filename}: {error.strerror}."
                " Set DATA_DIR to a writable folder."
            ) from error

    async def write(self, piece: bytes) -> None:
        """Appends bytes. Raises ReportTooLarge and StorageFull."""
        self._buffer += piece
        if len(self._buffer) >= _PIECE_BYTES:
            await self._flush()

    async def end(self) -> None:
        """Marks the content as complete. Raises as `write` does."""
        await self._flush()
        self.reserved, self.ended_at = self._written, monotonic()
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """Makes the reader raise this error instead of reading what is left."""
        self._error, self.ended_at = error, monotonic()
        self._changed.set()

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yields the content while it is written. Raises the error passed to `fail`."""
        at = 0
        await self._begun()
        while True:
            if self._error is not None:
                raise self._error
            if at < self._written:
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
        """Waits until 8 MiB are written, the content is complete, or five seconds have passed. An error that
        occurs at the beginning, or in a small report, then becomes an error response instead of a truncated
        one."""
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
        piece, self._buffer = bytes(self._buffer), bytearray()
        if self._written + len(piece) > self._spools.report_bytes:
            raise ReportTooLarge(
                f"The report is larger than the {self._spools.report_bytes:,} bytes of REPORT_MAX_BYTES:"
                " request a shorter period."
            )
        try:
            await self._in_thread(_write, self._file, piece, self._written)
        except OSError as error:
            raise StorageFull(
                f"The report cannot be written to the temporary folder: {error.strerror}."
            ) from error
        self._written += len(piece)
        self._changed.set()

    async def _in_thread(self, call: Callable[..., Result], *arguments: Any) -> Result:
        """Calls the function in a thread. The call goes on if the awaiting task is cancelled; the file stays
        open until it has returned."""
        doing = asyncio.get_running_loop().run_in_executor(_THREADS, call, *arguments)
        self._calls.add(doing)
        doing.add_done_callback(self._called)
        return await asyncio.shield(doing)

    def _called(self, call: asyncio.Future[Any]) -> None:
        self._calls.discard(call)
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        if self._is_closed and not self._calls and self._file != _NO_FILE:
            os.close(self._file)
            self._file = _NO_FILE


def _holder(spool: Spool) -> UUID | None:
    """Person who reads the report, or its account if the person is unknown."""
    return spool.claim.person_id or spool.claim.account_id


def _open_unnamed(folder: Path | None) -> int:
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        return os.dup(file.fileno())


def _write(file: int, piece: bytes, at: int) -> None:
    disk = os.fstatvfs(file)
    if disk.f_bavail * disk.f_frsize < _KEPT_FREE_BYTES:
        raise StorageFull("The disk of the temporary folder for reports is nearly full.")
    while piece:
        written = os.pwrite(file, piece, at)
        piece, at = piece[written:], at + written
