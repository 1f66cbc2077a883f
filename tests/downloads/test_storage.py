"""Files in the store: what goes in comes out, whole or not at all."""

import asyncio
import hashlib
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

import pytest

from models.storage import SourceChanged, Storage, StorageFull, StorageUnavailable, StoredFileMissing

ROOT = Path(__file__).parents[2]


def a_file(folder: Path, content: bytes) -> tuple[Path, str]:
    path = folder / "theme.zip"
    path.write_bytes(content)
    return path, hashlib.sha256(content).hexdigest()


def stored_files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


async def read(storage: Storage, sha256: str, start: int = 0, end: int | None = None) -> bytes:
    return b"".join([piece async for piece in storage.stream(sha256, start, end)])


@pytest.fixture(params=["a folder", "ünder-wögen", "memory"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    return Storage("memory:///" if request.param == "memory" else (tmp_path / request.param).as_uri())


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (12 << 20) + 1])
async def test_what_goes_in_comes_out(storage: Storage, tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path, sha256 = a_file(tmp_path, content)

    await storage.put_file(path, sha256)

    assert await storage.exists(sha256)
    assert await storage.size(sha256) == size
    assert await read(storage, sha256) == content


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, 1), (5, 5), (1, None), (1 << 20, None), (7, (2 << 20) + 9), (0, 1 << 40), (1 << 40, None)],
)
async def test_a_part_comes_out(storage: Storage, tmp_path: Path, start: int, end: int | None) -> None:
    content = os.urandom((3 << 20) + 5)
    path, sha256 = a_file(tmp_path, content)
    await storage.put_file(path, sha256)

    assert await read(storage, sha256, start, end) == content[start:end]


async def test_pieces_are_small(storage: Storage, tmp_path: Path) -> None:
    path, sha256 = a_file(tmp_path, bytes((3 << 20) + 5))
    await storage.put_file(path, sha256)

    pieces = [len(piece) async for piece in storage.stream(sha256)]

    assert pieces == [1 << 20, 1 << 20, 1 << 20, 5]


async def test_what_is_not_there_is_told(storage: Storage) -> None:
    absent = "0" * 64

    assert not await storage.exists(absent)
    with pytest.raises(StoredFileMissing, match=absent):
        await storage.size(absent)
    with pytest.raises(StoredFileMissing, match=absent):
        await read(storage, absent)


@pytest.mark.parametrize("sha256", ["", "0" * 63, "A" * 64, "../" + "0" * 61, "0" * 64 + "\n"])
async def test_a_key_is_a_sha256_and_nothing_else(storage: Storage, tmp_path: Path, sha256: str) -> None:
    path, _ = a_file(tmp_path, b"x")

    with pytest.raises(ValueError, match="not a SHA-256"):
        await storage.put_file(path, sha256)
    with pytest.raises(ValueError, match="not a SHA-256"):
        await storage.exists(sha256)


async def test_a_second_put_writes_nothing(tmp_path: Path) -> None:
    storage = Storage((tmp_path / "files").as_uri())
    path, sha256 = a_file(tmp_path, b"the same")
    await storage.put_file(path, sha256)
    stored = next(file for file in (tmp_path / "files").rglob("*") if file.is_file())
    before = stored.stat()

    await storage.put_file(path, sha256)

    assert (stored.stat().st_ino, stored.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


async def test_a_file_of_another_size_is_put_right(tmp_path: Path) -> None:
    storage = Storage((tmp_path / "files").as_uri())
    path, sha256 = a_file(tmp_path, b"whole")
    await storage.put_file(path, sha256)
    next(file for file in (tmp_path / "files").rglob("*") if file.is_file()).write_bytes(b"ha")

    await storage.put_file(path, sha256)

    assert await read(storage, sha256) == b"whole"


async def test_a_source_that_changed_is_not_kept(storage: Storage, tmp_path: Path) -> None:
    path, sha256 = a_file(tmp_path, bytes(11 << 20))
    with path.open("r+b") as file:
        file.seek(10 << 20)
        file.write(b"!")

    with pytest.raises(SourceChanged, match=r"theme\.zip has changed"):
        await storage.put_file(path, sha256)

    assert not await storage.exists(sha256)


async def test_a_source_that_cannot_be_read_is_told_as_such(tmp_path: Path) -> None:
    storage = Storage((tmp_path / "files").as_uri())

    with pytest.raises(IsADirectoryError):
        await storage.put_file(tmp_path, "0" * 64)
    with pytest.raises(FileNotFoundError):
        await storage.put_file(tmp_path / "absent.zip", "0" * 64)

    assert stored_files(tmp_path / "files") == []


async def test_many_put_the_same_file_at_once(tmp_path: Path) -> None:
    storage = Storage((tmp_path / "files").as_uri())
    content = os.urandom(6 << 20)
    path, sha256 = a_file(tmp_path, content)

    await asyncio.gather(*(storage.put_file(path, sha256) for _ in range(8)))

    assert stored_files(tmp_path / "files") == [sha256]
    assert await read(storage, sha256) == content


PUT = """
import asyncio, sys, pathlib, resource
from models.storage import Storage, StorageFull
room = int(sys.argv[4])
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    asyncio.run(Storage(sys.argv[1]).put_file(pathlib.Path(sys.argv[2]), sys.argv[3]))
except StorageFull as error:
    sys.exit(str(error))
"""


async def once_read(pipe: Path) -> BinaryIO:
    while True:
        with suppress(OSError):  # ENXIO: nobody reads yet, and waiting for that would know no end
            descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            os.set_blocking(descriptor, True)
            return os.fdopen(descriptor, "wb", buffering=0)
        await asyncio.sleep(0.01)


async def test_a_killed_put_leaves_nothing_under_the_key(tmp_path: Path) -> None:
    content = os.urandom(9 << 20)
    path, sha256 = a_file(tmp_path, content)
    pipe = tmp_path / "endless"
    os.mkfifo(pipe)
    folder = tmp_path / "files"
    storage = Storage(folder.as_uri())

    putting = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PUT, folder.as_uri(), pipe, sha256, "0", cwd=ROOT
    )
    try:
        async with asyncio.timeout(20):
            with await once_read(pipe) as half:
                half.write(content[: 8 << 20])
                while not stored_files(folder):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                putting.kill()
                await putting.wait()
    finally:
        if putting.returncode is None:
            putting.kill()

    assert stored_files(folder) == [f"{sha256}#1"]
    assert not await storage.exists(sha256)

    os.utime(next(folder.rglob("*#1")), (0, 0))
    await storage.put_file(path, sha256)
    assert stored_files(folder) == [sha256]
    assert await read(storage, sha256) == content


def test_no_room_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    path, sha256 = a_file(tmp_path, bytes(9 << 20))
    folder = tmp_path / "files"

    putting = subprocess.run(
        [sys.executable, "-c", PUT, folder.as_uri(), path, sha256, str(7 << 20)],
        cwd=ROOT, capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip

    assert putting.returncode == 1
    assert putting.stderr == (
        f"The file storage at {folder.as_uri()} is full and cannot store theme.zip:"
        " free some space, then try again.\n"
    )
    assert stored_files(folder) == []


def test_full_is_unavailable_too() -> None:
    assert issubclass(StorageFull, StorageUnavailable)
    assert issubclass(StoredFileMissing, StorageUnavailable)


async def test_a_store_that_cannot_be_reached_says_so(
    monkeypatch: pytest.MonkeyPatch, unused_tcp_port: int, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{unused_tcp_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-be-seen")
    storage = Storage("s3://bucket/themes")
    path, sha256 = a_file(tmp_path, b"x")

    for waiting in (storage.put_file(path, sha256), storage.exists(sha256), read(storage, sha256)):
        with pytest.raises(StorageUnavailable, match="The file storage at s3://bucket/themes cannot") as told:
            await waiting
        assert "not-to-be-seen" not in str(told.value)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://ada:secret@host/files", "file:///dev/null/files", "file://x/y"]
)
def test_a_wrong_url_is_told_with_what_it_may_be(url: str) -> None:
    with pytest.raises(
        StorageUnavailable, match=r"STORAGE_URL .* It may be file:///folder, s3://bucket"
    ) as told:
        Storage(url)

    assert "secret" not in str(told.value)


async def test_a_file_that_is_removed_while_it_is_read(tmp_path: Path) -> None:
    path, sha256 = a_file(tmp_path, os.urandom((2 << 20) + 1))
    storage = Storage((tmp_path / "stored").as_uri())
    await storage.put_file(path, sha256)

    pieces = storage.stream(sha256)
    first = await anext(pieces)
    (tmp_path / "stored" / sha256[:2] / sha256).unlink()

    assert len(first) == 1 << 20
    with pytest.raises(StoredFileMissing, match="no longer has a file"):
        await anext(pieces)
