"""Long polls: wait at an empty queue until something can be received, or nobody listens any more.

`Arrivals` is the bell that every change rings which could end a wait early: a send, a shortened
visibility, a deleted queue. Between rings a poll sleeps until the next hidden message becomes visible.
Waiting is counted on the event loop's clock, so a test's clock cannot make a poll wait for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sink.local.mns.messages import Message, Messages
from sink.local.mns.resources import Resource
from sink.local.wire import Clock


class Arrivals:
    """Who waits at which queue."""

    def __init__(self) -> None:
        self._events: dict[int, asyncio.Event] = {}

    def next(self, queue_id: int) -> asyncio.Event:
        """The event that the queue's next change sets."""
        return self._events.setdefault(queue_id, asyncio.Event())

    def ring(self, queue_id: int) -> None:
        """Wake everybody who waits at this queue."""
        event = self._events.pop(queue_id, None)
        if event is not None:
            event.set()


class LongPoll:
    """Receiving with patience."""

    def __init__(self, messages: Messages, arrivals: Arrivals, clock: Clock) -> None:
        self._messages = messages
        self._arrivals = arrivals
        self._clock = clock

    async def receive(
        self,
        queue: Callable[[], Resource],
        count: int,
        wait_seconds: float,
        disconnected: Callable[[], Awaitable[None]],
    ) -> list[Message]:
        """Take up to `count` messages, waiting up to `wait_seconds` for the first.

        `queue` is asked anew after each wait, as the queue may change or vanish meanwhile. A client that hung
        up while it waited gets nothing, so its messages are free for the next one.
        """
        received = self._messages.receive(queue(), count)
        if received or not wait_seconds:
            return received
        deadline = asyncio.get_running_loop().time() + wait_seconds
        gone = asyncio.ensure_future(disconnected())
        try:
            return await self._receive_until(deadline, queue, count, gone)
        finally:
            gone.cancel()

    async def _receive_until(
        self, deadline: float, queue: Callable[[], Resource], count: int, gone: asyncio.Future[None]
    ) -> list[Message]:
        loop = asyncio.get_running_loop()
        received: list[Message] = []
        while not received and loop.time() < deadline:
            await self._wait_for_change(queue(), deadline - loop.time(), gone)
            if gone.done():
                break
            received = self._messages.receive(queue(), count)
        return received

    async def _wait_for_change(
        self, queue: Resource, patience_seconds: float, gone: asyncio.Future[None]
    ) -> None:
        due = self._messages.next_due(queue)
        seconds = patience_seconds if due is None else min(patience_seconds, max(due - self._clock(), 0.001))
        arrival = asyncio.ensure_future(self._arrivals.next(queue.id).wait())
        events: set[asyncio.Future[Any]] = {gone, arrival}
        await asyncio.wait(events, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        arrival.cancel()
