"""Simulated fleets: the truth beside them is what the analysis finds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sink.analysis.frames import MS_PER_HOUR
from sink.analysis.generator import Delivery, Fleet, Plan, sample, simulate, write_bodies
from sink.analysis.lives import lifetimes
from sink.analysis.loading import load_events
from sink.analysis.sessions import running_sessions
from sink.analysis.stays import intervals

LOSSY = Delivery(lost=0.02, repeated=0.05, late=0.05)


@pytest.fixture(scope="module")
def clean() -> Fleet:
    return simulate(3, Plan(instances=300), Delivery())


@pytest.fixture(scope="module")
def lossy() -> Fleet:
    return simulate(3, Plan(instances=300), LOSSY)


def beside(fleet: Fleet, inventory: pd.DataFrame | None) -> pd.DataFrame:
    """The truth, and what was found of it with `_found` behind the name."""
    found = lifetimes(fleet.events, fleet.as_of, inventory).astype({"instance_id": "object"})
    truth = fleet.truth.astype({"instance_id": "object"}).set_index("instance_id")
    return truth.join(found.set_index("instance_id").add_suffix("_found"))


def test_with_an_inventory_every_second_of_running_is_found(clean: Fleet) -> None:
    """Late entries and open lives included: the truth, to the millisecond."""
    both = beside(clean, clean.inventory)
    assert (both["running_ms"] == both["running_ms_found"]).all()


def test_without_an_inventory_no_more_than_the_truth_is_found(clean: Fleet) -> None:
    """What began before the record is missing, and nothing is made up for it."""
    both = beside(clean, None).dropna(subset=["running_ms_found"])
    assert (both["running_ms_found"] <= both["running_ms"]).all()
    assert both["running_ms_found"].sum() < both["running_ms"].sum()


def test_every_fate_is_found(clean: Fleet) -> None:
    """Reclaimed, released, or alive."""
    both = beside(clean, clean.inventory)
    expected = {
        "interrupted": ["interrupted"],
        "released": ["released"],
        "alive": ["alive", "notice_pending"],
    }
    for fate, rows in both.groupby("fate"):
        assert rows["outcome_found"].isin(expected[str(fate)]).all()


def test_every_death_is_found_to_the_millisecond(clean: Fleet) -> None:
    """And no other."""
    both = beside(clean, clean.inventory)
    died = both["end_ms_found"].where(both["ended_found"].astype("bool")).astype("Int64")
    assert died.equals(both["died_ms"])


def test_births_are_found_or_unknown_but_never_wrong(clean: Fleet) -> None:
    """From the event, or from the inventory to the minute."""
    both = beside(clean, clean.inventory).dropna(subset=["born_ms_found"])
    late = both["born_ms"] - both["born_ms_found"]
    assert (late[~both["truncated_found"].astype("bool")] == 0).all()
    assert late.between(0, 59_999).all()


def test_hours_hold_within_five_percent_with_two_in_a_hundred_events_lost(lossy: Fleet) -> None:
    """With the inventory."""
    both = beside(lossy, lossy.inventory)
    assert both["running_ms_found"].sum() == pytest.approx(both["running_ms"].sum(), rel=0.05)


def test_the_fleet_has_all_that_a_record_has(clean: Fleet) -> None:
    """Late entries, open lives, reclaims, releases, reboots, crashes, flapping, two zones, three types."""
    truth = clean.truth
    assert set(truth["fate"]) == {"interrupted", "released", "alive"}
    assert (truth["born_ms"] < clean.plan.start_ms).sum() > 10
    assert (truth["zone_id"].nunique(), truth["instance_type"].nunique()) == (2, 3)
    sessions = running_sessions(intervals(clean.events, clean.as_of))
    assert {"crashed", "stopping"} <= set(sessions["end"])
    assert sessions["reboot"].any()
    assert sessions.groupby("instance_id", observed=True).size().max() >= 4


def test_mass_reclaims_take_most_of_a_zone_and_type_at_once(clean: Fleet) -> None:
    """At least one moment has several deaths of one pool within two minutes."""
    reclaimed = clean.truth.query("fate == 'interrupted'").sort_values("died_ms")
    gaps = reclaimed.groupby(["zone_id", "instance_type"])["died_ms"].diff(4)
    assert gaps.min() < 120_000


def test_nothing_is_reclaimed_in_its_first_hour(clean: Fleet) -> None:
    """The protected hour."""
    reclaimed = clean.truth.query("fate == 'interrupted'")
    assert (reclaimed["died_ms"] - reclaimed["born_ms"]).min() >= MS_PER_HOUR


def test_faults_are_as_frequent_as_asked(lossy: Fleet, clean: Fleet) -> None:
    """Lost, repeated and late, within what chance allows."""
    unique = len({found["event_id"] for found in lossy.records})
    assert unique / len(clean.records) == pytest.approx(0.98, abs=0.03)
    assert len(lossy.records) / unique == pytest.approx(1.05, abs=0.03)
    delay = lossy.events["received_at_ms"] - lossy.events["event_time_ms"]
    assert (delay > 600_000).mean() == pytest.approx(0.05, abs=0.03)


def test_the_same_seed_gives_the_same_fleet_and_another_one_another() -> None:
    """Chance is an argument."""
    assert sample(4).records == sample(4).records
    assert sample(4).records != sample(5).records


def test_bodies_are_written_in_the_number_asked_for(tmp_path: Path) -> None:
    """As JSON lines that load without a fault."""
    path = tmp_path / "bodies.jsonl"
    assert write_bodies(path, seed=1, events=12_000) == 12_000
    loaded = load_events(path)
    assert (len(loaded.events), loaded.quarantined) == (12_000, {})


def test_actions_answer_notices_and_crashes(clean: Fleet) -> None:
    """A drain each notice, a restart each crash."""
    modules = clean.actions["module"].value_counts()
    assert modules["slb_removal"] == (clean.events["state"] == "Notice").sum()
    assert modules["restart"] > 0
