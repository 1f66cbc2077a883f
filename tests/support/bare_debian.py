"""A Debian made by debootstrap, in which `deploy/install` has installed the program, and processes in it."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.forked_commands import ROOT

SOURCE, WHEELS = "/tmp/source", "/tmp/wheels"  # noqa: S108 - in the root file system of the Debian
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_OTHER_PYTHON = re.compile(r" ; python_\w+ < '[0-9.]+'")
"""Condition of a package that Debian's Python needs and this one does not."""
_ENTER = """set -e
root=$1; shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
mount -t tmpfs tmpfs "$root/tmp"
"""
_INSTALLING = f"""{_ENTER}
mkdir -p "$root{SOURCE}" "$root{WHEELS}"
mount --bind -o ro "$1" "$root{SOURCE}"
mount --bind -o ro "$2" "$root{WHEELS}"
shift 2
exec chroot "$root" "$@"
"""
_AS_ROOT = f"""{_ENTER}
exec chroot "$root" "$@"
"""
_AS_A_SERVICE = f"""{_ENTER}
mount -o remount,bind,ro "$root"
mount --bind "$root/var/lib/team-access" "$root/var/lib/team-access"
mount -o remount,bind,rw "$root/var/lib/team-access"
exec chroot --userspec=team-access:team-access "$root" /bin/sh -c \
    'set -a; . /etc/team-access/settings.env; set +a; cd /var/lib/team-access; exec "$0" "$@"' "$@"
"""


def missing() -> str | None:
    """Why this machine cannot run a Debian of its own; None where it can."""
    if os.geteuid() != 0:
        return "only root can change the root file system of a process"
    if shutil.which("debootstrap") is None:
        return "debootstrap is not installed"
    if subprocess.run(
        ["unshare", "--mount", "mount", "--make-rprivate", "/"], capture_output=True
    ).returncode:
        return "mounts are not permitted here"
    return None if _mirror() else "the package index of a Debian is not configured"


def _mirror() -> tuple[str, str] | None:
    """Release of this Debian, and the package index that it uses."""
    if shutil.which("apt-get") is None:
        return None
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"],
        capture_output=True,
        text=True,
    ).stdout
    found = re.findall(r"^(bookworm|trixie|forky) (http\S+)$", listed, re.MULTILINE)
    return found[0] if found else None


class BareDebian:
    def __init__(self, folder: Path) -> None:
        self.root, self.wheels = folder / "root", folder / "wheels"

    def create(self) -> None:
        """Without Python. The wheels are downloaded meanwhile."""
        mirror = _mirror()
        assert mirror is not None
        pins = self.wheels.with_suffix(".lock")
        pins.write_text(_OTHER_PYTHON.sub("", (ROOT / "deploy" / "requirements.lock").read_text()))
        with ThreadPoolExecutor() as threads:
            tasks = [
                threads.submit(
                    _run, ["debootstrap", "--variant=minbase", mirror[0], str(self.root), mirror[1]]
                ),
                threads.submit(
                    _run,
                    [
                        *(
                            sys.executable,
                            "-m",
                            "pip",
                            "download",
                            "--quiet",
                            "--no-deps",
                            "--require-hashes",
                        ),
                        *("-r", str(pins), "-d", str(self.wheels)),
                    ],
                ),
            ]
        for task in tasks:
            task.result()

    def install(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Runs `deploy/install` of this source."""
        return self._start(_INSTALLING, str(ROOT), str(self.wheels), f"{SOURCE}/deploy/install", *arguments)

    def as_root(self, *command: str) -> "subprocess.CompletedProcess[str]":
        return self._start(_AS_ROOT, *command)

    def _start(self, enter: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self._command(enter, *arguments), capture_output=True, text=True, env=_environment()
        )

    def _command(self, enter: str, *arguments: str) -> list[str]:
        return ["unshare", "--mount", "/bin/sh", "-c", enter, "enter", str(self.root), *arguments]

    def command_of(self, unit: str) -> list[str]:
        """Command that an installed systemd unit starts."""
        text = (self.root / "etc/systemd/system" / unit).read_text()
        (command,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
        return str(command).split()

    @asynccontextmanager
    async def service(
        self, command: Sequence[str], **settings: str
    ) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
        """A process as a service runs: with its user, the settings in the file, and a read-only root file
        system. Yields the file with its output, too."""
        output = self.root.parent / f"{command[-1].rpartition('/')[2]}.log"
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *self._command(_AS_A_SERVICE, *command), stdout=file, stderr=file, env=_environment(settings)
            )
        try:
            yield process, output
        finally:
            if process.returncode is None:
                process.terminate()
            await asyncio.wait_for(process.wait(), 30)


def _environment(settings: dict[str, str] | None = None) -> dict[str, str]:
    return {"PATH": _PATH, "LC_ALL": "C.UTF-8", **(settings or {})}


def _run(command: list[str]) -> None:
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, f"{command[0]}: {result.stdout[-2000:]}{result.stderr[-2000:]}"
