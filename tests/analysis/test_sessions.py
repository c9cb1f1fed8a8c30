"""Up-times: how each ended, and when the instance ran again."""

from __future__ import annotations

import pandas as pd
import pytest

from sink.analysis.frames import INTERVALS, SESSIONS
from sink.analysis.loading import load_events
from sink.analysis.sessions import running_sessions
from sink.analysis.stays import intervals
from tests.analysis.streams import at, events, record


def sessions(text: str, as_of: float = 10_000) -> pd.DataFrame:
    return running_sessions(intervals(events(text), at(as_of)))


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("Running 0, Notice 60, Deleted 360", "interrupted"),
        ("Running 0, Notice 60, Stopping 360, Stopped 380", "interrupted"),
        ("Running 0, Notice 60", "interrupted"),
        ("Running 0, Notice 60, Deleted 1861", "deleted"),
        ("Running 0, Deleted 60", "deleted"),
        ("Running 0, Stopping 60, Stopped 80", "stopping"),
        ("Running 0, Stopped 60", "crashed"),
        ("Running 0, Starting 60", "crashed"),
        ("Running 0", "censored"),
        ("Running 9900, Notice 9950", "censored"),
    ],
)
def test_a_session_ends_as_what_came_after_says(text: str, end: str) -> None:
    """A notice at most half an hour before makes it an interruption."""
    assert sessions(text)["end"].tolist() == [end]


def test_a_notice_in_starting_explains_the_end_of_the_session_after() -> None:
    """It was on notice before it ran."""
    assert sessions("Starting 0, Notice 10, Running 20, Deleted 310")["end"].tolist() == ["interrupted"]


def test_a_notice_explains_one_session_only() -> None:
    """Stopped by it, started again, then stopped by a user."""
    found = sessions(
        "Running 0, Notice 60, Stopped 360, Starting 400, Running 420, Stopping 900, Stopped 910"
    )
    assert found["end"].tolist() == ["interrupted", "stopping"]


def test_recovery_is_the_next_running() -> None:
    """From the end of this session to the start of the next; the last waits until as_of."""
    found = sessions("Running 0, Stopped 60, Starting 100, Running 120, Stopped 600", as_of=700)
    assert found["recovered_ms"].tolist() == [at(120), pd.NA]
    assert found["watched_until_ms"].tolist() == [at(120), at(700)]


def test_a_wait_ends_with_the_life() -> None:
    """Deleted while it was down: it will not recover."""
    assert sessions("Running 0, Stopped 60, Deleted 90")["watched_until_ms"].tolist() == [at(90)]


def test_stopping_then_starting_is_a_reboot() -> None:
    """And Stopping, Stopped, Starting is not."""
    assert sessions("Running 0, Stopping 60, Starting 70, Running 90")["reboot"].tolist() == [True, False]
    assert not sessions("Running 0, Stopping 60, Stopped 65, Starting 70, Running 90")["reboot"].any()


def test_a_reboot_by_maintenance_is_marked() -> None:
    """Executing inside the session; Scheduled is only announced."""
    kind = "Instance:SystemMaintenance.Reboot"
    for status, marked in (("Executing", True), ("Scheduled", False)):
        reboot = {**record("Running", 60, kind=kind, status=status), "state": ""}
        loaded = load_events([record("Running", 0), reboot])
        found = running_sessions(intervals(loaded.events, at(100)), loaded.system)
        assert found["reboot"].tolist() == [marked]


def test_sessions_are_numbered_within_a_life() -> None:
    """From 0, whatever the order of the stays."""
    states = intervals(events("Running 0, Stopped 5, Starting 6, Running 9", "Running 0"), at(100))
    assert running_sessions(states.iloc[::-1])["session"].tolist() == [0, 1, 0]


def test_no_stays_are_no_sessions() -> None:
    """Empty in, empty out, with the right columns and types."""
    found = running_sessions(INTERVALS.empty())
    assert found.dtypes.astype(str).to_dict() == SESSIONS.empty().dtypes.astype(str).to_dict()
