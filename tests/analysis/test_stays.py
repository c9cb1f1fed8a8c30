"""Stays of single instances: where they begin and end, and what is said of them."""

from __future__ import annotations

import pandas as pd

from sink.analysis.frames import EVENTS, INTERVALS
from sink.analysis.stays import intervals
from tests.analysis.streams import at, events, inventory, sighting


def lane(text: str, as_of: float = 1000) -> list[tuple[str, float, float]]:
    """State, start and end of each stay, in seconds."""
    states = intervals(events(text), at(as_of))
    spans = (states[["start_ms", "end_ms"]] - at(0)) / 1000
    return list(zip(states["state"], spans["start_ms"], spans["end_ms"], strict=True))


def test_a_stay_lasts_from_its_event_to_the_next() -> None:
    """Deleted ends the last and begins none."""
    assert lane("Pending 0, Starting 20, Running 60, Deleted 90") == [
        ("Pending", 0, 20),
        ("Starting", 20, 60),
        ("Running", 60, 90),
    ]


def test_the_last_stay_of_a_living_instance_lasts_to_as_of() -> None:
    """Censored: what comes after is not known."""
    assert lane("Running 0", as_of=500) == [("Running", 0, 500)]
    assert intervals(events("Running 0"), at(500))["next_state"].isna().all()


def test_a_notice_is_no_stay() -> None:
    """The instance goes on running; the stay holds the notice's time."""
    states = intervals(events("Running 0, Notice 60, Deleted 360"), at(1000))
    assert states[["state", "start_ms", "end_ms", "notice_ms"]].to_numpy().tolist() == [
        ["Running", at(0), at(360), at(60)]
    ]


def test_a_stay_without_notice_has_none() -> None:
    """The notice belongs to the stay that it fell into."""
    states = intervals(events("Starting 0, Running 30, Notice 60, Stopped 90"), at(100))
    assert states["notice_ms"].tolist() == [pd.NA, at(60), pd.NA]


def test_an_imputed_end_closes_the_last_stay() -> None:
    """Five minutes after the notice; no event was seen, so what came after is `Gone`."""
    states = intervals(events("Running 0, Notice 60"), at(10_000))
    assert states[["end_ms", "next_state"]].to_numpy().tolist() == [[at(360), "Gone"]]


def test_equal_neighbours_are_one_stay() -> None:
    """From the first; a notice between does not part them."""
    assert lane("Running 0, Notice 30, Running 60, Stopped 90") == [("Running", 0, 90), ("Stopped", 90, 1000)]


def test_an_illegal_step_marks_the_stay_that_it_leads_to() -> None:
    """Running to Starting: two events were lost."""
    states = intervals(events("Pending 0, Starting 10, Running 20, Starting 60"), at(100))
    assert states["illegal"].tolist() == [False, False, False, True]


def test_stays_are_numbered_within_a_life() -> None:
    """From 0."""
    states = intervals(events("Pending 0, Starting 10", "Running 0"), at(100))
    assert states["stay"].tolist() == [0, 1, 0]


def test_a_sighting_opens_a_stay_that_no_event_began() -> None:
    """It is marked, and no illegal step."""
    states = intervals(events("Stopped 600"), at(1000), inventory(sighting(0)))
    assert states[["state", "sighted", "illegal"]].to_numpy().tolist() == [
        ["Running", True, False],
        ["Stopped", False, False],
    ]


def test_only_a_notice_makes_no_stay() -> None:
    """What state it was in is not known."""
    assert len(intervals(events("Notice 0"), at(100))) == 0


def test_no_events_are_no_stays() -> None:
    """Empty in, empty out, with the right columns and types."""
    found = intervals(EVENTS.empty(), at(0))
    assert found.dtypes.astype(str).to_dict() == INTERVALS.empty().dtypes.astype(str).to_dict()
