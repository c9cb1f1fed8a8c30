"""Real spot traces (Bamboo, NSDI 2023) as events, whole and as a bad day delivers them."""

from __future__ import annotations

import csv
import gzip
import json
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from sink.analysis.frames import INVENTORY, MS_PER_HOUR
from sink.analysis.lives import lifetimes
from sink.analysis.loading import load_events, load_inventory

TRACES = Path(__file__).parents[3] / "shared" / "data" / "bamboo-spot-traces"
"""Where the traces lie beside the checkout."""

needs_traces = pytest.mark.skipif(not TRACES.is_dir(), reason="the Bamboo traces are not beside the checkout")
pytestmark = needs_traces

BEGAN = 1_639_353_600_000
"""2021-12-13 00:00 UTC: what the event files call the trace's first moment."""
ENDED = {"p3": 40_920_000, "g4dn": 38_760_000}


def trace(name: str) -> list[tuple[int, str, str]]:
    """Milliseconds, `add` or `remove`, and node."""
    with (TRACES / f"{name}-trace.csv").open() as file:
        return [(int(ms), action, node) for ms, action, node in csv.reader(file)]


def lives(name: str, dirty: bool = False, inventory: pd.DataFrame | None = None) -> pd.DataFrame:
    events = load_events(TRACES / f"{name}-events{'-dirty' if dirty else ''}.jsonl.gz").events
    return lifetimes(events, BEGAN + ENDED[name], inventory)


def snapshots(name: str) -> pd.DataFrame:
    """Snapshots every half hour that list who ran by the trace, with what DescribeInstances says of them."""
    with gzip.open(TRACES / f"{name}-instances.jsonl.gz", "rt") as file:
        known = {row["InstanceName"]: row for row in map(json.loads, file)}
    rows = []
    for moment in range(0, ENDED[name] + 1, 1_800_000):
        up: set[str] = set()
        for ms, action, node in trace(name):
            if ms <= moment:
                (up.add if action == "add" else up.discard)(node)
        rows += [snapshot(found, moment) for title, found in known.items() if title.rpartition("-")[2] in up]
    return load_inventory(rows) if rows else INVENTORY.empty()


def snapshot(row: dict[str, str], moment: int) -> dict[str, str]:
    created = datetime.fromisoformat(row["CreationTime"])
    return {
        "snapshot_id": str(moment),
        "instance_id": row["InstanceId"],
        "region_id": row["RegionId"],
        "zone_id": row["ZoneId"],
        "instance_type": row["InstanceType"],
        "status": "Running",
        "creation_time_ms": str(round(created.timestamp() * 1000)),
        "spot_strategy": row["SpotStrategy"],
        "observed_at_ms": str(BEGAN + moment),
        "complete": "true",
    }


@pytest.mark.parametrize("name", ["p3", "g4dn"])
def test_there_is_a_life_for_every_add_and_a_reclaim_for_every_remove(name: str) -> None:
    """The counts are those of the trace file."""
    actions = [action for _, action, _ in trace(name)]
    outcomes = lives(name)["outcome"].value_counts()
    assert outcomes["interrupted"] == actions.count("remove")
    assert outcomes["alive"] == actions.count("add") - actions.count("remove")
    assert outcomes.sum() == actions.count("add")


@pytest.mark.parametrize("name", ["p3", "g4dn"])
def test_running_hours_are_those_of_the_trace(name: str) -> None:
    """Summed straight from adds and removes, to the millisecond."""
    signs = {"add": -1, "remove": 1}
    hours = sum(signs[action] * ms for ms, action, _ in trace(name))
    open_at_end = sum(-signs[action] for _, action, _ in trace(name))
    assert lives(name)["running_ms"].sum() == hours + open_at_end * ENDED[name]


@pytest.mark.parametrize("name", ["p3", "g4dn"])
def test_a_bad_day_changes_no_life_whose_events_all_came(name: str) -> None:
    """Late and repeated events change nothing; what differs had an event lost."""
    clean, dirty = lives(name), lives(name, dirty=True)
    whole = load_events(TRACES / f"{name}-events.jsonl.gz").events
    came = load_events(TRACES / f"{name}-events-dirty.jsonl.gz").events
    unique = came.drop_duplicates("event_ref").groupby("instance_id", observed=True).size()
    complete = unique[unique == whole.groupby("instance_id", observed=True).size()].index
    facts = ["born_ms", "end_ms", "outcome", "notice_ms", "running_ms", "starts"]
    clean, dirty = (frame.set_index("instance_id").loc[list(complete), facts] for frame in (clean, dirty))
    assert len(complete) > 0.8 * len(unique)
    assert clean.astype(str).equals(dirty.astype(str))


@pytest.mark.parametrize("name", ["p3", "g4dn"])
def test_hours_hold_within_five_percent_when_two_in_a_hundred_events_are_lost(name: str) -> None:
    """With the inventory, which ends lives whose Deleted was lost."""
    clean = lives(name)["running_ms"].sum()
    dirty = lives(name, dirty=True, inventory=snapshots(name))["running_ms"].sum()
    assert dirty == pytest.approx(clean, rel=0.05)
    assert clean > 100 * MS_PER_HOUR


@pytest.mark.parametrize("name", ["p3", "g4dn"])
def test_the_inventory_tells_every_zone(name: str) -> None:
    """Of all that was up at a snapshot."""
    found = lives(name, dirty=True, inventory=snapshots(name))
    listed = found[found["spot_strategy"].notna()]
    assert listed["zone_id"].isin(["us-east-1a", "us-east-1d"]).all()
    assert len(listed) > 0.7 * len(found)
