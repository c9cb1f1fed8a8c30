"""What goes into the ledger and comes out of it.

Times are ms since 1970 on the clock of this sink, also where another sink wrote them by another clock
(`Transaction` in `database.py` sees to it). JSON stands for whatever the standard library makes JSON of.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run of a module on an event, as it is claimed, and as it is found again after a crash."""

    action_id: str
    """What makes it one run: a hash of module and event_key."""
    module: str
    event_key: str
    instance_id: str
    region_id: str
    body: str
    """The message as it came, so that the event can be parsed again. Forgotten once the run is closed."""
    received_at_ms: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is ours, with all that is known of how far it was."""

    action_id: str
    module: str
    event_key: str
    epoch: int
    """How often it was claimed. A later claim makes this one void: what is written by it is LostRun."""
    admitted_at_ms: int | None = None
    plan: Any = None
    """The admitted plan, JSON; None before the admission."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    orders: Mapping[str, int] = field(default_factory=dict)
    """When each order was first given, in the order in which they were."""
    answers: Mapping[str, Any] = field(default_factory=dict)
    """What came of those orders whose answer was written down."""


@dataclass(frozen=True, slots=True)
class Held:
    """A run that another sink is at."""

    until_ms: int
    """When that sink's lease ends, unless it is renewed."""


@dataclass(frozen=True, slots=True)
class Closed:
    """A run that has come to its end, with what was recorded of it."""

    status: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Use:
    """What an admission is decided by: what others have used up within the window."""

    actions: int
    """Runs of the module that were admitted, the one at hand not counted."""
    taken: Mapping[str, frozenset[str]]
    """Servers that runs of any module took out of the groups asked for, by group id, those of failed runs
    not counted. A run that goes on counts however long ago it was admitted."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """A yes to an admission."""

    plan: Any
    """The plan as it may be carried out, JSON."""
    takes: Mapping[str, Sequence[str]]
    """The servers that it takes out, by group id."""


@dataclass(frozen=True, slots=True)
class EarlierRun:
    """A run of a module for an instance that was admitted."""

    event_key: str
    admitted_at_ms: int
    status: str
    """As it was closed; empty while it goes on."""


@dataclass(frozen=True, slots=True)
class Circuit:
    """An open circuit: its module acts no more."""

    opened_at_ms: int
    reason: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands against a module's acting."""

    circuit: Circuit | None
    """Its circuit, if that is open."""
    calling: int
    """Distinct instances that call for it."""
