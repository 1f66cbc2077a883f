"""Program that typesets one PDF and ends. It runs in a process of its own.

Standard input has one line of JSON, the job, and then the document's data as JSON. Standard output has the
PDF. Standard error has the reason if the exit status is not 0, and otherwise the characters that no font has.
"""

import ctypes
import json
import os
import resource
import signal
import sys
import threading
import time
from typing import Any, cast

from engine.canonical_json import JSONObject

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.5


def main() -> None:
    job = json.loads(sys.stdin.buffer.readline())
    _end_with(job["parent"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (job["cpuSeconds"], job["cpuSeconds"]))
    resource.setrlimit(resource.RLIMIT_AS, (job["memoryBytes"], job["memoryBytes"]))
    pdf = _typeset(job, sys.stdin.buffer.read().decode())
    sys.stdout.buffer.write(pdf)
    sys.stdout.buffer.flush()


def _end_with(parent: int) -> None:
    """Ends this process when the parent has ended: immediately on Linux, within half a second elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _typeset(job: JSONObject, data: str) -> bytes:
    import typst

    fonts = typst.Fonts(font_paths=[job["fonts"]])

    def compiled(standards: Any) -> bytes:
        inputs = {"data": data, "incomplete": "false" if standards else "true"}
        compiler = typst.Compiler(job["template"], root=job["root"], font_paths=fonts, sys_inputs=inputs)
        pdf = compiler.compile(format="pdf", pdf_standards=standards, timestamp=job["timestamp"])
        return cast("bytes", pdf)

    try:
        return compiled(["a-2b"])
    except typst.TypstError as error:
        if "could not be displayed" not in error.message:
            raise
        sys.stderr.write(error.message)
    return compiled([])


if __name__ == "__main__":
    main()
