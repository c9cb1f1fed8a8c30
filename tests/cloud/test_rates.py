"""Buckets: what is left of a quota, how it falls and how it comes back."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from sink.cloud.rates import RATES, Bucket


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def emptied(per_second: float, clock: Clock) -> Bucket:
    """A bucket whose first tokens are gone."""
    bucket = Bucket(per_second, clock=clock)
    while bucket.wait_seconds() == 0:
        bucket.take()
    return bucket


@given(st.floats(0.5, 50), st.lists(st.floats(0, 5), max_size=60))
def test_no_more_calls_than_the_quota_of_the_time_that_has_passed(
    per_second: float, pauses: list[float]
) -> None:
    """However calls come, they fit into what the bucket held and what has run in."""
    clock, made = Clock(), 0
    bucket = Bucket(per_second, clock=clock)
    for pause in pauses:
        clock.now += pause
        while bucket.wait_seconds() == 0:
            bucket.take()
            made += 1

    assert made <= max(8, min(100, per_second * 60)) + per_second * clock.now + 1


def test_a_wait_is_as_long_as_it_says() -> None:
    """Who comes back then finds a token, and nobody a moment earlier."""
    clock = Clock()
    bucket = emptied(2.0, clock)
    wait = bucket.wait_seconds()

    clock.now += wait * 0.9
    assert bucket.wait_seconds() > 0
    clock.now += wait * 0.2
    assert bucket.wait_seconds() == 0


def test_a_throttled_call_makes_it_slower_and_time_faster_again() -> None:
    """Down at once, up slowly: others of the account use the same quota."""
    clock = Clock()
    bucket = Bucket(10.0, clock=clock)

    bucket.slow_down()
    slow = bucket.per_second
    clock.now += 5
    recovering = bucket.per_second
    clock.now += 60

    assert slow < recovering < 10.0
    assert bucket.per_second == 10.0


def test_throttled_calls_that_were_under_way_together_count_once() -> None:
    """Eight calls that meet the same full window are one piece of news."""
    clock = Clock()
    bucket = Bucket(10.0, clock=clock)

    bucket.slow_down()
    once = bucket.per_second
    for _ in range(7):
        bucket.slow_down()

    assert bucket.per_second == once


def test_it_never_falls_below_half() -> None:
    """An interruption must not starve because somebody else uses the quota up."""
    clock = Clock()
    bucket = Bucket(10.0, clock=clock)
    for _ in range(50):
        clock.now += 1
        bucket.slow_down()

    assert bucket.per_second >= 5.0


def test_the_background_leaves_half_for_those_in_a_hurry() -> None:
    """A refresh of a thousand balancers may take all day, an interruption may not wait for it."""
    clock = Clock()
    bucket = Bucket(45.0, clock=clock)
    for_background = 0
    while bucket.wait_seconds(background=True) == 0:
        bucket.take(background=True)
        for_background += 1
    left = 0
    while bucket.wait_seconds() == 0:
        bucket.take()
        left += 1

    assert for_background > 0
    assert left >= 50


def test_the_background_takes_at_most_half_the_rate() -> None:
    """Each of its calls costs two."""
    clock = Clock()
    bucket = Bucket(10.0, clock=clock)
    made = 0
    for _ in range(1000):
        clock.now += 0.1
        if bucket.wait_seconds(background=True) == 0:
            bucket.take(background=True)
            made += 1

    assert made <= 100 * 10 / 2 + 50


def test_every_product_that_is_called_has_a_rate() -> None:
    """Edits of balancers are counted by the minute, and few."""
    assert set(RATES) == {"ecs", "slb", "alb", "nlb", "ess", "cms", "actiontrail"}
    assert RATES["slb"].changes * 60 <= 90
    assert RATES["slb"].reads * 60 <= 3000
