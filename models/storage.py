"""Storage of themes' files under their SHA-256, in a local folder, S3, Google Cloud Storage or Azure Blob
Storage."""

import asyncio
import hashlib
import re
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

CHUNK_BYTES = 1 << 20
# S3 accepts parts from 5 MiB and at most 10,000 of them: files up to 50 GB, in 20 MiB of memory.
PART_BYTES = 5 << 20
PARALLEL_PARTS = 4
PARALLEL_CALLS = 32
STALE_SECONDS = 3600
# ENOSPC, EFBIG and EDQUOT in the messages of the local store; MinIO and WebDAV respond with 507.
FULL = re.compile(r"os error (?:27|28|122)\b|507 Insufficient Storage|StorageFull")

Result = TypeVar("Result")


class StorageUnavailable(Exception):
    """A failed operation of the file storage. The message is a sentence for the operator; it contains
    addresses, so it must not be sent to clients."""


class StorageFull(StorageUnavailable):
    """There is no space for the file. Nothing of it was stored."""


class StoredFileMissing(StorageUnavailable):
    """The storage responds, but has no such file."""


class SourceChanged(Exception):
    """The file to be stored does not have the expected SHA-256. Nothing of it was stored."""


class Storage:
    def __init__(self, url: str) -> None:
        """`url` is STORAGE_URL. Credentials come from the cloud provider's environment variables.

        Creates a local folder if it does not exist; contacts a cloud only when it is used. Raises
        StorageUnavailable.
        """
        self.url = url
        self._store = _open(url)
        # obstore's coroutines abort a process that ends right after one of them; its blocking calls do not.
        self._threads = ThreadPoolExecutor(PARALLEL_CALLS, thread_name_prefix="storage")

    async def put_file(self, path: Path, sha256: str) -> None:
        """Stores the file at `path` unless it is already stored: completely or not at all, even if this
        process is killed.

        Raises SourceChanged, StorageFull, StorageUnavailable, or OSError if `path` cannot be read.
        """
        key = _key(sha256)
        await self._in_thread(lambda: self._put(path, sha256, key))

    async def exists(self, sha256: str) -> bool:
        key = _key(sha256)
        return await self._in_thread(lambda: self._stored_size(key)) is not None

    async def size(self, sha256: str) -> int:
        """Size in bytes. Raises StoredFileMissing."""
        key = _key(sha256)
        size = await self._in_thread(lambda: self._stored_size(key))
        if size is None:
            raise StoredFileMissing(f"{self._place} has no file {sha256}.")
        return size

    async def stream(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Yields the bytes from `start` up to, not including, `end`, one MiB at a time. Raises
        StoredFileMissing.

        Each piece is a request of its own: a slow reader keeps no request open, and a failed one is
        repeated.
        """
        size = await self.size(sha256)
        end = size if end is None else min(end, size)
        for offset in range(start, end, CHUNK_BYTES):
            yield await self._in_thread(partial(self._piece, sha256, offset, min(offset + CHUNK_BYTES, end)))

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _put(self, path: Path, sha256: str, key: str) -> None:
        if self._stored_size(key) == path.stat().st_size:
            return
        source = _VerifiedSource(path, sha256)
        with self._errors_as_unavailable(f"store {path.name}", source):
            _remove_stale_parts(self._store, key)
            obstore.put(
                self._store, key, source.read(), chunk_size=PART_BYTES, max_concurrency=PARALLEL_PARTS
            )

    def _piece(self, sha256: str, start: int, end: int) -> bytes:
        with self._errors_as_unavailable("read a file"):
            return obstore.get_range(self._store, _key(sha256), start=start, end=end).to_bytes()

    def _stored_size(self, key: str) -> int | None:
        with self._errors_as_unavailable("look up a file"):
            try:
                return obstore.head(self._store, key)["size"]
            except FileNotFoundError:
                return None

    @contextmanager
    def _errors_as_unavailable(self, task: str, source: "_VerifiedSource | None" = None) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError, SourceChanged) as error:
            if source and source.error:  # The store re-raises the source's error.
                raise source.error from None
            raise _storage_error(error, self._place, task) from error

    @property
    def _place(self) -> str:
        return f"The file storage at {_without_password(self.url)}"


class _VerifiedSource:
    """File that raises at its end if it does not have the expected SHA-256, so that the storage discards the
    bytes."""

    def __init__(self, path: Path, sha256: str) -> None:
        self.path = path
        self.sha256 = sha256
        self.error: Exception | None = None

    def read(self) -> Iterator[bytes]:
        digest = hashlib.sha256()
        try:
            with self.path.open("rb") as file:
                while chunk := file.read(CHUNK_BYTES):
                    digest.update(chunk)
                    yield chunk
            if digest.hexdigest() != self.sha256:
                raise SourceChanged(f"{self.path} has changed: its SHA-256 is not {self.sha256}.")
        except Exception as error:
            self.error = error
            raise


def _storage_error(error: Exception, place: str, task: str) -> StorageUnavailable:
    if isinstance(error, FileNotFoundError):
        return StoredFileMissing(f"{place} no longer has a file: {_reason(error)}.")
    if FULL.search(str(error)):
        return StorageFull(f"{place} is full and cannot {task}: free some space, then try again.")
    return StorageUnavailable(f"{place} cannot {task}: {_reason(error)}.")


def _open(url: str) -> ObjectStore:
    try:
        if urlsplit(url).scheme == "file":
            return from_url(url, mkdir=True)
        return from_url(
            url,
            client_options={
                "connect_timeout": timedelta(seconds=5),
                "timeout": timedelta(seconds=60),
                "allow_http": True,  # The operator may set an endpoint without TLS.
            },
            retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=15)},
        )
    except (BaseError, OSError, ValueError) as error:
        raise StorageUnavailable(
            f"STORAGE_URL {_without_password(url)} cannot be opened: {_reason(error)}."
            " It may be file:///folder, s3://bucket/prefix, gs://bucket/prefix or az://account/container/prefix."
        ) from error


def _key(sha256: str) -> str:
    """Two levels of folders, because a folder with a hundred thousand entries is slow."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError(f"not a SHA-256 in lower-case hex: {sha256!r}")
    return f"{sha256[:2]}/{sha256}"


def _remove_stale_parts(store: ObjectStore, key: str) -> None:
    """Removes what a killed process has left: the local storage writes to `<key>#1` before it renames
    that."""
    if not isinstance(store, LocalStore) or store.prefix is None:
        return
    target = Path(store.prefix) / key
    for part in target.parent.glob(f"{target.name}#*"):
        with suppress(FileNotFoundError):  # Another put may have renamed its part.
            if part.stat().st_mtime < time.time() - STALE_SECONDS:
                part.unlink(missing_ok=True)


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def _reason(error: Exception) -> str:
    """First line of the error, without obstore's debug output and without passwords in addresses."""
    first_line = str(error).partition("\n")[0].strip().rstrip(".")
    return re.sub(r"//[^/@\s]*@", "//", first_line)[:300]
