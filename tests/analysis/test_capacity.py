"""Running counts, and what remains at the worst moment."""

from __future__ import annotations

import pandas as pd
import pytest

from sink.analysis.capacity import running_count, worst_loss
from sink.analysis.frames import INTERVALS, FrameError
from sink.analysis.stays import intervals
from tests.analysis.streams import at, events, steps


def fleet(*lives: tuple[str, str]) -> pd.DataFrame:
    """Stays of instances, each a zone and a text of steps."""
    made = [steps(text, f"i-{n}", zone_id=zone) for n, (zone, text) in enumerate(lives)]
    return intervals(events(*made), at(1000))


def counts(states: pd.DataFrame, start: float, end: float) -> list[tuple[str, float, int]]:
    found = running_count(states, (at(start), at(end)), by="zone")
    return [
        (zone, (ms - at(0)) / 1000, running)
        for zone, ms, running in zip(found["zone_id"], found["at_ms"], found["running"], strict=True)
    ]


def test_a_count_changes_where_a_stay_begins_or_ends() -> None:
    """One row a change and one at the start of the window."""
    states = fleet(("a", "Running 100, Deleted 300"), ("a", "Running 200, Deleted 300"))
    assert counts(states, 0, 1000) == [("a", 0, 0), ("a", 100, 1), ("a", 200, 2), ("a", 300, 0)]


def test_what_ran_before_the_window_counts_from_its_start() -> None:
    """And what runs on after it counts to its end."""
    assert counts(fleet(("a", "Running 0")), 500, 600) == [("a", 500, 1)]


def test_an_end_and_a_start_at_one_moment_are_no_change() -> None:
    """One instance replaced another in the same millisecond."""
    states = fleet(("a", "Running 0, Deleted 300"), ("a", "Running 300, Deleted 400"))
    assert counts(states, 0, 1000) == [("a", 0, 1), ("a", 400, 0)]


def test_a_zone_where_nothing_runs_is_counted_as_nothing() -> None:
    """It is there with zero, not left out."""
    assert ("b", 0, 0) in counts(fleet(("a", "Running 0"), ("b", "Stopped 0")), 0, 100)


def test_an_unknown_zone_is_a_group_of_its_own() -> None:
    """Without an inventory no zone is known, and all is that group."""
    found = running_count(intervals(events("Running 0"), at(10)), (at(0), at(10)))
    assert found["zone_id"].isna().all()
    assert found["running"].tolist() == [1]


def test_the_worst_moment_is_when_least_remains_without_the_largest_zone() -> None:
    """Three in a, one in b: one remains. Then b has two, of four two remain."""
    run = "Running 0, Deleted 900"
    states = fleet(("a", run), ("a", run), ("a", run), ("b", run), ("b", "Running 100, Deleted 900"))
    loss = worst_loss(states, (at(0), at(900)), by="zone", need=2).iloc[0]
    assert loss.to_dict() == {"worst_at_ms": at(0), "running": 4, "lost": 3, "left": 1, "below_ms": 100_000}


def test_enough_is_not_below_the_need() -> None:
    """Left equal to the need is enough."""
    run = "Running 0, Deleted 900"
    loss = worst_loss(fleet(("a", run), ("b", run)), (at(0), at(900)), need=1)
    assert loss["below_ms"].tolist() == [0]


def test_a_fleet_that_is_empty_before_its_first_event_was_empty() -> None:
    """The window is the caller's, not that of the events."""
    loss = worst_loss(fleet(("a", "Running 600"), ("b", "Running 600")), (at(0), at(1000)), need=1)
    assert loss[["worst_at_ms", "left", "below_ms"]].to_numpy().tolist() == [[at(0), 0, 600_000]]


def test_no_stays_at_all_leave_nothing() -> None:
    """Nothing ever ran."""
    loss = worst_loss(INTERVALS.empty(), (0, 10), need=1)
    assert loss[["running", "lost", "left", "below_ms"]].to_numpy().tolist() == [[0, 0, 0, 10]]


def test_an_empty_window_is_refused() -> None:
    """With the next step."""
    with pytest.raises(FrameError, match=r"is empty\. Let its end be later"):
        running_count(INTERVALS.empty(), (5, 5))


def test_several_columns_group_together() -> None:
    """By zone and type."""
    made = steps("Running 0", zone_id="a", instance_type="t")
    found = running_count(intervals(events(made), at(10)), (at(0), at(10)), by=["zone", "type"])
    assert found[["zone_id", "instance_type", "running"]].to_numpy().tolist() == [["a", "t", 1]]
