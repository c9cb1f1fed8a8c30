"""Bars are round, aligned, and at most sixty or so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.search.histogram import LIMIT, bucket_width, buckets
from sink.local.sls.search.queries import Bucket


@pytest.mark.parametrize(
    ("span", "width"), [(1, 1), (60, 1), (900, 15), (3600, 60), (14400, 300), (86400, 1800), (604800, 14400)]
)
def test_a_width_is_round(span: int, width: int) -> None:
    """A quarter of an hour to a week, as the console offers them."""
    assert bucket_width(0, span) == width


def test_bars_begin_at_multiples_of_their_width() -> None:
    """But for the first and the last, which end with the query."""
    assert buckets(5, 25, 10, {0: 1, 2: 7}) == [Bucket(5, 10, 1), Bucket(10, 20, 0), Bucket(20, 25, 7)]


@given(st.integers(0, 2**40), st.integers(1, 2**40))
def test_there_are_never_many_bars(from_: int, span: int) -> None:
    """Whatever the time range."""
    width = bucket_width(from_, from_ + span)
    assert len(buckets(from_, from_ + span, width, {})) <= LIMIT + 1
