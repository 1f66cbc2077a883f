"""Node.js script that one process runs repeatedly."""

import json
import subprocess
from functools import cache
from pathlib import Path

_RUNNER = Path(__file__).with_suffix(".mjs")


def run(node: str, script: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    runner = _runner(node, script)
    print(json.dumps(arguments), file=runner.stdin, flush=True)
    assert runner.stdout is not None
    code, out, err = json.loads(runner.stdout.readline())
    return subprocess.CompletedProcess([node, script, *arguments], code, out, err)


@cache
def _runner(node: str, script: Path) -> "subprocess.Popen[str]":
    """Ends with its standard input."""
    return subprocess.Popen([node, _RUNNER, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
