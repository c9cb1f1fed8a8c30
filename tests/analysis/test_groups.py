"""Mass reclaims and what chance makes of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.analysis.frames import INTERVALS, NOTICES
from sink.analysis.groups import fano_factor, grouping, reclaim_groups, running_at
from tests.analysis.built import HOUR, MINUTE, life, lives, notices, running

RANDOM = 20261123
EVEN = [hour * HOUR + 17 * MINUTE + hour for hour in range(200)]
"""One reclaim an hour: no two near each other."""


def test_notices_within_the_gap_are_one_group() -> None:
    """Each follows the one before within three minutes, however long the chain."""
    found = reclaim_groups(notices(0, 3 * MINUTE, 6 * MINUTE, 9 * MINUTE + 1), INTERVALS.empty())
    assert found[["start_ms", "end_ms", "size"]].values.tolist() == [
        [0, 6 * MINUTE, 3],
        [9 * MINUTE + 1, 9 * MINUTE + 1, 1],
    ]


def test_a_group_stays_within_its_zone_and_type() -> None:
    """Two zones at one moment are two groups, unless zones are not asked for."""
    both = NOTICES.cast(pd.concat([notices(0), notices(0, zone_id="cn-beijing-b")]))
    assert reclaim_groups(both, INTERVALS.empty())["size"].tolist() == [1, 1]
    assert reclaim_groups(both, INTERVALS.empty(), by="type")["size"].tolist() == [2]


def test_a_group_tells_which_share_of_the_running_it_took() -> None:
    """Two of the four that ran."""
    states = running(lives(*(life(n, 5, "alive") for n in range(4))))
    row = reclaim_groups(notices(HOUR, HOUR + 1), states).iloc[0]
    assert (row["running"], row["share"]) == (4, 0.5)


def test_a_group_of_instances_never_seen_running_has_no_share() -> None:
    """Unknown is missing, not a division by zero."""
    assert pd.isna(reclaim_groups(notices(0), INTERVALS.empty())["share"].iloc[0])


@given(st.lists(st.integers(0, 10 * HOUR), min_size=1, max_size=50))
def test_sizes_sum_to_the_notices(moments: list[int]) -> None:
    """No notice is lost or counted twice, whatever the order."""
    found = reclaim_groups(notices(*moments), INTERVALS.empty())
    assert found["size"].sum() == len(moments)
    assert (found["end_ms"] <= found["start_ms"].shift(-1) - 180_000).iloc[:-1].all()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=20), st.integers(0, 80))
def test_running_at_a_moment_is_a_direct_count(stays: list[tuple[int, int]], moment: int) -> None:
    """Who began by then and had not ended."""
    frame = pd.DataFrame(
        {"start_ms": [a for a, _ in stays], "end_ms": [a + b for a, b in stays]}, dtype="int64"
    )
    assert running_at(frame, np.array([moment])).tolist() == [sum(a <= moment < a + b for a, b in stays)]


def test_mass_reclaims_exceed_chance() -> None:
    """Ten at once, twenty times over 200 hours: all grouped, where chance groups fewer."""
    moments = [hour * 10 * HOUR + second * 1000 for hour in range(20) for second in range(10)]
    row = grouping(notices(*moments), np.random.default_rng(RANDOM), by=()).iloc[0]
    assert (row["reclaims"], row["largest"], row["grouped"]) == (200, 10, 1.0)
    assert row["chance_high"] < 1
    assert row["p_value"] == pytest.approx(1 / 501)


def test_reclaims_at_random_do_not_exceed_chance() -> None:
    """A large fleet has neighbours in time: grouped is much, and chance says as much."""
    random = np.random.default_rng(RANDOM)
    row = grouping(notices(*random.integers(0, 50 * HOUR, 1500)), random, by=()).iloc[0]
    assert row["grouped"] > 0.7
    assert row["chance"] == pytest.approx(row["grouped"], abs=0.04)
    assert row["p_value"] > 0.05


def test_times_on_a_five_minute_grid_are_held_against_chance_on_that_grid() -> None:
    """A check cycle makes ties by itself; they are no mass reclaim."""
    random = np.random.default_rng(RANDOM)
    snapped = random.integers(0, 50 * 12, 300) * 5 * MINUTE
    row = grouping(notices(*snapped), random, by=()).iloc[0]
    assert row["grouped"] > 0.3
    assert row["p_value"] > 0.05


def test_chance_is_an_argument() -> None:
    """The same seed gives the same figures."""
    first, second = (grouping(notices(*EVEN[:20]), np.random.default_rng(1)) for _ in range(2))
    pd.testing.assert_frame_equal(first, second)


def test_one_reclaim_is_no_grouping() -> None:
    """Shares are missing, counts are there."""
    row = grouping(notices(5), np.random.default_rng(RANDOM)).iloc[0]
    assert (row["reclaims"], row["largest"]) == (1, 1)
    assert row[["grouped", "chance", "p_value"]].isna().all()


def test_an_even_rate_has_a_fano_factor_of_nought() -> None:
    """One an hour, every hour: no spread at all."""
    assert fano_factor(notices(*EVEN), 0, 200 * HOUR) == 0


def test_chance_has_a_fano_factor_of_one() -> None:
    """A Poisson count's variance is its mean."""
    moments = np.random.default_rng(RANDOM).integers(0, 2000 * HOUR, 10_000)
    assert fano_factor(notices(*moments), 0, 2000 * HOUR) == pytest.approx(1, abs=0.1)


def test_reclaims_by_the_ten_have_a_fano_factor_of_ten() -> None:
    """Groups of ten at random hours."""
    hours = np.random.default_rng(RANDOM).integers(0, 2000, 500)
    assert fano_factor(notices(*np.repeat(hours, 10) * HOUR), 0, 2000 * HOUR) == pytest.approx(10, rel=0.1)


def test_hours_without_a_notice_count_in_the_fano_factor() -> None:
    """The window is an argument: quiet hours before and after are data."""
    assert fano_factor(notices(0, 1, 2), 0, 3 * HOUR) == pytest.approx(3)


@pytest.mark.parametrize(("moments", "hours"), [((), 10), ((5,), 1)])
def test_too_little_gives_no_fano_factor(moments: tuple[int, ...], hours: int) -> None:
    """No notice, or a single hour."""
    assert np.isnan(fano_factor(notices(*moments), 0, hours * HOUR))


def test_no_notices_give_no_rows() -> None:
    """An empty log is no error."""
    assert reclaim_groups(NOTICES.empty(), INTERVALS.empty()).empty
    assert grouping(NOTICES.empty(), np.random.default_rng(RANDOM)).empty
