"""Memory that a process shares with its child processes, whether they are forked or spawned."""

import mmap
import multiprocessing.reduction
import os
import sys
import tempfile
from typing import Any


class SharedMemory:
    """Memory map of an unnamed file, which is filled with zeros. A spawned process receives the file
    descriptor by pickling; a forked one inherits it."""

    def __init__(self, size: int) -> None:
        if sys.platform == "linux":
            file = os.memfd_create("team-access")
        else:
            with tempfile.TemporaryFile() as temporary:
                file = os.dup(temporary.fileno())
        os.ftruncate(file, size)
        self._map(file, size)

    def _map(self, file: int, size: int) -> None:
        self.file, self._size = file, size
        self.memory = mmap.mmap(file, size)

    def __getstate__(self) -> tuple[object, int]:
        return multiprocessing.reduction.DupFd(self.file), self._size

    def __setstate__(self, state: tuple[Any, int]) -> None:
        file, size = state
        self._map(file.detach(), size)

    def __del__(self) -> None:
        os.close(self.file)
