"""Queues: their names, attributes and limits, per account. No HTTP here.

`QueueApi` calls this for requests, the topics and the fleet for delivery. Attributes carry the vendor's
names and are kept together as one JSON text, since nothing ever looks for a queue by them; the limits are
those of "Limits" (document 128343). All queues are held in memory too: they are looked up by every
request, there are few, and this process is the only writer.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace

from sink.local.mns.errors import MnsError, invalid_argument, out_of_range, queue_not_exist
from sink.local.wire import Clock

LIMITS = {
    "DelaySeconds": (0, 604_800, "seconds"),
    "MaximumMessageSize": (1_024, 65_536, "bytes"),
    "MessageRetentionPeriod": (60, 604_800, "seconds"),
    "VisibilityTimeout": (1, 43_200, "seconds"),
    "PollingWaitSeconds": (0, 30, "seconds"),
}
DEFAULTS: Mapping[str, int | bool] = {
    "DelaySeconds": 0,
    "MaximumMessageSize": 65_536,
    "MessageRetentionPeriod": 345_600,
    "VisibilityTimeout": 30,
    "PollingWaitSeconds": 0,
    "LoggingEnabled": False,
}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
MAXIMUM_NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue. Times are in whole seconds since the epoch, as the vendor shows them."""

    id: int
    account_id: str
    name: str
    attributes: Mapping[str, int | bool]
    created_at: int
    modified_at: int


def check_name(name: str) -> None:
    """Raise what the vendor raises for a queue name that cannot be."""
    if not 1 <= len(name) <= MAXIMUM_NAME_LENGTH:
        text = f"The length of queue name should between 1 and {MAXIMUM_NAME_LENGTH}."
        raise MnsError(400, "QueueNameLengthError", text)
    if not NAME.fullmatch(name):
        text = (
            "The queue name you provided is invalid. It takes letters, digits and hyphens, no hyphen first."
        )
        raise MnsError(400, "InvalidQueueName", text)


def read_attributes(values: Mapping[str, str]) -> dict[str, int | bool]:
    """Check and convert the attributes among `values`; other names are ignored, as the vendor does.

    >>> read_attributes({"DelaySeconds": "5", "LoggingEnabled": "True"})
    {'DelaySeconds': 5, 'LoggingEnabled': True}
    """
    numbers = {name: bounded(name, values[name], *LIMITS[name]) for name in LIMITS if name in values}
    if "LoggingEnabled" not in values:
        return {**numbers}
    return {**numbers, "LoggingEnabled": flag("LoggingEnabled", values["LoggingEnabled"])}


def bounded(name: str, text: str, low: int, high: int, unit: str) -> int:
    """Read an integer within its limits. Raises InvalidArgument."""
    if not re.fullmatch(r"\s*[+-]?\d{1,18}\s*", text) or not low <= int(text) <= high:
        raise out_of_range(name, low, high, unit)
    return int(text)


def flag(name: str, text: str) -> bool:
    """Read `True` or `False`, in any case. Raises InvalidArgument."""
    if text.strip().lower() not in ("true", "false"):
        raise invalid_argument(f"The value of {name} should be True or False.")
    return text.strip().lower() == "true"


class Queues:
    """The queues of all accounts."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        rows = database.execute("select * from queue")
        self._queues = {(row["account_id"], row["name"]): _queue(row) for row in rows}

    def create(self, account_id: str, name: str, attributes: Mapping[str, int | bool]) -> bool:
        """Create a queue; tell whether it is new.

        False: it was there with the same attributes. Raises QueueAlreadyExist if they differ.
        """
        check_name(name)
        wanted = {**DEFAULTS, **attributes}
        existing = self._queues.get((account_id, name))
        if existing is None:
            self._insert(account_id, name, wanted)
        elif existing.attributes != wanted:
            text = "The queue you want to create is already exist, with different attributes."
            raise MnsError(409, "QueueAlreadyExist", text)
        return existing is None

    def get(self, account_id: str, name: str) -> Queue:
        """The queue of this name. Raises QueueNotExist."""
        queue = self._queues.get((account_id, name))
        if queue is None:
            raise queue_not_exist()
        return queue

    def find(self, account_id: str, prefix: str = "") -> list[Queue]:
        """The account's queues whose names start so, sorted by name."""
        mine = (queue for queue in self._queues.values() if queue.account_id == account_id)
        return sorted(
            (queue for queue in mine if queue.name.startswith(prefix)), key=lambda queue: queue.name
        )

    def update(self, queue: Queue, attributes: Mapping[str, int | bool]) -> None:
        """Override some attributes. They hold for messages that are there already, too."""
        merged = {**queue.attributes, **attributes}
        changed = replace(queue, attributes=merged, modified_at=int(self._clock()))
        with self._database:
            self._database.execute(
                "update queue set attributes = ?, modified_at = ? where id = ?",
                (json.dumps(merged), changed.modified_at, queue.id),
            )
        self._queues[queue.account_id, queue.name] = changed

    def delete(self, account_id: str, name: str) -> Queue | None:
        """Delete a queue with its messages. Deleting what is not there is no error to MNS: None."""
        queue = self._queues.pop((account_id, name), None)
        if queue is not None:
            with self._database:
                self._database.execute("delete from message where queue_id = ?", (queue.id,))
                self._database.execute("delete from queue where id = ?", (queue.id,))
        return queue

    def _insert(self, account_id: str, name: str, attributes: Mapping[str, int | bool]) -> None:
        now = int(self._clock())
        with self._database:
            rows = self._database.execute(
                "insert into queue (account_id, name, attributes, created_at, modified_at)"
                " values (?, ?, ?, ?, ?) returning *",
                (account_id, name, json.dumps(attributes), now, now),
            ).fetchall()
        self._queues[account_id, name] = _queue(rows[0])


def _queue(row: sqlite3.Row) -> Queue:
    return Queue(**{**dict(row), "attributes": json.loads(row["attributes"])})
