"""The signing key of the embedded database is created once, by the first process that needs it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from threading import Barrier

import pytest

from resolvers import signing_key_files
from resolvers.audit import signing_keys
from settings import Settings


def test_processes_that_create_it_at_once_use_the_same_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, none_is_there = Settings(_env_file=None, data_dir=tmp_path), Barrier(4, timeout=10)

    def token_once_none_is_there(size: int) -> str:
        none_is_there.wait()
        return token_hex(size)

    monkeypatch.setattr(signing_key_files, "token_hex", token_once_none_is_there)
    with ThreadPoolExecutor(4) as threads:
        keys = list(threads.map(lambda _: signing_keys.signing_key(settings), range(4)))

    assert len({key.private_bytes_raw() for key in keys}) == 1
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]
