"""Token buckets: their content, refill and number."""

import multiprocessing
import time
from typing import Any

import pytest

from permissions.client_sites import site_of
from permissions.rate_limits import Buckets, Key
from settings import Settings
from tests.support.clocks import StoppedClock


def taken(buckets: Buckets, key: Key, count: int = 1) -> tuple[int, bool]:
    """What is left, and whether it was refused."""
    level = buckets.take(key, count)
    assert level is not None
    return level.remaining, level.refused_until > 0


def test_a_bucket_holds_a_minute_s_requests_and_fills_evenly(stopped_clock: StoppedClock) -> None:
    buckets = Buckets(600)

    assert [taken(buckets, 1, 200) for _ in range(4)] == [(400, False), (200, False), (0, False), (0, True)]
    stopped_clock.advance(0.21)
    assert [taken(buckets, 1) for _ in range(2)] == [(1, False), (0, False)]
    assert taken(buckets, 1)[1]
    assert taken(buckets, 2) == (599, False)


def test_all_of_a_bucket_is_enough_for_any_count() -> None:
    buckets = Buckets(3)

    assert taken(buckets, 1, 10) == (0, False)
    assert taken(buckets, 1, 10) == (0, True)


def test_what_is_refused_takes_nothing_and_looking_neither() -> None:
    buckets = Buckets(4)
    taken(buckets, 1, 3)

    assert taken(buckets, 1, 2) == (1, True)
    assert [buckets.look(1) is not None for _ in range(3)] == [True] * 3
    assert taken(buckets, 1) == (0, False)


def test_as_many_buckets_as_there_are_places_are_kept_apart() -> None:
    buckets = Buckets(1)
    keys = range(65_536)  # Whose hashes are themselves: four for each row.

    assert {taken(buckets, key) for key in keys} == {(0, False)}
    assert {taken(buckets, key) for key in keys} == {(0, True)}


def test_where_there_are_more_the_newest_are_known() -> None:
    buckets = Buckets(1)
    for number in range(200_000):
        buckets.take(number * 7_919)

    assert taken(buckets, 199_999 * 7_919) == (0, True)


def _take_many(buckets: Buckets, served: Any) -> None:
    found = [buckets.take(7) for _ in range(20_000)]
    served.put(sum(level is not None and not level.refused_until for level in found))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_that_take_at_once_take_no_more_than_there_is(method: str) -> None:
    start: Any = multiprocessing.get_context(method)
    buckets, served = Buckets(30_000, shared=True), start.Queue()
    processes = [start.Process(target=_take_many, args=(buckets, served)) for _ in range(2)]

    began_at = time.monotonic()
    for each in processes:
        each.start()
    together = sum(served.get(timeout=30) for _ in processes)
    filled = (time.monotonic() - began_at) * 30_000 / 60
    for each in processes:
        each.join()

    assert 30_000 <= together <= 30_000 + filled + 1


@pytest.mark.parametrize(
    ("ip", "other", "are_one"),
    [
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        (None, "no address", True),
    ],
)
def test_what_counts_as_one_client(ip: str | None, other: str, are_one: bool) -> None:
    assert (site_of(ip) == site_of(other)) is are_one


@pytest.mark.parametrize(
    ("networks", "hint"),
    [("proxy.example", "such as"), ("10.0.0.1/8", "write"), ("10.0.0.0/8, x", "such as")],
)
def test_proxies_are_networks(networks: str, hint: str) -> None:
    with pytest.raises(ValueError, match=rf"{hint} 10\.0\.0\.0/8"):
        Settings.model_validate({"trusted_proxies": networks})
