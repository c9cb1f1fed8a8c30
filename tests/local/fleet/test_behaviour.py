"""Whatever chance does, the fleet tells a story that ECS could tell."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sink.local.fleet.fleet import history
from sink.local.fleet.rates import Rates

START = 1_700_000_000.0
DAY = 86_400.0
STORMY = replace(
    Rates(),
    spot_interruptions_per_hour=2.0,
    stops_per_hour=0.5,
    host_failures_per_hour=0.5,
    maintenances_per_hour=0.5,
    arrears_per_hour=0.2,
    maintenance_lead_seconds=1800.0,
    stopped_seconds=600.0,
    payment_seconds=3600.0,
)
"""Everything at once, so that courses meet that seldom would."""
FOLLOWS = {
    "": {"Pending", "Created"},
    "Pending": {"Created"},
    "Created": {"Starting", "Stopped"},
    "Starting": {"Running", "Stopped"},
    "Running": {"Stopping", "Stopped"},
    "Stopping": {"Starting", "Stopped"},
    "Stopped": {"Starting", "Deleted"},
    "Deleted": set(),
}
"""Written out once more, from the documentation: a slip in the machine's own table must not excuse itself."""

Past = list[tuple[float, dict[str, Any]]]
seeds = st.integers(min_value=0, max_value=2**32)


def past(seed: int, hours: float = 8, size: int = 12, rates: Rates = STORMY) -> Past:
    told = history(seed, size, START, START + hours * 3600, rates)
    return [(at, json.loads(body)) for at, body in told]


def states_by_instance(told: Past) -> dict[str, list[tuple[float, str]]]:
    states = defaultdict(list)
    for at, body in told:
        if body["name"] == "Instance:StateChange":
            states[body["content"]["resourceId"]].append((at, body["content"]["state"]))
    return states


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_every_sequence_of_states_is_legal(seed: int) -> None:
    """From Pending or Created to Deleted, each state may follow the one before."""
    sequences = [[state for _, state in one] for one in states_by_instance(past(seed)).values()]
    pairs = {pair for one in sequences for pair in zip(["", *one], one, strict=False)}
    assert set() == {(before, after) for before, after in pairs if after not in FOLLOWS[before]}


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_events_are_told_in_the_order_they_happen(seed: int) -> None:
    """Times never go back, and each event is dated when it happens."""
    times = [at for at, _ in past(seed)]
    assert sorted(times) == times


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_an_interruption_ends_within_its_notice(seed: int) -> None:
    """Five minutes after the notice the instance is Deleted, or at least Stopped."""
    told = past(seed)
    states, end = states_by_instance(told), told[-1][0]
    late = []
    for at, body in told:
        if body["name"] == "Instance:PreemptibleInstanceInterruption" and at + 300 <= end:
            instance_id = body["content"]["instanceId"]
            after = [state for when, state in states[instance_id] if at <= when <= at + 300.001]
            late += [] if "Stopped" in after else [(seed, instance_id, after)]
    assert late == []


def test_a_terminated_instance_is_deleted_exactly_when_its_notice_ends() -> None:
    """The notice is neither more nor less than five minutes."""
    told = past(5, hours=48)
    noticed = {
        body["content"]["instanceId"]: at
        for at, body in told
        if body["name"] == "Instance:PreemptibleInstanceInterruption"
    }
    last = {one: states[-1] for one, states in states_by_instance(told).items()}
    taken = [round(last[one][0] - at, 3) for one, at in noticed.items() if last[one][1] == "Deleted"]
    assert min(taken) == 300.0


def test_a_protected_instance_is_not_interrupted() -> None:
    """With `SpotDuration` hours that never end, only instances without one are reclaimed."""
    protected = replace(STORMY, spot_hour_seconds=2 * DAY)
    assert 0 < interruptions(past(5, 24, rates=protected)) < interruptions(past(5, 24))


def interruptions(told: Past) -> int:
    return sum(body["name"] == "Instance:PreemptibleInstanceInterruption" for _, body in told)


@settings(max_examples=10, deadline=None)
@given(seeds)
def test_an_operation_tells_its_statuses_in_order_and_once(seed: int) -> None:
    """Announced, executing, over: each status at most once, nothing after a final one."""
    final = {"Executed", "Failed", "Avoided", "Canceled"}
    order = ["Inquiring", "Scheduled", "Executing", *sorted(final)]
    wrong = {
        event_id: statuses
        for event_id, statuses in statuses_by_operation(past(seed)).items()
        if sorted(set(statuses), key=order.index) != statuses or len(final & set(statuses)) > 1
    }
    assert wrong == {}


def statuses_by_operation(told: Iterable[tuple[float, dict[str, Any]]]) -> dict[str, list[str]]:
    statuses = defaultdict(list)
    for _, body in told:
        if "eventStatus" in body["content"]:
            statuses[body["content"]["eventId"]].append(body["content"]["eventStatus"])
    return statuses


def test_every_operation_ends() -> None:
    """A day after the last announcement nothing is left open."""
    calm = replace(STORMY, maintenances_per_hour=0.0, host_failures_per_hour=0.0)
    told = past(3, hours=96, rates=replace(calm, disk_errors_per_hour=0.5))
    announced = {
        body["content"]["eventId"]
        for at, body in told
        if "eventStatus" in body["content"] and at < START + 72 * 3600
    }
    final = {"Executed", "Failed", "Avoided", "Canceled"}
    statuses = statuses_by_operation(told)
    assert set() == {one for one in announced if not final & set(statuses[one])}


def test_a_reboot_by_the_platform_is_told_around_the_states() -> None:
    """Executing before Stopping, Executed after Running."""
    told = past(9, hours=24)
    executed = next(
        body["content"] for _, body in told if body["name"] == "Instance:InstanceFailure.Reboot:Executed"
    )
    mine = [
        body["content"].get("eventStatus") or body["content"].get("state")
        for _, body in told
        if executed["eventId"] == body["content"].get("eventId")
        or executed["instanceId"] == body["content"].get("resourceId")
    ]
    begun = mine.index("Executing")
    assert mine[begun : begun + 5] == ["Executing", "Stopping", "Starting", "Running", "Executed"]


def test_the_fleet_keeps_its_size() -> None:
    """Auto scaling replaces what is taken away, with the swing of a day."""
    running = {one: states[-1][1] for one, states in states_by_instance(past(2, 24, size=40)).items()}
    alive = [state for state in running.values() if state not in ("Deleted", "Stopped")]
    assert 28 <= len(alive) <= 52


def test_a_rate_of_zero_means_never() -> None:
    """What cannot happen is not scheduled."""
    calm = replace(Rates(), reboots_per_hour=0.0, snapshots_per_hour=0.0)
    names = {body["name"] for _, body in past(1, hours=24, rates=calm)}
    assert "Snapshot:CreateSnapshotCompleted" not in names


@pytest.mark.parametrize("size", [10, 40])
def test_an_instance_meets_chance_as_often_whatever_the_size_of_the_fleet(size: int) -> None:
    """Rates are per instance: snapshots in proportion to the fleet, within chance's own scatter."""
    often = replace(Rates(), snapshots_per_hour=4.0)
    told = past(4, hours=48, size=size, rates=often)
    snapshots = sum(body["name"] == "Snapshot:CreateSnapshotCompleted" for _, body in told)
    assert 3.2 <= snapshots / size / 48 <= 4.4
