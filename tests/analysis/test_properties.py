"""What holds for every stream of events whatsoever: the invariants of lifetimes and stays."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from sink.analysis.capacity import running_count
from sink.analysis.frames import EVENTS, STATES
from sink.analysis.lives import lifetimes
from sink.analysis.quality import quality_report
from sink.analysis.sessions import running_sessions
from sink.analysis.stays import intervals
from tests.analysis.streams import at

Happening = tuple[int, str, int, int]
"""Instance, state, seconds and id."""

happenings = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.sampled_from(STATES),
        st.integers(0, 80).map(lambda n: n * 60),
        st.integers(0, 30),
    ),
    max_size=25,
)
moments = st.integers(-60, 6000)
examples = settings(max_examples=40, deadline=None)


def frame(found: list[Happening]) -> pd.DataFrame:
    """Frame EVENTS of happenings, in their order."""
    rows = [
        {"instance_id": f"i-{i}", "state": state, "event_time_ms": at(seconds), "event_ref": ref}
        for i, state, seconds, ref in found
    ]
    places = {"region_id": "r", "zone_id": None, "instance_type": None, "received_at_ms": None}
    made = pd.DataFrame(rows, columns=["instance_id", "state", "event_time_ms", "event_ref"])
    return EVENTS.cast(made.assign(**places))


@examples
@given(happenings, moments, st.randoms(use_true_random=False))
def test_the_order_of_the_events_does_not_matter(found: list[Happening], as_of: int, chance: Random) -> None:
    """They arrive in any order."""
    shuffled = chance.sample(found, len(found))
    for compute in (lifetimes, intervals):
        assert_frame_equal(compute(frame(shuffled), at(as_of)), compute(frame(found), at(as_of)))


@examples
@given(happenings, moments, st.data())
def test_repeats_do_not_matter(found: list[Happening], as_of: int, data: st.DataObject) -> None:
    """Delivery is at least once."""
    again = data.draw(st.lists(st.sampled_from(found), max_size=5)) if found else []
    for compute in (lifetimes, intervals):
        assert_frame_equal(compute(frame(found + again), at(as_of)), compute(frame(found), at(as_of)))


@examples
@given(happenings, moments, st.integers(0, 25))
def test_batches_in_any_split_give_the_whole(found: list[Happening], as_of: int, cut: int) -> None:
    """What was loaded in two parts and put together is what was loaded at once."""
    batches = [frame(batch) for batch in (found[:cut], found[cut:]) if batch]
    parts = pd.concat(batches, ignore_index=True) if batches else frame([])
    assert_frame_equal(
        lifetimes(parts, at(as_of)), lifetimes(frame(found), at(as_of)), check_categorical=False
    )


@examples
@given(happenings, moments)
def test_the_stays_of_a_life_touch_and_cover_it(found: list[Happening], as_of: int) -> None:
    """From the first state to the end, each beginning where the one before ended, none negative."""
    life = lifetimes(frame(found), at(as_of)).set_index("instance_id")
    states = intervals(frame(found), at(as_of))
    assert (states["end_ms"] >= states["start_ms"]).all()
    for name, stays in states.groupby("instance_id", observed=True):
        assert stays["start_ms"].tolist()[1:] == stays["end_ms"].tolist()[:-1]
        assert stays["end_ms"].iloc[-1] == life.loc[str(name), "end_ms"]
        assert (stays["end_ms"] - stays["start_ms"]).sum() == stays["end_ms"].iloc[-1] - stays[
            "start_ms"
        ].iloc[0]


@examples
@given(happenings, moments)
def test_running_time_of_lives_and_of_stays_is_the_same(found: list[Happening], as_of: int) -> None:
    """Hours by any grouping sum to the whole."""
    states = intervals(frame(found), at(as_of))
    running = states[states["state"] == "Running"]
    total = (running["end_ms"] - running["start_ms"]).sum()
    assert lifetimes(frame(found), at(as_of))["running_ms"].sum() == total


@examples
@given(happenings, moments, st.integers(0, 6000))
def test_a_later_as_of_changes_no_death_that_was_seen(found: list[Happening], as_of: int, later: int) -> None:
    """Raising as_of changes only rows that were censored, or whose end was only concluded."""
    before = lifetimes(frame(found), at(as_of))
    seen = before[before["end_source"] == "deleted"]
    after = lifetimes(frame(found), at(as_of + later))
    kept = after[after["instance_id"].isin(seen["instance_id"])]
    assert_frame_equal(kept.reset_index(drop=True), seen.reset_index(drop=True), check_categorical=False)


@examples
@given(happenings, moments, st.integers(0, 6000))
def test_a_concluded_end_stands_until_the_instance_is_seen_again(
    found: list[Happening], as_of: int, later: int
) -> None:
    """Time alone changes nothing about it."""
    known = frame([happening for happening in found if happening[2] <= as_of])
    before = lifetimes(known, at(as_of)).query("ended")
    after = lifetimes(known, at(as_of + later))
    kept = after[after["instance_id"].isin(before["instance_id"])]
    assert_frame_equal(kept.reset_index(drop=True), before.reset_index(drop=True))


@examples
@given(happenings, moments)
def test_every_event_is_accounted_for(found: list[Happening], as_of: int) -> None:
    """used + repeat + duplicate + after_deleted + later + quarantined = read."""
    events = frame(found)
    life, states = lifetimes(events, at(as_of)), intervals(events, at(as_of))
    report = quality_report(events, life, states, at(as_of), {"unreadable": 2})
    counts = report.set_index("measure")["value"]
    parts = ["used", "repeat", "duplicate", "after_deleted", "later", "quarantined"]
    assert counts[parts].sum() == counts["read"] == len(found) + 2


@examples
@given(happenings, moments)
def test_there_are_no_more_interruptions_than_lives_and_sessions(found: list[Happening], as_of: int) -> None:
    """One reclaim ends one instance, or in stop mode one Running stay."""
    life, states = lifetimes(frame(found), at(as_of)), intervals(frame(found), at(as_of))
    assert (life["outcome"] == "interrupted").sum() <= life["instance_id"].nunique()
    sessions = running_sessions(states)
    assert (sessions["end"] == "interrupted").sum() <= (states["state"] == "Running").sum()


@examples
@given(happenings, st.integers(100, 6000))
def test_the_running_count_is_the_count_of_running_stays(found: list[Happening], as_of: int) -> None:
    """At every moment, counted directly."""
    states = intervals(frame(found), at(as_of))
    counts = running_count(states, (at(0), at(as_of)), by="region")
    running = states[states["state"] == "Running"]
    for moment, count in zip(counts["at_ms"], counts["running"], strict=True):
        up = (running["start_ms"] <= moment) & (running["end_ms"] > moment)
        assert count == up.sum()


@pytest.mark.parametrize("compute", [lifetimes, intervals])
@examples
@given(happenings)
def test_the_frame_that_goes_in_stays_as_it_was(
    compute: Callable[[pd.DataFrame, int], pd.DataFrame], found: list[Happening]
) -> None:
    """Pure functions."""
    events = frame(found)
    compute(events, at(6000))
    assert_frame_equal(events, frame(found))
