"""Pauses grow, stay within their bounds and differ between sinks."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from sink.backoff import Backoff


@given(st.integers(0, 2**32), st.integers(0, 500))
def test_every_pause_is_within_half_and_full(seed: int, tries: int) -> None:
    """Full jitter over the upper half: never a hot loop, never longer than the limit."""
    full = min(60.0, 0.5 * 2.0 ** min(tries, 32))

    assert full / 2 <= Backoff(0.5, 60, Random(seed)).at(tries) <= full


def test_pauses_grow_until_a_try_goes_well() -> None:
    """The count is the number of tries since the last success."""
    pauses = Backoff(1, 1000, Random(7))
    grown = [pauses.next_seconds() for _ in range(9)]
    pauses.reset()

    assert grown[8] > 100
    assert pauses.next_seconds() <= 1


def test_two_sinks_do_not_knock_in_step() -> None:
    """Different seeds give different pauses."""
    assert Backoff(1, 60, Random(1)).next_seconds() != Backoff(1, 60, Random(2)).next_seconds()
