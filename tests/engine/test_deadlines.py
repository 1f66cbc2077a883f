"""Deadlines that share a timer."""

import asyncio

import pytest

from engine.deadlines import Deadline


async def test_what_takes_too_long_is_cut_off() -> None:
    with pytest.raises(TimeoutError), Deadline(0.05):
        await asyncio.sleep(5)

    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_is_done_in_time_is_left_alone() -> None:
    with Deadline(0.2):
        await asyncio.sleep(0.01)

    await asyncio.sleep(0.4)


async def test_the_inner_of_two_ends_first() -> None:
    with Deadline(5):
        with pytest.raises(TimeoutError), Deadline(0.05):
            await asyncio.sleep(5)

        await asyncio.sleep(0)


async def test_who_is_cancelled_from_outside_is_told_so() -> None:
    async def wait() -> None:
        with Deadline(5):
            await asyncio.sleep(5)

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.01)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task


async def test_there_is_none_outside_a_task() -> None:
    loop, refusal = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    def wait() -> None:
        try:
            with Deadline(5):
                refusal.set_result("begun")
        except RuntimeError as error:
            refusal.set_result(str(error))

    loop.call_soon(wait)

    assert await refusal == "a deadline is for a task"


def test_each_event_loop_has_its_own() -> None:
    """Also one that begins while the timer of another, which has ended, was still to come."""
    for _ in range(2):
        with pytest.raises(TimeoutError):
            asyncio.run(_too_long())


async def _too_long() -> None:
    with Deadline(0.05):
        await asyncio.sleep(5)
