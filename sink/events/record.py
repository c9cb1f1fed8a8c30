"""What the logstore keeps of a message: a topic, a time, and text fields, encoded as SLS takes them.

Field names are the public schema: saved queries, dashboards, notebooks and users' own queries rest
on them, so they change only with `SCHEMA_VERSION`. A field that is unknown is absent, never the text `None`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import msgspec

from sink.events.encoding import contents, decoded

SCHEMA_VERSION = "1"

EVENT = "event"
QUARANTINE = "quarantine"


class Record(msgspec.Struct, frozen=True, gc=False):
    """One log to be stored."""

    topic: str
    time: int
    """Seconds since the epoch; becomes `__time__`."""
    contents: bytes
    """Its fields, encoded by `encoding.contents`."""

    @classmethod
    def of(cls, topic: str, time: int, fields: Mapping[str, str]) -> Self:
        """A record of these fields."""
        return cls(topic, time, contents(fields))

    @property
    def fields(self) -> dict[str, str]:
        """The fields by name, read back."""
        return decoded(self.contents)

    def quarantined(self, reason: str) -> Record:
        """The same message as a quarantine record: its body and how it came, and why it stands here."""
        fields = self.fields
        kept = {name: fields[name] for name in _QUARANTINE_FIELDS if name in fields}
        return Record.of(QUARANTINE, self.time, {**kept, "reason": reason})


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


class Receipt:
    """One receive: what it tells of each message that it brought, encoded once for all of them."""

    def __init__(self, queue: str, received_at_ms: int, sink_id: str) -> None:
        self.received_at_ms = received_at_ms
        self.contents = contents(
            {
                "schema_version": SCHEMA_VERSION,
                "mns_queue": queue,
                "received_at_ms": str(received_at_ms),
                "sink_id": sink_id,
            }
        )
