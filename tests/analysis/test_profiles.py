"""Rates by age, by hour of the week, before and after."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest
from scipy.stats import binomtest

from sink.analysis.frames import INTERVALS, LIFETIMES, FrameError
from sink.analysis.profiles import rate_change, rates_by_age, rates_by_hour
from tests.analysis.built import HOUR, life, lives, running


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_each_age_has_its_own_hours_and_events() -> None:
    """A life of two hours gives one hour to each of the first two spans, its end to the second."""
    frame = lives(life(0, 2), life(1, 0.5, "released"))
    ages = rates_by_age(frame, running(frame), edges_hours=(0, 1, 3))
    assert ages[["age_from", "age_to", "events", "hours"]].values.tolist() == [[0, 1, 0, 1.5], [1, 3, 1, 1.0]]


def test_an_end_at_an_edge_belongs_to_the_span_below() -> None:
    """A life of exactly one hour spent its hours below the edge, so its end counts there too."""
    frame = lives(life(0, 1))
    assert rates_by_age(frame, running(frame), edges_hours=(0, 1))["events"].tolist() == [1]


def test_the_last_age_is_open() -> None:
    """Older than the last edge is a span without an upper limit."""
    frame = lives(life(0, 100))
    last = rates_by_age(frame, running(frame)).iloc[-1]
    assert (last["age_from"], last["age_to"], last["hours"], last["events"]) == (24, float("inf"), 76, 1)


def test_a_late_entry_gives_hours_to_the_ages_at_which_it_was_seen() -> None:
    """Hours before entry were not watched and count at no age."""
    frame = lives(life(0, 5, "alive", entry_ms=4 * HOUR, truncated=True))
    assert rates_by_age(frame, running(frame), edges_hours=(0, 3))["hours"].tolist() == [1.0]


def test_a_life_without_a_birth_has_no_age() -> None:
    """Neither its hours nor its end are put at an age."""
    frame = lives(life(0, 5, born_ms=None))
    assert rates_by_age(frame, running(frame)).empty


def test_hours_of_the_week_are_those_of_the_wall_clock() -> None:
    """Sunday 23:30 UTC is Monday 07:30 in Shanghai."""
    born = _ms("2026-11-22T23:00")
    frame = lives(life(0, 0.5, born_ms=born))
    row = rates_by_hour(frame, running(frame), zone="Asia/Shanghai").iloc[0]
    assert (row["weekday"], row["hour"], row["events"], row["hours"]) == (0, 7, 1, 0.5)


def test_half_hour_zones_are_cut_where_their_hours_begin() -> None:
    """In Kolkata, UTC+5:30, the hour begins at half past."""
    frame = lives(life(0, 1, "alive", born_ms=_ms("2026-11-23T00:00")))
    found = rates_by_hour(frame, running(frame), zone="Asia/Kolkata")
    assert found[["hour", "hours"]].values.tolist() == [[5, 0.5], [6, 0.5]]


def test_the_hour_that_a_clock_change_repeats_has_both() -> None:
    """On 2026-11-01 New York has the hour from one to two twice."""
    frame = lives(life(0, 3, "alive", born_ms=_ms("2026-11-01T05:00")))
    found = rates_by_hour(frame, running(frame), zone="America/New_York").set_index("hour")["hours"]
    assert found.to_dict() == {1: 2.0, 2: 1.0}


def test_an_unknown_zone_is_an_error() -> None:
    """With the way zones are named."""
    frame = lives(life())
    with pytest.raises(FrameError, match="Asia/Shanghai"):
        rates_by_hour(frame, running(frame), zone="+08:00")


def test_all_hours_of_the_week_sum_to_the_running_hours() -> None:
    """Exposure is neither lost nor doubled between hours."""
    frame = lives(*(life(n, 13.37 * n, born_ms=n * 1_234_567) for n in range(1, 20)))
    found = rates_by_hour(frame, running(frame), zone="Asia/Shanghai")
    assert found["hours"].sum() == pytest.approx(frame["running_ms"].sum() / HOUR)
    assert found["events"].sum() == len(frame)


def test_a_reclaim_without_any_running_time_is_still_shown() -> None:
    """Only a notice was seen: an event without hours has no rate, but does not vanish."""
    frame = lives(life(0, 1))
    row = rates_by_hour(frame, INTERVALS.empty(), zone="UTC").iloc[0]
    assert (row["events"], row["hours"]) == (1, 0.0)
    assert pd.isna(row["rate"])


def test_a_change_compares_rates_and_not_counts() -> None:
    """As many events in half the hours are twice the rate; the interval is the binomial one."""
    before = [life(n, 10, born_ms=0) for n in range(10)]
    after = [life(n, 5, born_ms=20 * HOUR) for n in range(10, 20)]
    row = rate_change(frame := lives(*before, *after), running(frame), 15 * HOUR).iloc[0]
    assert (row["hours_before"], row["hours_after"], row["ratio"]) == (100.0, 50.0, 2.0)
    low, high = binomtest(10, 20).proportion_ci(0.95, "exact")
    assert (row["low"], row["high"]) == pytest.approx((low / (1 - low) * 2, high / (1 - high) * 2))


def test_a_change_without_a_before_is_no_ratio() -> None:
    """Recording began after the moment: hours and counts are shown, the ratio is missing."""
    row = rate_change(frame := lives(life(0, 10)), running(frame), 0).iloc[0]
    assert (row["events_before"], row["hours_before"], row["events_after"], row["hours_after"]) == (
        0,
        0,
        1,
        10,
    )
    assert row[["ratio", "low", "high", "p_value"]].isna().all()


def test_all_events_after_the_moment_give_an_infinite_ratio_with_a_lower_limit() -> None:
    """Nothing before does not mean nothing known: the lower limit says how much worse it is at least."""
    frame = lives(life(0, 10, "released"), *(life(n, 10, born_ms=20 * HOUR) for n in range(1, 7)))
    row = rate_change(frame, running(frame), 15 * HOUR).iloc[0]
    assert row["ratio"] == float("inf")
    assert 0 < row["low"] < 1


def test_no_lives_give_no_rows() -> None:
    """An empty log is no error."""
    life_, states = LIFETIMES.empty(), INTERVALS.empty()
    assert rates_by_age(life_, states).empty
    assert rates_by_hour(life_, states, zone="UTC").empty
    assert rate_change(life_, states, 0, "zone").empty
