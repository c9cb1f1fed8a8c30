"""The quality report: what it counts."""

from __future__ import annotations

import pandas as pd
import pytest

from sink.analysis.frames import QUALITY
from sink.analysis.lives import lifetimes
from sink.analysis.quality import quality_report
from sink.analysis.stays import intervals
from tests.analysis.streams import Record, at, events, inventory, record, sighting, steps


def figures(made: list[Record], as_of: float = 10_000, sightings: list[Record] | None = None) -> pd.Series:
    """Value by measure."""
    found, seen = events(made), inventory(*(sightings or []))
    life, states = lifetimes(found, at(as_of), seen), intervals(found, at(as_of), seen)
    return quality_report(found, life, states, at(as_of)).set_index("measure")["value"]


WHOLE = steps("Pending 0, Starting 20, Running 60")


@pytest.mark.parametrize(
    ("more", "measure"),
    [
        ([record("Running", 60)], "duplicate"),
        ([record("Running", 90)], "repeat"),
        ([record("Running", 20_000)], "later"),
        (steps("Deleted 70, Stopped 80"), "after_deleted"),
    ],
)
def test_an_event_that_does_not_count_is_told_by_why(more: list[Record], measure: str) -> None:
    """One of each, and none of it in a clean stream."""
    assert figures(WHOLE + more)[measure] == 1
    assert figures(WHOLE)[measure] == 0


def test_an_id_for_two_events_is_a_conflict() -> None:
    """Both are counted; a repeat under its own id is none."""
    twice = [record("Running", 60, event_id="x"), record("Stopped", 90, event_id="x")]
    assert figures(twice)[["id_conflict", "used"]].tolist() == [1, 2]
    assert figures(WHOLE + WHOLE)["id_conflict"] == 0


def test_the_share_after_a_gap_is_that_of_stays_whose_end_is_uncertain() -> None:
    """Running to Starting: it stopped somewhere in between."""
    found = figures([*WHOLE, *steps("Starting 160, Running 200, Deleted 500")])
    assert found["share_after_gap"] == pytest.approx(100 / 400)


def test_the_share_imputed_is_that_of_lives_whose_end_was_concluded() -> None:
    """By notice here; the other life was seen to end."""
    other = steps("Running 0, Deleted 100", "i-2")
    found = figures([*WHOLE, record("Notice", 100), *other])
    assert found[["end_imputed", "share_imputed"]].tolist() == [1, pytest.approx(340 / 440)]


def test_an_end_by_inventory_is_counted() -> None:
    """Its Deleted was lost."""
    assert figures(WHOLE, sightings=[sighting(3600, "i-2")])["end_by_inventory"] == 1


def test_delays_are_from_event_to_receipt() -> None:
    """A second in these streams."""
    assert figures(WHOLE)[["receive_delay_p50", "receive_delay_p99"]].tolist() == [1000, 1000]


def test_where_there_is_nothing_to_measure_the_value_is_missing() -> None:
    """Not zero."""
    found = figures([])
    assert found[["share_imputed", "receive_delay_p50"]].isna().all()
    assert found[["read", "lives", "running_hours"]].tolist() == [0, 0, 0]


def test_the_report_has_its_columns() -> None:
    """Measure, value, unit and meaning."""
    found = events(WHOLE)
    report = quality_report(found, lifetimes(found, at(1)), intervals(found, at(1)), at(1))
    assert report.dtypes.astype(str).to_dict() == QUALITY.empty().dtypes.astype(str).to_dict()
    assert report["meaning"].str.len().min() > 10
