"""Messages in hand, and until when they are ours.

A message received is hidden from every other consumer for the queue's visibility timeout. `Leases`
prolongs that at half time for as long as work goes on, so that long work never lets a second consumer at
the same message, and the timeout can stay short enough that a dead sink's messages come back soon.
Each prolongation gives the message a **new** receipt handle; the old one is void.

The pipeline takes messages in here and releases them when it settles them. Nothing here deletes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec

from sink.errors import CloudError


class Message(msgspec.Struct, eq=False, gc=False):
    """A message received. `handle` and `held_until` change with each prolongation."""

    queue: str
    message_id: str
    handle: str
    body: str
    dequeue_count: int
    received_at_ms: int
    """Wall clock of this machine."""
    lease_seconds: float
    """How long one lease of this message lasts."""
    held_until: float
    """End of the lease on the monotonic clock."""


class Prolong(Protocol):
    """What a source does to keep a message: `Source.prolong`."""

    async def __call__(self, message: Message, seconds: int) -> None:
        """Hide the message for so long from now; sets its new `handle` and `held_until`."""


class Leases:
    """The messages in hand of one queue.

    Promises that a message in here is prolonged before its lease ends, as long as the queue answers; and
    that after `release` returned no prolongation of it is under way, so that its handle stands still.
    """

    def __init__(self, prolong: Prolong, clock: Callable[[], float]) -> None:
        self._prolong = prolong
        self._clock = clock
        self._held: dict[str, Message] = {}
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._not_before: dict[str, float] = {}
        """When a prolongation that failed is tried again."""

    def __len__(self) -> int:
        return len(self._held)

    @property
    def oldest_received_at_ms(self) -> int | None:
        """When the message longest in hand was received, wall clock; None with empty hands."""
        return next(iter(self._held.values())).received_at_ms if self._held else None

    @property
    def messages(self) -> list[Message]:
        """What is in hand, longest held first."""
        return list(self._held.values())

    def take(self, messages: Iterable[Message]) -> list[Message]:
        """Take messages in hand; returns those that were not.

        One that comes again while it is in hand has lost its lease: it goes on, under the new handle.
        """
        fresh = []
        for message in messages:
            held = self._held.get(message.message_id)
            if held is None:
                self._held[message.message_id] = message
                fresh.append(message)
            else:
                held.handle, held.held_until = message.handle, message.held_until
        return fresh

    async def release(self, messages: Sequence[Message]) -> None:
        """Let messages go, once no prolongation of theirs is under way."""
        for message in messages:
            self._held.pop(message.message_id, None)
        if not self._not_before and not self._under_way:
            return
        names = {message.message_id for message in messages}
        for name in self._not_before.keys() & names:
            del self._not_before[name]
        if under_way := [self._under_way[name] for name in self._under_way.keys() & names]:
            await asyncio.wait(under_way)

    def prolong_due(self) -> float:
        """Begin every prolongation that is due; returns the seconds until the next one may be."""
        now = self._clock()
        pause = 1.0
        for message in self._held.values():
            half_time = message.held_until - message.lease_seconds / 2
            due_in = max(half_time, self._not_before.get(message.message_id, half_time)) - now
            if due_in > 0:
                pause = min(pause, due_in)
            elif message.message_id not in self._under_way:
                self._begin(message)
        return pause

    async def keep(self) -> None:
        """Prolong whatever is due, for ever. Run as a task and cancelled at the end."""
        while True:
            await asyncio.sleep(self.prolong_due())

    def _begin(self, message: Message) -> None:
        task = asyncio.create_task(self._prolong_once(message))
        self._under_way[message.message_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(message.message_id, None))

    async def _prolong_once(self, message: Message) -> None:
        """Prolong one lease. Where that fails to the end, the message comes again, with a new handle."""
        try:
            await self._prolong(message, max(1, round(message.lease_seconds)))
        except CloudError:
            self._not_before[message.message_id] = self._clock() + message.lease_seconds / 8
