"""Hours between moments, and groups in which the unknown counts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.analysis.exposure import groups_of, hours_between, labelled, totals
from sink.analysis.frames import LIFETIMES, MS_PER_HOUR, FrameError, require
from tests.analysis.built import life, lives

STAYS = st.lists(st.tuples(st.integers(0, 10**12), st.integers(0, 10**9)), min_size=1, max_size=30)
EDGES = st.lists(st.integers(0, 10**12 + 10**9), min_size=2, max_size=10, unique=True)


def _series(values: list[int]) -> pd.Series:
    return pd.Series(values, dtype="int64")


@given(STAYS, EDGES)
def test_hours_between_edges_are_the_sum_of_all_overlaps(
    stays: list[tuple[int, int]], edges: list[int]
) -> None:
    """Each span's hours are those that a direct count of overlaps gives, whatever the order of stays."""
    edges.sort()
    start, end = _series([a for a, _ in stays]), _series([a + b for a, b in stays])
    found = hours_between(start, end, np.array(edges))
    overlaps = [
        sum(max(0, min(b, high) - max(a, low)) for a, b in zip(start, end, strict=True))
        for low, high in pairwise(edges)
    ]
    assert found.tolist() == pytest.approx([ms / MS_PER_HOUR for ms in overlaps], abs=1e-9)


def test_ten_million_stays_of_this_century_do_not_overflow() -> None:
    """Sums of products are counted from the first edge, so they stay within 64 bits."""
    start = pd.Series(np.full(1_000_000, 1_790_000_000_000))
    edges = np.array([1_780_000_000_000, 1_790_000_000_000 + MS_PER_HOUR])
    assert hours_between(start, start + 10 * MS_PER_HOUR, edges).tolist() == [1_000_000.0]


def test_nobody_has_no_hours() -> None:
    """No stays give zeros, one a span."""
    assert hours_between(_series([]), _series([]), np.array([0, 1, 2])).tolist() == [0.0, 0.0]


def test_a_life_without_a_zone_is_counted_as_unknown() -> None:
    """What nobody named is a group of its own and not left out of a total."""
    frame = lives(life(0), life(1, zone_id=None))
    counted = totals(frame, "zone", ["running_ms"])
    assert dict(zip(counted["zone_id"], counted["lives"], strict=True)) == {"cn-beijing-a": 1, "unknown": 1}


def test_a_zone_that_is_called_unknown_joins_the_unknown() -> None:
    """The label may occur in the data already."""
    frame = labelled(lives(life(0, zone_id="unknown"), life(1, zone_id=None)), "zone")
    assert frame["zone_id"].tolist() == ["unknown", "unknown"]


def test_without_a_grouping_all_rows_are_one_group() -> None:
    """`by=()` gives the total in one row."""
    assert totals(lives(life(0), life(1)), (), ["running_ms"])["lives"].tolist() == [2]


def test_an_empty_frame_has_no_groups() -> None:
    """Neither by a column nor in all."""
    empty = LIFETIMES.empty()
    assert list(groups_of(empty, ())) == list(groups_of(empty, "zone")) == []


def test_a_missing_column_is_named_with_the_next_step() -> None:
    """The error says which column lacks and which function makes the frame."""
    with pytest.raises(FrameError, match=r"no column 'outcome'. Make it with lifetimes"):
        require(lives(life()).drop(columns="outcome"), LIFETIMES)
