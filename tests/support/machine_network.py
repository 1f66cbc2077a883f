"""The network of the machine, which all test processes share. Chromium aborts what it loads whenever a
network interface is added or removed, so tests that do that and tests with Chromium do not run at the same
time."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from fcntl import LOCK_EX, LOCK_SH, flock
from pathlib import Path

_FOLDER = Path(tempfile.gettempdir())
_GATE, _NETWORK = _FOLDER / "team-access-tests-gate.lock", _FOLDER / "team-access-tests-network.lock"


@contextmanager
def network_unchanged() -> Iterator[None]:
    """Many at a time."""
    with ExitStack() as held:
        with _locked(_GATE, LOCK_EX):  # Whoever waits to change the network comes first.
            held.enter_context(_locked(_NETWORK, LOCK_SH))
        yield


@contextmanager
def network_changing() -> Iterator[None]:
    """One at a time, and none of those that need it unchanged."""
    with _locked(_GATE, LOCK_EX), _locked(_NETWORK, LOCK_EX):
        yield


@contextmanager
def _locked(path: Path, mode: int) -> Iterator[None]:
    with path.open("a") as file:
        flock(file, mode)
        yield
