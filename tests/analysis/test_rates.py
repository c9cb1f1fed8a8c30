"""Interruptions per running hour: exact intervals, honest ranks, protected time."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from statsmodels.stats.rates import test_poisson_2indep as conditional_test

from sink.analysis.frames import LIFETIMES, FrameError
from sink.analysis.rates import exact_p_value, interruption_rates, with_rate
from tests.analysis.built import HOUR, life, lives


def _zone(zone: str, events: int, hours: float) -> list[dict[str, object]]:
    """Lives of one zone: so many interruptions, and these hours in all."""
    alive = life(0, hours, "alive", zone_id=zone)
    return [alive, *(life(n + 1, 0, zone_id=zone) for n in range(events))]


def test_a_rate_is_interruptions_over_running_hours() -> None:
    """Releases and lives that go on count with their hours only."""
    frame = lives(life(0, 30), life(1, 50, "released"), life(2, 20, "alive"))
    row = interruption_rates(frame, by=()).iloc[0]
    assert (row["events"], row["hours"], row["rate"]) == (1, 100.0, 0.01)


def test_an_unconfirmed_interruption_counts() -> None:
    """A notice whose Deleted got lost is the provider's doing all the same."""
    assert interruption_rates(lives(life(0, 1, "interrupted_unconfirmed")))["events"].tolist() == [1]


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 500), st.floats(0.5, 1e6))
def test_the_interval_is_garwoods(events: int, hours: float) -> None:
    """Chi-square quantiles, computed here a second time from scipy."""
    row = with_rate(pd.DataFrame({"events": [events], "hours": [hours]})).iloc[0]
    low = chi2.ppf(0.025, 2 * events) / 2 / hours if events else 0.0
    assert (row["low"], row["high"]) == pytest.approx((low, chi2.ppf(0.975, 2 * events + 2) / 2 / hours))


def test_ten_events_have_the_textbook_interval() -> None:
    """10 events: 4.795 to 18.390 (Garwood 1936; the tables of Pearson and Hartley)."""
    row = with_rate(pd.DataFrame({"events": [10], "hours": [1.0]})).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((4.795, 18.390), abs=0.001)


def test_a_cell_without_hours_has_no_rate() -> None:
    """An interruption of what was never seen Running is counted, and nothing is divided by zero."""
    row = interruption_rates(lives(life(0, 0)), by=()).iloc[0]
    assert row["events"] == 1
    assert row[["rate", "low", "high"]].isna().all()


@pytest.mark.parametrize(("events", "hours", "ranked"), [(5, 50, True), (4, 50, False), (5, 49, False)])
def test_no_rank_under_five_events_or_fifty_hours(events: int, hours: int, ranked: bool) -> None:
    """A cell with eight hours and no interruption must not stand on top."""
    frame = lives(*_zone("a", events, hours), *_zone("b", 50, 500))
    assert pd.notna(interruption_rates(frame, by="zone")["rank"].iloc[0]) == ranked


def test_a_single_group_with_enough_has_no_rank() -> None:
    """First of one would read as the best; it may be the worst."""
    frame = lives(*_zone("a", 50, 500), *_zone("b", 0, 400))
    assert interruption_rates(frame, by="zone")["rank"].isna().all()


def test_cells_whose_intervals_overlap_share_a_rank() -> None:
    """Only an interval that lies wholly below another's pushes it down."""
    frame = lives(*_zone("a", 10, 1000), *_zone("b", 12, 1000), *_zone("c", 90, 1000))
    assert interruption_rates(frame, by="zone")["rank"].tolist() == [1, 1, 3]


def test_a_cell_that_differs_from_all_others_is_marked() -> None:
    """Benjamini-Hochberg keeps what is far from the rest, and only that."""
    frame = lives(*(row for zone in "abcde" for row in _zone(zone, 10, 1000)), *_zone("f", 60, 1000))
    rates = interruption_rates(frame, by="zone").set_index("zone_id")
    assert rates.loc["f", "differs"]


def test_equal_cells_are_seldom_marked() -> None:
    """Of 36 cells with one rate, single tests at 5 % would mark two in most fleets; we mark one in few."""
    random = np.random.default_rng(5)
    marked = 0
    for _ in range(20):
        counts = random.poisson(10, 36)
        frame = lives(*(row for cell, n in enumerate(counts) for row in _zone(f"z{cell:02d}", n, 1000)))
        marked += int(interruption_rates(frame, by="zone")["differs"].any())
    assert marked <= 3


def test_a_small_cell_is_drawn_towards_the_fleet() -> None:
    """Two hours without an interruption say nearly nothing: the shrunk rate is near the fleet's."""
    frame = lives(*_zone("a", 20, 1000), *_zone("b", 120, 1000), *_zone("c", 0, 2))
    rates = interruption_rates(frame, by="zone").set_index("zone_id")
    assert rates.loc["c", "rate"] == 0
    assert rates.loc["c", "shrunk"] == pytest.approx(140 / 2002, rel=0.2)
    assert rates.loc["b", "shrunk"] == pytest.approx(rates.loc["b", "rate"], rel=0.05)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 60), st.integers(1, 60), st.floats(1, 1e4), st.floats(1, 1e4))
def test_the_test_of_two_rates_is_the_conditional_binomial(
    events: int, other: int, hours: float, other_hours: float
) -> None:
    """scipy against statsmodels' conditional test of two Poisson counts."""
    expected = conditional_test(events, hours, other, other_hours, method="exact-cond").pvalue
    assert exact_p_value(events, hours, other, other_hours) == pytest.approx(expected, abs=1e-6)


def test_nothing_to_compare_with_gives_no_p_value() -> None:
    """A fleet of one group has no others."""
    assert np.isnan(interruption_rates(lives(life()), by="zone")["p_value"].iloc[0])


def test_the_protected_hour_is_left_out_with_its_events() -> None:
    """Of 10 hours one was protected; a life that ended within it counts in neither number."""
    frame = lives(life(0, 10, protected_ms=HOUR), life(1, 0.5, protected_ms=HOUR // 2))
    row = interruption_rates(frame, by=(), protected="exclude").iloc[0]
    assert (row["events"], row["hours"]) == (1, 9.0)


def test_without_a_birth_protected_time_is_unknown_and_the_life_counted_as_left_out() -> None:
    """Its hours stay in the rate that includes protected time."""
    frame = lives(life(0, 10, protected_ms=0), life(1, 10, born_ms=None, protected_ms=None))
    assert interruption_rates(frame, by=())["hours"].iloc[0] == 20
    excluded = interruption_rates(frame, by=(), protected="exclude").iloc[0]
    assert (excluded["events"], excluded["hours"], excluded["left_out"]) == (1, 10.0, 1)


def test_an_unknown_word_for_protected_is_refused() -> None:
    """The error names what may be written."""
    with pytest.raises(FrameError, match="'include' or 'exclude'"):
        interruption_rates(lives(life()), protected="drop")  # type: ignore[arg-type]


def test_a_missing_column_is_named() -> None:
    """Never a KeyError of pandas."""
    with pytest.raises(FrameError, match="'running_ms'"):
        interruption_rates(lives(life()).drop(columns="running_ms"))


def test_no_lives_give_no_rows_and_all_columns() -> None:
    """An empty log is no error."""
    rates = interruption_rates(LIFETIMES.empty())
    assert len(rates) == 0
    assert {"zone_id", "instance_type", "rate", "rank"} <= set(rates.columns)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 100), st.booleans()), min_size=1))
def test_hours_by_any_grouping_sum_to_the_whole(rows: list[tuple[str, int, bool]]) -> None:
    """Hours and events of zones add up to those of the fleet."""
    frame = lives(
        *(
            life(n, hours, "interrupted" if hit else "alive", zone_id=zone)
            for n, (zone, hours, hit) in enumerate(rows)
        )
    )
    by_zone, whole = interruption_rates(frame, by="zone"), interruption_rates(frame, by=()).iloc[0]
    assert by_zone["events"].sum() == whole["events"]
    assert by_zone["hours"].sum() == pytest.approx(whole["hours"])
