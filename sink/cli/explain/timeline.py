"""Records of the logstore become one timeline: pure, from rows to entries.

A record may stand there several times (at-least-once delivery); it is one entry that counts them. Of a state
that cannot follow the one before, the timeline says that something in between is not known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from sink.events import Event, parse_body

Row = Mapping[str, str]

_BEFORE = {
    "Created": {"Pending"},
    "Starting": {"Created", "Stopped", "Stopping"},
    "Running": {"Starting"},
    "Stopping": {"Running"},
    "Stopped": {"Starting", "Running", "Stopping", "Created"},
    "Deleted": {"Stopped"},
}
"""Which states can come before each (CloudMonitor's documentation of Instance:StateChange)."""

_LATE_SECONDS = 60
Wanted = Callable[[Event], Sequence[str]]
"""The names of the enabled actions that handle an event."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened or was decided."""

    at_ms: int
    topic: str
    record: Row
    copies: int = 1
    """How often it is stored."""
    notes: tuple[str, ...] = field(default=())
    """What is odd about it, or missing: sentences without their full stop."""

    @property
    def state(self) -> str:
        """The state that a StateChange tells; empty for everything else."""
        return self.record.get("state", "") if self.topic == "event" else ""


def timeline(rows: Iterable[Row], wanted: Wanted) -> list[Entry]:
    """Entries in the order of time: an event, then what was decided about it."""
    entries = sorted(_collapsed(rows), key=lambda one: (one.at_ms, _RANK.get(one.topic, 9)))
    answered = {(one.record["module"], one.record["event_key"]) for one in entries if one.topic == "action"}
    noted = []
    state = ""
    for one in entries:
        notes = [*_delay(one), *_gap(state, one.state), *_unanswered(one, answered, wanted)]
        noted.append(replace(one, notes=tuple(notes)))
        state = one.state or state
    return noted


_RANK = {"event": 0, "quarantine": 1, "action": 2, "inventory": 3}
_IDENTITY = {"action": "action_id", "inventory": "snapshot_id"}
_TIMES = {
    "event": ("event_time_ms", "received_at_ms"),
    "action": ("started_at_ms", "finished_at_ms"),
    "inventory": ("observed_at_ms",),
    "quarantine": ("received_at_ms",),
}


def _collapsed(rows: Iterable[Row]) -> list[Entry]:
    """One entry for each record, however often it is stored; of a snapshot's, where something changed."""
    found: dict[tuple[str, str], Entry] = {}
    for row in rows:
        topic = row.get("__topic__", "")
        key = (topic, row.get(_IDENTITY.get(topic, "event_key"), ""))
        if key in found:
            found[key] = replace(found[key], copies=found[key].copies + 1)
        else:
            found[key] = Entry(_at_ms(topic, row), topic, row)
    seen = sorted((one for one in found.values() if one.topic == "inventory"), key=lambda one: one.at_ms)
    others = [one for one in found.values() if one.topic != "inventory"]
    return others + [next(run) for _, run in groupby(seen, key=lambda one: one.record.get("status"))]


def _at_ms(topic: str, row: Row) -> int:
    """When it happened, else when it was heard of, else as SLS has it."""
    known = (row[name] for name in _TIMES.get(topic, ()) if row.get(name))
    return int(next(known, row.get("__time__", "0") + "000"))


def _delay(entry: Entry) -> list[str]:
    """An event that came late explains why what answers it did, too."""
    received, happened = entry.record.get("received_at_ms"), entry.record.get("event_time_ms")
    if entry.topic != "event" or not received or not happened:
        return []
    seconds = (int(received) - int(happened)) / 1000
    return [f"received {span(seconds)} after it happened"] if seconds > _LATE_SECONDS else []


def _gap(before: str, state: str) -> list[str]:
    """That a state cannot follow the one before: an event is missing."""
    if not state or not before or before in _BEFORE.get(state, {before}):
        return []
    return [f"a gap: no event tells how it came from {before} to {state}"]


def _unanswered(entry: Entry, answered: set[tuple[str, str]], wanted: Wanted) -> list[str]:
    """Enabled actions that handle this event, and of which there is no record."""
    if entry.topic != "event":
        return []
    event = parse_body(entry.record.get("body", ""))
    names = wanted(event) if isinstance(event, Event) else ()
    return [
        f"no action, because nothing is recorded of {name}: it was off then, or is still at it"
        for name in names
        if (name, entry.record.get("event_key", "")) not in answered
    ]


def span(seconds: float) -> str:
    """A duration for people.

    >>> span(0.25), span(42), span(125), span(7300), span(200_000)
    ('0.2 s', '42 s', '2 min 5 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    units = ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
    size, unit, part, minor = next(one for one in units if seconds >= one[0])
    rest = int(seconds % size // part)
    return f"{int(seconds // size)} {unit}" + (f" {rest} {minor}" if rest else "")
