"""Fleets that nobody ran, with the truth beside them: what the analysis is tried on.

Tests compare what `lifetimes` concludes with what `simulate` knows; notebooks and `sink report` show `sample`
where there is no logstore; benchmarks write millions of events with `write_bodies`. A fleet has what a real
record has: lives that began before it or go on after it, user stops, reboots, flapping, mass reclaims, and,
by `Delivery`, events that are lost, repeated and late.

The same seed gives the same fleet. `lives.py` says what happens, `messages.py` what is delivered of it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from sink.analysis.generator.lives import Life, Plan, live, stays_of
from sink.analysis.generator.messages import (
    Delivery,
    action_records,
    bodies,
    deliver,
    inventory_records,
    records,
)
from sink.analysis.loading import load_actions, load_events, load_inventory

__all__ = ["Delivery", "Fleet", "Life", "Plan", "sample", "simulate", "write_bodies"]


@dataclass(frozen=True)
class Fleet:
    """What happened, and what the logstore holds of it."""

    plan: Plan
    lives: tuple[Life, ...]
    records: tuple[dict[str, str], ...]
    """Topic `event`, in the order of delivery."""
    inventory_records: tuple[dict[str, str], ...]
    action_records: tuple[dict[str, str], ...]

    @property
    def as_of(self) -> int:
        """The end of the record, ms."""
        return self.plan.end_ms

    @cached_property
    def events(self) -> pd.DataFrame:
        """Frame EVENTS of what was delivered."""
        return load_events(self.records).events

    @cached_property
    def inventory(self) -> pd.DataFrame:
        """Frame INVENTORY: a complete snapshot at the start and every hour."""
        return load_inventory(self.inventory_records)

    @cached_property
    def actions(self) -> pd.DataFrame:
        """Frame ACTIONS: what drained the reclaimed and restarted the crashed."""
        return load_actions(self.action_records)

    @property
    def truth(self) -> pd.DataFrame:
        """One row a life that the record could see: what `lifetimes` should say.

        Columns: `instance_id`, `zone_id`, `instance_type`, `born_ms`, `died_ms` (<NA> for one that lives on),
        `fate` (interrupted, released, alive) and `running_ms`, all of it within the record.
        """
        rows = [self._true_row(life) for life in self.lives]
        return pd.DataFrame(rows).astype({"born_ms": "int64", "died_ms": "Int64", "running_ms": "int64"})

    def _true_row(self, life: Life) -> dict[str, object]:
        running = [stay for stay in stays_of(life, self.as_of) if stay[0] == "Running"]
        seen = [max(0, end - max(start, self.plan.start_ms)) for _, start, end in running]
        return {
            "instance_id": life.instance_id,
            "zone_id": life.zone_id,
            "instance_type": life.instance_type,
            "born_ms": life.born_ms,
            "died_ms": life.died_ms,
            "fate": life.fate,
            "running_ms": sum(seen),
        }


def simulate(seed: int, plan: Plan, delivery: Delivery) -> Fleet:
    """Simulate a fleet by its plan, and deliver what happened.

    >>> plan = Plan(instances=2)
    >>> simulate(1, plan, Delivery()).records == simulate(1, plan, Delivery()).records
    True
    """
    chance = random.Random(seed)
    lives = tuple(live(plan, chance))
    delivered = deliver(plan, lives, delivery, chance)
    return Fleet(
        plan=plan,
        lives=lives,
        records=tuple(records(delivered)),
        inventory_records=tuple(inventory_records(plan, lives)),
        action_records=tuple(action_records(plan, lives, chance)),
    )


def sample(seed: int = 1) -> Fleet:
    """Give the shipped sample: three days of eighty instances, with the faults of a bad day.

    >>> len(sample(1).truth)
    80
    """
    return simulate(seed, Plan(instances=80), Delivery(lost=0.01, repeated=0.05, late=0.02))


def write_bodies(path: Path, seed: int, events: int) -> int:
    """Write at least so many events as JSON lines of CloudMonitor bodies, in bounded memory.

    Fleets of a thousand instances follow each other. Gives the number of lines.
    """
    written = 0
    with path.open("w", encoding="utf-8") as file:
        for line in _endless(seed):
            file.write(line + "\n")
            written += 1
            if written >= events:
                return written
    raise AssertionError("an endless stream ended")


def _endless(seed: int) -> Iterator[str]:
    chance, plan = random.Random(seed), Plan(instances=1000)
    while True:
        yield from bodies(deliver(plan, tuple(live(plan, chance)), Delivery(), chance))
