"""Runs CPU-bound work in one thread of the process. The interpreter switches between it and the event loop
every 5 ms."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")
_threads = [ThreadPoolExecutor(1, thread_name_prefix="side")]


async def beside_the_loop(function: Callable[..., Result], *arguments: object) -> Result:
    """Returns the function's result, or raises its exception. Calls run in order; a call whose caller was
    cancelled does not run."""
    return await asyncio.get_running_loop().run_in_executor(_threads[-1], function, *arguments)


def _begin_anew() -> None:
    """Makes a new thread in a forked process, which does not have the old one."""
    _threads[:] = [ThreadPoolExecutor(1, thread_name_prefix="side")]


os.register_at_fork(after_in_child=_begin_anew)
