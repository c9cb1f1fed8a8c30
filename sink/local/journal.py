"""The last requests that the embedded cloud answered, for tests and for the curious.

`Cloud` notes each exchange, `GET /_local/requests` shows them. Bounded, so that a cloud which runs for
weeks does not grow; and for each service by itself, so that a backlog's thousands of receives do not push out
the one call to a balancer that is looked for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter

REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and how it ended."""

    service: str
    operation: str
    status: int | None
    """None: the connection was closed without an answer."""
    at: float
    """When the request came, in seconds since the epoch."""
    milliseconds: float
    """How long the answer took."""
    resource: str
    """Host and path."""


class Journal:
    """Remembers the last `REMEMBERED` exchanges of each service, and counts them all."""

    def __init__(self) -> None:
        self._exchanges: dict[str, deque[Exchange]] = {}
        self.counts: dict[str, int] = {}
        self.waiting = 0
        """Requests that have no answer yet, long polls above all."""

    def note(self, exchange: Exchange) -> None:
        """Remember one exchange."""
        last = self._exchanges.setdefault(exchange.service, deque(maxlen=REMEMBERED))
        last.append(exchange)
        self.counts[exchange.service] = self.counts.get(exchange.service, 0) + 1

    def all(self) -> list[Exchange]:
        """What is remembered, in the order in which it came."""
        return sorted(chain.from_iterable(self._exchanges.values()), key=attrgetter("at"))
