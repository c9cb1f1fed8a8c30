"""What the fleet remembers: its instances, what is still to happen, what is not yet delivered.

Kept in SQLite, so that a fleet goes on where it was after a restart or a kill -9. One step of the
fleet's life is one transaction: it takes the step, changes instances, schedules further steps and
posts the events that tell of it. Events are delivered from here only after that transaction, and
struck out afterwards: a crash in between repeats an event with the same id, as CloudMonitor may,
and never loses or invents one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import orjson

from sink.local.fleet import shelf
from sink.local.fleet.instances import Instance, State
from sink.local.fleet.shelf import Shelf

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS instances (instance_id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS steps (
    number INTEGER PRIMARY KEY, due REAL NOT NULL,
    action TEXT NOT NULL, instance_id TEXT NOT NULL, details BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS steps_by_due ON steps (due, number);
CREATE TABLE IF NOT EXISTS outbox (number INTEGER PRIMARY KEY, at REAL NOT NULL, body BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Step:
    """Something that is to happen: what, when (epoch seconds), to whom, and what it needs to know."""

    due: float
    action: str
    instance_id: str = ""
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Posted:
    """An event on its way: its place in the outbox, its time (epoch seconds) and its JSON."""

    number: int
    at: float
    body: bytes


class FleetState:
    """The fleet's memory. `commit` ends a step; without it, nothing since the last one has happened."""

    def __init__(self, database: Path | str) -> None:
        self._connection = sqlite3.connect(database)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA + shelf.SCHEMA)
        self._shelves: dict[type[Any], Shelf[Any]] = {}
        self._recall()

    @property
    def instances(self) -> Mapping[str, Instance]:
        """The instances that exist, by id. Deleted ones are gone, as they are from DescribeInstances."""
        return MappingProxyType(self._instances)

    def keep(self, instance: Instance) -> None:
        """Remember the instance as it is now; forget it if it has been deleted."""
        if instance.state is State.DELETED:
            self._instances.pop(instance.instance_id, None)
            self._connection.execute("DELETE FROM instances WHERE instance_id = ?", (instance.instance_id,))
        else:
            self._instances[instance.instance_id] = instance
            row = (instance.instance_id, orjson.dumps(instance))
            self._connection.execute("INSERT OR REPLACE INTO instances VALUES (?, ?)", row)

    def schedule(self, step: Step) -> None:
        """Let a step happen when it is due."""
        row = (step.due, step.action, step.instance_id, orjson.dumps(step.details))
        query = "INSERT INTO steps (due, action, instance_id, details) VALUES (?, ?, ?, ?)"
        self._connection.execute(query, row)

    def cancel(self, *actions: str) -> None:
        """Let no step of these actions happen any more."""
        self._connection.executemany("DELETE FROM steps WHERE action = ?", [(action,) for action in actions])

    def cancel_for(self, instance_id: str, *actions: str) -> None:
        """Let no step of these actions happen to one instance any more."""
        rows = [(action, instance_id) for action in actions]
        self._connection.executemany("DELETE FROM steps WHERE action = ? AND instance_id = ?", rows)

    def next_due(self) -> float:
        """When the next step is due (epoch seconds); infinity if nothing is to happen."""
        due: float | None = self._connection.execute("SELECT min(due) FROM steps").fetchone()[0]
        return inf if due is None else due

    def take(self, until: float) -> Step | None:
        """Remove and return the earliest step that is due by `until` (epoch seconds), or None."""
        query = "SELECT * FROM steps WHERE due <= ? ORDER BY due, number LIMIT 1"
        row = self._connection.execute(query, (until,)).fetchone()
        if row is None:
            return None
        number, due, action, instance_id, details = row
        self._connection.execute("DELETE FROM steps WHERE number = ?", (number,))
        return Step(due, action, instance_id, orjson.loads(details))

    def post(self, at: float, body: bytes) -> None:
        """Put an event's JSON into the outbox."""
        self._connection.execute("INSERT INTO outbox (at, body) VALUES (?, ?)", (at, body))

    def undelivered(self) -> list[Posted]:
        """The outbox, oldest first."""
        return [Posted(*row) for row in self._connection.execute("SELECT * FROM outbox ORDER BY number")]

    def strike_out(self, posted: Posted) -> None:
        """Take a delivered event out of the outbox."""
        self._connection.execute("DELETE FROM outbox WHERE number = ?", (posted.number,))

    def commit(self) -> None:
        """Make everything since the last commit durable, all of it or nothing."""
        self._connection.commit()

    def roll_back(self) -> None:
        """Let nothing have happened since the last commit."""
        if self._connection.in_transaction:
            self._connection.rollback()
            self._recall()

    @property
    def is_changed(self) -> bool:
        """Tell whether there is anything to commit."""
        return self._connection.in_transaction

    def shelf(self, form: type[T]) -> Shelf[T]:
        """The things of one type that belong to the same account as the fleet."""
        if form not in self._shelves:
            self._shelves[form] = Shelf(self._connection, form)
        return self._shelves[form]

    def _recall(self) -> None:
        rows = self._connection.execute("SELECT body FROM instances")
        self._instances = {one.instance_id: one for one in map(_instance, rows)}

    def close(self) -> None:
        """Let go of the database; what was not committed has not happened."""
        self._connection.close()


def _instance(row: tuple[bytes]) -> Instance:
    fields = orjson.loads(row[0])
    locks, groups = tuple(fields.pop("operation_locks")), tuple(fields.pop("security_group_ids", ()))
    typed = {"state": State(fields["state"]), "operation_locks": locks, "security_group_ids": groups}
    return Instance(**fields | typed)
