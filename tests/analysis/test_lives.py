"""Lifetimes of single instances: every edge case of the algorithm as a stream by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from sink.analysis.frames import EVENTS, LIFETIMES, FrameError
from sink.analysis.lives import lifetimes
from tests.analysis.streams import at, events, inventory, record, sighting, steps

WHOLE = "Pending 0, Starting 20, Running 60"
DAY = 86_400


def only(text: str, as_of: float = DAY, sightings: list[dict[str, str]] | None = None) -> pd.Series:
    """The one life of a stream."""
    life = lifetimes(events(text), at(as_of), None if sightings is None else inventory(*sightings))
    assert len(life) == 1
    return life.iloc[0]


def test_a_death_after_a_notice_is_an_interruption() -> None:
    """Deleted at most half an hour after the notice."""
    life = only(f"{WHOLE}, Notice 4000, Deleted 4300")
    assert (life["outcome"], life["end_ms"], life["notice_ms"]) == ("interrupted", at(4300), at(4000))


def test_a_death_without_a_notice_is_a_release() -> None:
    """Nobody but a user deletes without notice."""
    assert only(f"{WHOLE}, Deleted 4300")["outcome"] == "released"


def test_a_notice_of_long_ago_does_not_explain_a_death() -> None:
    """More than WINDOW_MS lie between: the notice was called off, then someone released it."""
    life = only(f"{WHOLE}, Notice 4000, Deleted 5801")
    assert (life["outcome"], life["notice_ms"]) == ("released", pd.NA)


def test_a_notice_half_an_hour_before_still_explains_a_death() -> None:
    """The window is closed on that side."""
    assert only(f"{WHOLE}, Notice 4000, Deleted 5800")["outcome"] == "interrupted"


def test_of_two_notices_the_later_counts() -> None:
    """A notice may be given twice."""
    assert only(f"{WHOLE}, Notice 4000, Notice 4060, Deleted 4360")["notice_ms"] == at(4060)


def test_a_lost_death_after_a_notice_is_imputed() -> None:
    """Five minutes after the notice, once the notice is older than half an hour."""
    life = only(f"{WHOLE}, Notice 4000", as_of=4000 + 1801)
    assert (life["outcome"], life["end_ms"]) == ("interrupted_unconfirmed", at(4300))
    assert (life["end_source"], life["ended"]) == ("notice_imputed", True)


def test_an_imputed_end_is_not_before_the_last_state() -> None:
    """It was seen Stopping seven minutes after the notice: it was there."""
    assert only(f"{WHOLE}, Notice 4000, Stopping 4420")["end_ms"] == at(4420)


def test_a_recent_notice_is_pending() -> None:
    """It may die any moment, or not: censored."""
    life = only(f"{WHOLE}, Notice 4000", as_of=4000 + 1800)
    assert (life["outcome"], life["ended"], life["end_ms"]) == ("notice_pending", False, at(5800))


def test_a_life_that_outlasts_its_notice_survived() -> None:
    """Stop mode: Stopped, and started again later than GRACE_MS after the notice."""
    life = only(f"{WHOLE}, Notice 4000, Stopped 4300, Starting 9000, Running 9060")
    assert (life["outcome"], life["ended"]) == ("notice_survived", False)


def test_a_state_just_inside_the_grace_survives_nothing() -> None:
    """Ten minutes after the notice it may still be on its way out."""
    assert only(f"{WHOLE}, Notice 4000, Stopped 4600")["outcome"] == "interrupted_unconfirmed"


def test_a_life_without_notice_or_death_is_alive() -> None:
    """Censored at as_of."""
    life = only(WHOLE)
    assert (life["outcome"], life["end_ms"], life["end_source"]) == ("alive", at(DAY), "as_of")
    assert life["running_ms"] == (DAY - 60) * 1000


def test_only_a_notice_tells_of_no_running() -> None:
    """It ran, but nobody saw since when: unknown hours are no hours."""
    life = only("Notice 0", as_of=DAY)
    assert (life["outcome"], life["running_ms"], life["truncated"]) == ("interrupted_unconfirmed", 0, True)
    assert life["born_ms"] is pd.NA


def test_only_a_deleted_is_a_life_that_entered_late() -> None:
    """Its cause is uncertain as well: the notice may predate the record."""
    life = only("Deleted 0")
    assert (life["outcome"], life["truncated"], life["cause_uncertain"]) == ("released", True, True)
    assert life["illegal_steps"] == 1


def test_a_death_long_after_the_record_began_has_a_certain_cause() -> None:
    """A notice would have been seen."""
    life = lifetimes(events(WHOLE, "Deleted 1800"), at(DAY))
    assert life["cause_uncertain"].tolist() == [False, False]


def test_after_the_first_deleted_nothing_counts() -> None:
    """Deleted first by clock, Running after: an id is never used again."""
    life = only("Pending 0, Deleted 60, Running 90")
    assert (life["end_ms"], life["starts"], life["last_event_ms"]) == (at(60), 0, at(60))


def test_pending_after_running_is_no_birth_that_was_seen() -> None:
    """The first event is not the first Pending: entered late, as far as one can tell."""
    life = only("Running 0, Pending 30")
    assert (life["truncated"], life["illegal_steps"]) == (True, 2)


def test_two_pendings_are_one_birth() -> None:
    """CreateInstance's Created and Pending may both come."""
    assert only("Pending 0, Pending 5, Starting 20")["born_ms"] == at(0)


def test_a_notice_at_the_very_ms_of_running_comes_after_it() -> None:
    """Second precision ties them: rank settles it."""
    life = only("Pending 0, Starting 20, Running 60, Notice 60, Deleted 360")
    assert (life["outcome"], life["running_ms"], life["illegal_steps"]) == ("interrupted", 300_000, 0)


def test_a_death_half_a_minute_after_launch_counts_in_full() -> None:
    """Short lives are lives."""
    assert only(f"{WHOLE}, Deleted 90")["running_ms"] == 30_000


def test_running_by_two_ids_is_one_start() -> None:
    """Equal neighbours collapse to the first."""
    life = only(f"{WHOLE}, Running 100, Deleted 160")
    assert (life["starts"], life["running_ms"]) == (1, 100_000)


def test_a_reboot_is_no_illegal_step() -> None:
    """Stopping then Starting without Stopped, as the vendor documents."""
    assert only(f"{WHOLE}, Stopping 100, Starting 110, Running 130")["illegal_steps"] == 0


def test_a_crash_is_no_illegal_step() -> None:
    """Running then Stopped."""
    assert only(f"{WHOLE}, Stopped 100")["illegal_steps"] == 0


def test_an_instance_may_be_created_stopped() -> None:
    """Pending then Stopped: CreateInstance leaves it so."""
    life = only("Pending 0, Stopped 10")
    assert (life["illegal_steps"], life["running_ms"], life["stops"]) == (0, 0, 1)


def test_running_after_running_was_lost_between_is_illegal() -> None:
    """Running then Starting: Stopping and Stopped were lost."""
    assert only(f"{WHOLE}, Starting 100, Running 120")["illegal_steps"] == 1


def test_an_event_from_the_future_does_not_count() -> None:
    """A clock is off, or as_of lies back."""
    assert only(f"{WHOLE}, Deleted 4000", as_of=3999)["outcome"] == "alive"
    assert only(f"{WHOLE}, Deleted 4000", as_of=4000)["outcome"] == "released"


def test_the_same_id_in_two_regions_is_two_lives() -> None:
    """A life is an instance of a region."""
    both = [record("Running", 0), record("Running", 0, region_id="cn-shanghai", event_id="other")]
    assert lifetimes(events(both), at(DAY))["region_id"].tolist() == ["cn-beijing", "cn-shanghai"]


def test_an_event_without_region_belongs_to_the_instance_it_names() -> None:
    """An id is of one region, so far as is known."""
    made = [record("Running", 0), record("Deleted", 60, region_id="")]
    assert lifetimes(events(made), at(DAY))["outcome"].tolist() == ["released"]


def test_as_of_before_the_first_event_sees_no_life() -> None:
    """And keeps the columns."""
    life = lifetimes(events(WHOLE), at(-1))
    assert life.dtypes.astype(str).to_dict() == LIFETIMES.empty().dtypes.astype(str).to_dict()
    assert len(life) == 0


def test_no_events_are_no_lives() -> None:
    """Empty in, empty out, with the right columns."""
    assert lifetimes(EVENTS.empty(), at(0)).columns.tolist() == LIFETIMES.names


def test_a_missing_column_is_named() -> None:
    """With the next step."""
    with pytest.raises(FrameError, match=r"no column 'state'. Make it with load_events"):
        lifetimes(EVENTS.empty().drop(columns="state"), at(0))


def test_a_time_before_1970_is_named_with_its_row() -> None:
    """Seconds for milliseconds, or a lost sign: no number would be right."""
    faulty = events(WHOLE).assign(event_time_ms=[0, -5, 10])
    with pytest.raises(FrameError, match="Row 1 has event_time_ms -5, before 1970"):
        lifetimes(faulty, at(0))


def test_a_row_without_instance_is_named() -> None:
    """It could be anyone's."""
    with pytest.raises(FrameError, match="Row 0 has no instance_id"):
        lifetimes(events(WHOLE).assign(instance_id=pd.Categorical([None, "i-1", "i-1"])), at(0))


def test_the_protected_hour_is_counted_from_birth() -> None:
    """Running time in the first hour of age, where the default of SpotDuration protects."""
    assert only(f"{WHOLE}, Deleted 7200")["protected_ms"] == 3_540_000
    assert only("Running 0, Deleted 7200")["protected_ms"] is pd.NA


def test_the_inventory_knows_how_long_an_instance_is_protected() -> None:
    """SpotDuration 0 protects nothing."""
    seen = [sighting(100, spot_duration=0, spot_strategy="SpotAsPriceGo")]
    life = only(f"{WHOLE}, Deleted 7200", sightings=seen)
    assert (life["protected_ms"], life["spot_strategy"]) == (0, "SpotAsPriceGo")


def test_the_inventory_mends_a_late_entry() -> None:
    """Birth from CreationTime, and Running since the snapshot that saw it."""
    seen = [sighting(0, creation_time_ms=at(-7200))]
    life = only("Deleted 600", sightings=seen)
    assert (life["born_ms"], life["born_source"], life["truncated"]) == (at(-7200), "inventory", True)
    assert (life["entry_ms"], life["running_ms"], life["zone_id"]) == (at(0), 600_000, "cn-beijing-h")


def test_a_creation_time_never_replaces_a_birth_that_was_seen() -> None:
    """It is to the minute only."""
    life = only(WHOLE, sightings=[sighting(3600, creation_time_ms=at(-30))])
    assert (life["born_ms"], life["born_source"]) == (at(0), "event")


def test_a_life_that_a_later_snapshot_lacks_has_ended() -> None:
    """Its Deleted was lost; it ended between the snapshots."""
    others = [sighting(7200, "i-2"), sighting(10_800, "i-2")]
    life = lifetimes(events(WHOLE), at(DAY), inventory(sighting(3600), *others)).iloc[0]
    assert (life["outcome"], life["end_source"]) == ("released", "inventory")
    assert (life["end_after_ms"], life["end_ms"]) == (at(3600), at(7200))


def test_an_incomplete_snapshot_proves_no_end() -> None:
    """What it lacks may be there."""
    partial = sighting(7200, "i-2", complete="false")
    assert lifetimes(events(WHOLE), at(DAY), inventory(sighting(3600), partial))["ended"].tolist()[0] is False


def test_a_snapshot_of_another_region_proves_no_end() -> None:
    """An instance is in its own region's snapshots."""
    other = sighting(7200, "i-2", region_id="cn-shanghai")
    life = lifetimes(events(WHOLE), at(DAY), inventory(sighting(3600), other))
    assert life.set_index("instance_id")["ended"]["i-1"] == False  # noqa: E712 - numpy's bool


def test_an_instance_that_only_the_inventory_saw_is_a_life() -> None:
    """It began before the record and nothing has happened to it since."""
    life = lifetimes(EVENTS.empty(), at(7200), inventory(sighting(0), sighting(3600))).iloc[0]
    assert (life["outcome"], life["running_ms"], life["born_ms"]) == ("alive", 7_200_000, pd.NA)


def test_a_snapshot_closes_a_stay_whose_end_was_lost() -> None:
    """Seen Stopped an hour later: it did not run all day."""
    life = only(WHOLE, sightings=[sighting(3660, status="Stopped")])
    assert (life["running_ms"], life["stops"], life["illegal_steps"]) == (3_600_000, 1, 0)


def test_a_snapshot_that_lags_behind_an_event_does_not_contradict_it() -> None:
    """DescribeInstances says Running for a moment after Stopping."""
    life = only(f"{WHOLE}, Stopping 100, Stopped 150", sightings=[sighting(101)])
    assert (life["starts"], life["running_ms"]) == (1, 40_000)


def test_a_sighting_after_the_death_does_not_bring_it_back() -> None:
    """Deleted absorbs."""
    assert only(f"{WHOLE}, Deleted 100", sightings=[sighting(3600)])["outcome"] == "released"


def test_without_an_inventory_the_zone_is_unknown() -> None:
    """No event names it."""
    assert pd.isna(only(WHOLE)["zone_id"])


def test_the_type_is_the_last_that_was_named() -> None:
    """An instance may change its type while it is stopped."""
    made = [
        *steps("Stopped 0", instance_type="a"),
        *steps("Starting 60", instance_type="b"),
        record("Running", 90),
    ]
    assert lifetimes(events(made), at(DAY))["instance_type"].tolist() == ["b"]
