"""Interruption notices: what they announced, and what became of it."""

from __future__ import annotations

import pandas as pd
import pytest

from sink.analysis.frames import EVENTS, NOTICES
from sink.analysis.loading import load_actions
from sink.analysis.notices import interruption_notices
from tests.analysis.streams import Record, at, events, record, steps


def drained(seconds: float, event: float, status: str = "done", module: str = "slb_removal") -> Record:
    """An action on the event at `event` that was finished at `seconds`."""
    times = {"event_time_ms": at(event), "started_at_ms": at(event + 1), "finished_at_ms": at(seconds)}
    named = {
        "action_id": f"a{seconds}",
        "event_key": "k",
        "module": module,
        "status": status,
        "instance_id": "i-1",
    }
    return {"schema_version": "1", **named, **{name: str(ms) for name, ms in times.items()}}


def test_a_notice_leads_to_the_death() -> None:
    """lead_ms from the notice to Deleted."""
    notice = interruption_notices(events("Running 0, Notice 60, Deleted 370")).iloc[0]
    assert (notice["gone_ms"], notice["gone_state"], notice["lead_ms"]) == (at(370), "Deleted", 310_000)


def test_a_notice_in_stop_mode_leads_to_stopped() -> None:
    """Nothing is deleted there."""
    notice = interruption_notices(events("Running 0, Notice 60, Stopped 360")).iloc[0]
    assert (notice["gone_ms"], notice["gone_state"]) == (at(360), "Stopped")


def test_deleted_counts_before_stopped() -> None:
    """Where both come, gone is Deleted."""
    found = interruption_notices(events("Running 0, Notice 60, Stopped 350, Deleted 360"))
    assert found["gone_ms"].tolist() == [at(360)]


def test_a_notice_without_an_end_has_none() -> None:
    """Never a guess; nor does an end half an hour later belong to it."""
    for text in ("Running 0, Notice 60", "Running 0, Notice 60, Deleted 1861"):
        assert interruption_notices(events(text))["gone_ms"].tolist() == [pd.NA]


def test_two_notices_of_one_reclaim_are_one_row() -> None:
    """Led by the latest; received with the first."""
    notice = interruption_notices(events("Running 0, Notice 60, Notice 90, Deleted 390")).iloc[0]
    assert (notice["notices"], notice["first_notice_ms"], notice["notice_ms"]) == (2, at(60), at(90))
    assert (notice["lead_ms"], notice["receive_delay_ms"]) == (300_000, 1000)


def test_notices_with_a_new_running_between_are_two_reclaims() -> None:
    """In stop mode an instance may be reclaimed again soon."""
    text = "Running 0, Notice 60, Stopped 100, Starting 300, Running 600, Notice 660"
    assert interruption_notices(events(text))["notices"].tolist() == [1, 1]


def test_notices_more_than_the_window_apart_are_two_reclaims() -> None:
    """Half an hour: the first was called off."""
    assert interruption_notices(events("Running 0, Notice 60, Notice 1861"))["notices"].tolist() == [1, 1]
    assert interruption_notices(events("Running 0, Notice 60, Notice 1860"))["notices"].tolist() == [2]


def test_a_redelivery_does_not_make_the_receipt_later() -> None:
    """The first receipt counts."""
    late = record("Notice", 60, received_at_ms=str(at(600)))
    found = interruption_notices(events([*steps("Running 0"), late, record("Notice", 60)]))
    assert found["receive_delay_ms"].tolist() == [1000]


def test_a_drain_before_the_end_is_in_time() -> None:
    """Done at 100, gone at 360."""
    notices = interruption_notices(
        events("Running 0, Notice 60, Deleted 360"), load_actions([drained(100, 60)])
    )
    assert notices[["drain_ms", "drained_in_time"]].to_numpy().tolist() == [[40_000, True]]


@pytest.mark.parametrize(
    "action",
    [drained(400, 60), drained(100, 60, "failed"), drained(100, 60, module="notify"), drained(100, 50)],
)
def test_a_drain_that_is_late_failed_or_for_another_event_is_not_in_time(action: Record) -> None:
    """The instance went with its traffic."""
    notices = interruption_notices(events("Running 0, Notice 60, Deleted 360"), load_actions([action]))
    assert notices["drained_in_time"].tolist() == [False]


def test_without_actions_it_is_unknown_whether_it_was_drained() -> None:
    """And likewise where the end was not seen."""
    assert interruption_notices(events("Running 0, Notice 60, Deleted 360"))["drained_in_time"].isna().all()
    found = interruption_notices(events("Running 0, Notice 60"), load_actions([drained(100, 60)]))
    assert found["drained_in_time"].isna().all()


def test_no_events_are_no_notices() -> None:
    """Empty in, empty out, with the right columns and types."""
    found = interruption_notices(EVENTS.empty())
    assert found.dtypes.astype(str).to_dict() == NOTICES.empty().dtypes.astype(str).to_dict()
