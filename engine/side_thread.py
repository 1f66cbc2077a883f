"""Work that takes the CPU longer than the event loop is to be kept from others.

One thread of the process does it, and the interpreter takes turns between it and the loop every 5 ms.
"""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
_threads = [ThreadPoolExecutor(1, thread_name_prefix="side")]


async def beside_the_loop(function: Callable[..., Result], *arguments: object) -> Result:
    """What the function returns, or raises. Its turn comes in order; not at all where whoever awaits it is
    cancelled before."""
    return await asyncio.get_running_loop().run_in_executor(_threads[-1], function, *arguments)


def _begin_anew() -> None:
    """In a process that was forked, where the thread is not."""
    _threads[:] = [ThreadPoolExecutor(1, thread_name_prefix="side")]


os.register_at_fork(after_in_child=_begin_anew)
