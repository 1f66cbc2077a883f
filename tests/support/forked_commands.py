"""Commands of `team-access`, each in a process forked from one that has imported what commands import.

They do all that they do where `tests/processes/test_start.py` starts them from nothing, but for the imports,
which take ten times as long as the rest.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO

ROOT = Path(__file__).parents[2]
_TIMEOUT_SECONDS = 60


def outcome(folder: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """The exit code, what it printed and what it complained of."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DATA_DIR": str(folder / "data"), **settings}
    request = {"folder": str(folder), "arguments": arguments, "environment": environment}
    server = _server()
    with _LOCK:
        print(json.dumps(request), file=server.stdin, flush=True)
        code, out, err = json.loads(server.stdout.readline())  # type: ignore[union-attr]
    return code, out, err


_LOCK = Lock()


@cache
def _server() -> "subprocess.Popen[str]":
    """Ends with its standard input."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.forked_commands"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _serve() -> None:
    import cli
    from audit_proof import keys as audit_keys  # noqa: F401
    from resolvers.billing import operator as operator_invoices  # noqa: F401

    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            pid = os.fork()
            if pid == 0:
                _become(request, out, err)
                os._exit(_code_of(cli.main))  # Python would take down all that was imported.
            _, status = os.waitpid(pid, 0)
            answer = [os.waitstatus_to_exitcode(status), *map(_read, (out, err))]
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


def _code_of(main: Callable[[], None]) -> int:
    try:
        main()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _become(request: dict[str, Any], out: BinaryIO, err: BinaryIO) -> None:
    """The process that would have been started for the request. It is killed where it does not end."""
    signal.alarm(_TIMEOUT_SECONDS)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    with open(os.devnull, "rb") as nothing:
        for number, file in enumerate((nothing, out, err)):
            os.dup2(file.fileno(), number)


def _read(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    _serve()
