"""PDFs, typeset by typst from the templates in `documents/`. Their content is passed as data, never as
source, because a name may contain any character.

typst does not release the memory that a document used, a gigabyte for a large one. So each document is
typeset by a process of its own, with limits of memory and CPU time. At most two run at the same time on a
machine, for all processes of the server together.
"""

import asyncio
import fcntl
import os
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from time import monotonic
from uuid import UUID

import orjson
import structlog

from engine.fair_share import Claim, FairShare
from models.storage import StorageUnavailable

log = structlog.get_logger()

MEMORY_BYTES = 1536 * 1024 * 1024
"""Maximum address space: 5,000 rows of usual length need 820 MB, rows of 500 characters more than this."""
SECONDS = 60
_TEMPLATES = Path(__file__).parent / "documents"
_PROGRAM = Path(__file__).with_name("typesetter.py")
_PLACES = (_TEMPLATES / "report.typ", _TEMPLATES / "invoice.typ")
"""Files that all processes of a machine share. The process that has locked one may typeset."""
_WAITING_SECONDS = 20
_LOOKING_SECONDS = 0.05
_LEFT_SECONDS = 2 * _LOOKING_SECONDS
"""Time for which a process does not take a place again that it has released, so that another process can."""
_MOST_WAITING, _MOST_WAITING_OF_ONE = 100, 10
"""Maximum number of waiting requests in total, and of one account or person."""
_ENVIRONMENT = {"PATH", "HOME", "LANG", "XDG_DATA_HOME"}
"""Variables that are passed on: the locations of the system's fonts, and no settings."""
_THREADS = ThreadPoolExecutor(len(_PLACES), thread_name_prefix="typesetting")


_given_back_at: dict[Path, float] = {}


class DocumentTooLarge(Exception):
    """The document exceeds the limit of memory or time."""


class TypesettingFailed(Exception):
    """The template or the program has an error."""


class _Queue:
    """Queue of one process, which serves the accounts in turn. One person has one of the places."""

    def __init__(self) -> None:
        self._share = FairShare(len(_PLACES), most_of_an_account=1, waiting_seconds=_WAITING_SECONDS)
        self._count, self._counts = 0, Counter[UUID | None]()

    @asynccontextmanager
    async def admit(self, claim: Claim) -> AsyncIterator[float]:
        """Yields the time until which to wait for a place. Raises `StorageUnavailable` if too many wait."""
        owners = [owner for owner in (claim.account_id, claim.person_id) if owner]
        if self._count >= _MOST_WAITING or any(self._counts[each] >= _MOST_WAITING_OF_ONE for each in owners):
            raise StorageUnavailable("Too many PDFs are waiting to be created.")
        deadline = monotonic() + _WAITING_SECONDS
        self._count += 1
        self._counts.update(owners)
        try:
            await self._share.take(claim)
            try:
                yield deadline
            finally:
                self._share.give_back(claim)
        except TimeoutError:
            raise StorageUnavailable("Too many PDFs are being created at once.") from None
        finally:
            self._count -= 1
            self._counts.subtract(owners)
            self._counts = +self._counts


_QUEUE = _Queue()


async def typeset(
    template: str, read: Callable[[], Awaitable[Mapping[str, object]]], made_at: datetime, claim: Claim
) -> bytes:
    """Returns a PDF, the same bytes for the same data, time and fonts (the bundled ones and the system's).
    `read` is called when the turn has come, so that waiting requests do not hold thousands of rows in memory.
    `claim` names the account, and the person who wants the PDF.

    The format is PDF/A-2b, in which every character needs a font. If a font is missing, the PDF is an
    ordinary one with a note at its foot, and the log names the character. Raises `StorageUnavailable` if too
    many wait, and `DocumentTooLarge`. Cancelling the caller ends the process.
    """
    async with _QUEUE.admit(claim) as deadline:
        data = await read()
        async with _place(deadline) as place:
            return await _set(_Process(template, made_at, place), data)


async def _set(process: "_Process", data: Mapping[str, object]) -> bytes:
    doing = asyncio.get_running_loop().run_in_executor(_THREADS, process.run, data)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        doing.add_done_callback(_retrieve)
        process.end()
        await asyncio.wait([doing])
        raise


def _retrieve(done: "asyncio.Future[bytes]") -> None:
    """Retrieves the error of a process that nobody waits for: asyncio would log it."""
    if not done.cancelled():
        done.exception()


@asynccontextmanager
async def _place(deadline: float) -> AsyncIterator[int]:
    """Yields the descriptor of a locked file, for the process that typesets. Raises `TimeoutError`."""
    path, file = await _locked_place(deadline)
    try:
        yield file
    finally:
        os.close(file)
        _given_back_at[path] = monotonic()


async def _locked_place(deadline: float) -> tuple[Path, int]:
    """Raises `TimeoutError`. The lock belongs to the open file: it ends when all processes that have it open
    have ended."""
    while True:
        for path in _PLACES:
            if monotonic() - _given_back_at.get(path, 0) < _LEFT_SECONDS:
                continue
            file = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
            else:
                return path, file
        if monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(_LOOKING_SECONDS)


class _Process:
    def __init__(self, template: str, made_at: datetime, place: int) -> None:
        self._template = template
        self._job = {
            "parent": os.getpid(),
            "template": str(_TEMPLATES / template),
            "root": str(_TEMPLATES),
            "fonts": str(_TEMPLATES / "fonts"),
            "timestamp": int(made_at.timestamp()),
            "memoryBytes": MEMORY_BYTES,
            "cpuSeconds": SECONDS,
        }
        self._place = place
        self._process: subprocess.Popen[bytes] | None = None
        self._is_ended = False

    def run(self, data: Mapping[str, object]) -> bytes:
        """Runs in a thread that lives as long as this process, because on Linux the child process ends with
        the thread."""
        job = orjson.dumps(self._job) + b"\n" + orjson.dumps(data)
        with self._start() as process:
            self._process = process
            if self._is_ended:
                process.kill()
            try:
                pdf, words = process.communicate(job, SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise DocumentTooLarge(f"A PDF takes longer than {SECONDS} seconds.") from None
        self._check(process.returncode, words.decode(errors="replace"))
        return pdf

    def end(self) -> None:
        self._is_ended = True
        if self._process is not None:
            self._process.kill()

    def _start(self) -> "subprocess.Popen[bytes]":
        # One thread and one memory arena, because each reserves address space.
        environment = {name: os.environ[name] for name in _ENVIRONMENT & os.environ.keys()}
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "RAYON_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"},
            pass_fds=[self._place],
        )

    def _check(self, status: int, words: str) -> None:
        if status == 0:
            if words:
                log.warning(
                    "pdf_characters_without_font",
                    template=self._template,
                    words=words,
                    advice="Install a font that has them, such as Noto Sans CJK, beside the system's.",
                )
        elif status < 0 or "MemoryError" in words or "memory allocation" in words:
            raise DocumentTooLarge(f"A PDF takes more than {MEMORY_BYTES:,} bytes, or was ended ({status}).")
        else:
            raise TypesettingFailed(f"{self._template} was not set: {words[-500:]}")
