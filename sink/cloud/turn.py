"""For whom a call is made: how urgent it is, until when it is tried, and what it met on the way.

Every question and order has a `Turn`. Calls that serve several at once have one `together`: it is as urgent
as the most urgent of them, it lasts as long as the most patient of them, and what delays it is told to all.
Somebody more urgent may join while it waits; its place in the queue is then a better one.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from sink.errors import CloudError


class Waiting(Protocol):
    """A place in a queue."""

    def hasten(self) -> None:
        """The turn has become more urgent."""


class Turn:
    """One that waits for calls, or several together."""

    def __init__(self, deadline_ms: int | None = None, *, background: bool = False) -> None:
        self.deadline_ms = deadline_ms
        """When its time is over, ms since 1970; None for no hurry."""
        self.background = background
        """Whether nobody waits for it."""
        self.delays: Counter[str] = Counter()
        """How often a call was put off, by the vendor's code."""
        self.delayed_seconds = 0.0
        self.places: set[Waiting] = set()
        """Where it waits now."""
        self._parties: list[Turn] = []

    @classmethod
    def together(cls, first: Turn) -> Turn:
        """A turn that others may `join`."""
        turn = cls(first.deadline_ms, background=first.background)
        turn._parties.append(first)
        return turn

    def join(self, other: Turn) -> None:
        """Let another wait for the same calls."""
        before = self.urgency(0)
        self._parties.append(other)
        self.background = self.background and other.background
        deadlines = [one for one in (self.deadline_ms, other.deadline_ms) if one is not None]
        self.deadline_ms = min(deadlines, default=None)
        if self.urgency(0) < before:
            for place in self.places:
                place.hasten()

    def urgency(self, now_ms: int) -> tuple[bool, float]:
        """The smaller goes first. A deadline that has passed is no hurry any more."""
        deadline = self.deadline_ms
        return (self.background, deadline if deadline is not None and deadline > now_ms else float("inf"))

    def lasts_until_ms(self, began_ms: int, patience_seconds: float) -> float:
        """Until when a call that began then is tried: the deadline, or where there is none, for so long.

        What goes on after its deadline has no deadline any more.
        """
        if self._parties:
            return max(one.lasts_until_ms(began_ms, patience_seconds) for one in self._parties)
        if self.deadline_ms is not None and self.deadline_ms > began_ms:
            return self.deadline_ms
        return began_ms + patience_seconds * 1000

    def met(self, error: CloudError, pause_seconds: float) -> None:
        """A call was put off so long for this."""
        self.delays[error.code] += 1
        self.delayed_seconds += pause_seconds
        for one in self._parties:
            one.met(error, pause_seconds)
