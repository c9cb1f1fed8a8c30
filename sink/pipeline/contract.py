"""What the pipeline needs of others, and what it tells them. `cli` builds these from the settings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sink.errors import CloudError
from sink.events import Event, Record, Unreadable
from sink.lease import Message


class Source(Protocol):
    """A queue. Every method raises CloudError and nothing else."""

    name: str
    batch: int
    """The most that one receive gives: an answer so full means that more wait."""

    async def receive(self, wait_seconds: int) -> Sequence[Message]:
        """Messages, hidden from others for the queue's visibility timeout; [] if none come."""

    async def delete(self, messages: Sequence[Message]) -> int:
        """Delete at most a batch; returns how many were no longer ours to delete and will come again."""

    async def prolong(self, message: Message, seconds: int) -> None:
        """Hide a message for so long from now. Sets its new handle and `held_until`."""

    async def waiting(self) -> int:
        """How many messages the queue holds: visible, hidden and delayed."""

    def cut_short(self) -> None:
        """End every `receive` that waits, now; from here on `receive` raises Unreachable."""


class Store(Protocol):
    """A logstore."""

    async def write(self, records: Sequence[Record]) -> Sequence[CloudError | None]:
        """The outcome of each record: None once it is stored, be it in quarantine."""


class Actions(Protocol):
    """The enabled action modules."""

    def notice(self, events: Iterable[Event]) -> None:
        """Events were received; what is under way may be waiting for them."""

    def wants(self, event: Event) -> bool:
        """Tell whether any of them handles this event."""

    async def act(self, event: Event) -> Sequence[Record]:
        """Bring each to a final outcome; returns their records. Never raises."""


class NoActions:
    """What runs while no action is enabled."""

    def notice(self, events: Iterable[Event]) -> None:
        """Nothing waits for them."""

    def wants(self, event: Event) -> bool:
        """No."""
        return False

    async def act(self, event: Event) -> Sequence[Record]:
        """Do nothing, to which there are no records."""
        return ()


class Report(Protocol):
    """Who is told what came, and at every try whether a part works. Telling changes is theirs."""

    def received(self, events: Sequence[Event | Unreadable]) -> None:
        """These were received together."""

    def trouble(self, part: str, error: CloudError) -> None:
        """The part failed, and will be tried again."""

    def fine(self, part: str) -> None:
        """The part works."""

    def bug(self, error: Exception) -> None:
        """Something raised that should not. The messages it held are given back."""


@dataclass(slots=True)
class Tally:
    """What the pipeline has done since it began, in messages unless it says otherwise."""

    received: int = 0
    stored: int = 0
    quarantined: int = 0
    deleted: int = 0
    given_back: int = 0
    redelivered: int = 0
    """Deletes that came too late: the message will be stored once more, under the same event_key."""
    acted: int = 0
    waiting: int | None = None
    """What the queues still hold, as last asked by a draining run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is held and how long is waited."""

    in_hand: int = 2000
    """Messages of one queue at most that wait to be stored or deleted: what bounds memory."""
    acting: int = 10_000
    """And those that an action wants: minutes of drains must not stop the receivers."""
    helpers: int = 30
    """Receivers beside the standing ones of one queue, at most, while it gives them more than those take."""
    long_poll_seconds: int = 30
    empty_seconds: float = 1.0
    """How long an empty receive takes at least, waited out here where the service did not."""
    stop_seconds: float = 25.0
    """How long a stop may take before what is in hand is given back."""
    retry_seconds: float = 30.0
    """Longest pause between tries of a queue that fails."""
    give_back_first_seconds: float = 5.0
    give_back_longest_seconds: float = 300.0
