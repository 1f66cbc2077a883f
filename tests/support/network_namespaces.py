"""A network of its own for PostgreSQL, which can drop every packet. Needs root and iproute2."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from embedded import folder as embedded_folder
from tests.support.machine_network import network_changing

_NOWHERE = "02:00:00:00:00:99"


class Network:
    """Two ends: `ours`, and `theirs` in the namespace."""

    def __init__(self) -> None:
        number = os.getpid() % 60_000
        self.name = f"ta{number}"
        subnet = f"10.{200 + number // 250 % 50}.{number % 250}"
        self.ours, self.theirs = f"{subnet}.1", f"{subnet}.2"
        self._our_device, self._their_device = f"{self.name}a", f"{self.name}b"

    def create(self) -> None:
        _ip("netns", "add", self.name)
        _ip("link", "add", self._our_device, "type", "veth", "peer", self._their_device, "netns", self.name)
        for inside, device, address in (
            ((), self._our_device, self.ours),
            (("-n", self.name), self._their_device, self.theirs),
        ):
            _ip(*inside, "addr", "add", f"{address}/30", "dev", device)
            _ip(*inside, "link", "set", device, "up")
        self.mend()

    def remove(self) -> None:
        _ip("netns", "del", self.name)

    def drop(self) -> None:
        """Drops all packets: they go to an address that nobody has. No connection is reset or refused."""
        self._lead(_NOWHERE, _NOWHERE)

    def mend(self) -> None:
        self._lead(self._address_of(self._their_device, "-n", self.name), self._address_of(self._our_device))

    @property
    def prefix(self) -> list[str]:
        """Command that starts PostgreSQL in the namespace, as its user."""
        user = embedded_folder.user()
        assert user is not None
        become = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        return ["ip", "netns", "exec", self.name, *become]

    def _lead(self, to_them: str, to_us: str) -> None:
        ours = (
            "neigh",
            "replace",
            self.theirs,
            "lladdr",
            to_them,
            "dev",
            self._our_device,
            "nud",
            "permanent",
        )
        theirs = (
            "neigh",
            "replace",
            self.ours,
            "lladdr",
            to_us,
            "dev",
            self._their_device,
            "nud",
            "permanent",
        )
        _ip(*ours)
        _ip("-n", self.name, *theirs)

    def _address_of(self, device: str, *inside: str) -> str:
        shown = _ip(*inside, "-brief", "link", "show", "dev", device)
        return shown.split()[2]


@contextmanager
def network() -> Iterator[Network]:
    if os.geteuid() != 0:
        pytest.skip("not root: networks cannot be made, so none that drops packets was tried")
    made = Network()
    with network_changing():
        try:
            made.create()
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no network namespaces ({error}): none that drops packets was tried")
        try:
            yield made
        finally:
            made.remove()


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=30)
    return done.stdout
