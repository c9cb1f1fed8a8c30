"""What the logstore keeps: a topic, a time, and text fields.

Field names are the public schema: saved queries, dashboards, notebooks and users' own queries rest
on them, so they change only with `SCHEMA_VERSION`. A field that is unknown is absent, never the text `None`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SCHEMA_VERSION = "1"

EVENT = "event"
QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class Record:
    """One log to be stored. `time` is in seconds since the epoch and becomes `__time__`."""

    topic: str
    time: int
    fields: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes of text, keys included: what SLS counts against its limits, near enough."""
        return sum(len(key) + len(value.encode()) for key, value in self.fields.items())

    def quarantined(self, reason: str) -> Record:
        """The same message as a quarantine record: its body and how it came, and why it stands here."""
        kept = {name: self.fields[name] for name in _QUARANTINE_FIELDS if name in self.fields}
        return Record(QUARANTINE, self.time, {**kept, "reason": reason})


_QUARANTINE_FIELDS = (
    "schema_version",
    "event_key",
    "body",
    "received_at_ms",
    "mns_queue",
    "mns_message_id",
    "dequeue_count",
    "sink_id",
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """How a message came: what its record says besides the event itself."""

    queue: str
    message_id: str
    dequeue_count: int
    received_at_ms: int
    sink_id: str

    def fields(self) -> dict[str, str]:
        """The record fields that tell of the delivery."""
        return {
            "received_at_ms": str(self.received_at_ms),
            "mns_queue": self.queue,
            "mns_message_id": self.message_id,
            "dequeue_count": str(self.dequeue_count),
            "sink_id": self.sink_id,
        }
