"""Streams of events for the tests: by hand, of a simulated fleet, and at random.

`events("Running 0, Notice 60, Deleted 360")` is one instance's life, in seconds after noon.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import pandas as pd

from sink.analysis.frames import STATES
from sink.analysis.generator import Delivery, Plan, simulate
from sink.analysis.loading import load_events, load_inventory
from sink.events import INTERRUPTION, STATE_CHANGE

NOON = 1_795_320_000_000
"""Where hand-made streams begin, ms."""

Record = dict[str, str]


def record(
    step: str, seconds: float, instance: str = "i-1", event_id: str | None = None, **fields: str
) -> Record:
    """One stored event; `seconds` after NOON."""
    time = NOON + round(seconds * 1000)
    kind = INTERRUPTION if step == "Notice" else STATE_CHANGE
    key = event_id or f"{instance} {step} {time}"
    made = {
        "schema_version": "1",
        "event_key": key,
        "event_id": key,
        "product": "ECS",
        "kind": kind,
        "region_id": "cn-beijing",
        "instance_id": instance,
        "event_time_ms": str(time),
        "received_at_ms": str(time + 1000),
    }
    return made | ({} if step == "Notice" else {"state": step}) | fields


def steps(text: str, instance: str = "i-1", **fields: str) -> list[Record]:
    """Records of `Running 0, Deleted 60`: states and seconds after NOON."""
    named = (step.split() for step in text.split(",") if step.strip())
    return [record(state, float(seconds), instance, **fields) for state, seconds in named]


def events(*streams: str | Iterable[Record]) -> pd.DataFrame:
    """Frame EVENTS of texts, each an instance of its own, and of records."""
    made: list[Record] = []
    for number, stream in enumerate(streams, 1):
        made += steps(stream, f"i-{number}") if isinstance(stream, str) else list(stream)
    return load_events(made).events


def at(seconds: float) -> int:
    """Milliseconds of so many seconds after NOON."""
    return NOON + round(seconds * 1000)


def sighting(seconds: float, instance: str = "i-1", status: str | None = "Running", **fields: Any) -> Record:
    """One row of a complete inventory snapshot."""
    made = {
        "snapshot_id": f"s{seconds}",
        "instance_id": instance,
        "region_id": "cn-beijing",
        "zone_id": "cn-beijing-h",
        "instance_type": "ecs.g7.large",
        "status": status,
        "observed_at_ms": str(at(seconds)),
        "complete": "true",
    }
    return {name: str(value) for name, value in (made | fields).items() if value is not None}


def inventory(*sightings: Record) -> pd.DataFrame:
    """Frame INVENTORY of rows."""
    return load_inventory(sightings)


def random_records(seed: int, lives: int = 60, most: int = 12) -> list[Record]:
    """Events in any order of states, with ties of time, repeats and second ids."""
    chance = Random(seed)
    found: list[Record] = []
    for life in range(lives):
        fields = {"region_id": chance.choice(["cn-beijing", "cn-shanghai"])}
        for _ in range(chance.randrange(1, most)):
            state = chance.choice(STATES)
            made = record(
                state, chance.randrange(60) * 120, f"i-{life}", f"e{chance.randrange(10**6)}", **fields
            )
            found += [made] * chance.choice([1, 1, 1, 2])
    chance.shuffle(found)
    return found


def fleet_records(kind: str) -> tuple[Sequence[Record], int]:
    """Records of a simulated fleet, delivered in one of five ways, and the end of the record."""
    faults = {
        "clean": Delivery(),
        "duplicated": Delivery(repeated=0.3),
        "shuffled": Delivery(late=0.5),
        "lossy": Delivery(lost=0.1, repeated=0.05, late=0.05),
    }
    if kind.startswith("random"):
        return random_records(int(kind.removeprefix("random"))), at(9000)
    fleet = simulate(5, Plan(instances=60, hours=24, hours_before=6), faults[kind])
    found = list(fleet.records)
    if kind == "shuffled":
        Random(1).shuffle(found)
    return found, fleet.as_of
