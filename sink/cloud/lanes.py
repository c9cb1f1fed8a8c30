"""The calls of one product that are under way, and who may make one next.

A product has a lane of its own: one that hangs holds up no other. Within it every API and region is a line
with a bucket of its own, since that is what the vendor counts; of the lines that may go, the most urgent call
goes first. The background has a quarter of the lane: as much as its part of the quota needs, and little
enough that an interruption which comes while all is read finds room.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count

from sink.cloud.calls import Line
from sink.cloud.hush import Hush
from sink.cloud.rates import Bucket
from sink.cloud.turn import Turn


class Ticket:
    """A place in a line. `granted` is done when its call may be made."""

    def __init__(self, queue: _Queue, turn: Turn, changed: Callable[[], None]) -> None:
        self.turn = turn
        self.granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue = queue
        self._changed = changed
        self.hasten()
        turn.places.add(self)

    def hasten(self) -> None:
        """Stand where the turn's urgency says. The old place is passed over when it comes up."""
        self._queue.put(self)
        self._changed()


class _Queue:
    """Who waits for one API in one region."""

    def __init__(self, bucket: Bucket, now_ms: Callable[[], int], arrivals: Iterator[int]) -> None:
        self.bucket = bucket
        self._now_ms = now_ms
        self._arrivals = arrivals
        self._heap: list[tuple[tuple[bool, float], int, Ticket]] = []

    def put(self, ticket: Ticket) -> None:
        heapq.heappush(self._heap, (ticket.turn.urgency(self._now_ms()), next(self._arrivals), ticket))

    @property
    def is_empty(self) -> bool:
        """Tell whether nobody waits any more."""
        while self._heap and self._heap[0][2].granted.done():
            heapq.heappop(self._heap)
        return not self._heap

    @property
    def rank(self) -> tuple[tuple[bool, float], int]:
        """How urgent the next one is, and when it came."""
        urgency, arrival, _ = self._heap[0]
        return urgency, arrival

    @property
    def wants_background(self) -> bool:
        """Tell whether nobody waits but the background."""
        return self._heap[0][2].turn.background

    def pop(self) -> Ticket:
        return heapq.heappop(self._heap)[2]


class Lane:
    """One product. For one event loop."""

    def __init__(
        self,
        *,
        at_once: int,
        bucket: Callable[[Line], Bucket],
        now_ms: Callable[[], int],
        hush: Hush,
        pace: float,
    ) -> None:
        self._is_closed = False
        self._free = at_once
        self._kept_free = at_once - max(1, at_once // 4)
        self._new_bucket = bucket
        self._now_ms = now_ms
        self._hush = hush
        self._pace = pace
        self._queues: dict[Line, _Queue] = {}
        self._arrivals = count()
        self._timer: asyncio.TimerHandle | None = None

    def bucket(self, line: Line) -> Bucket:
        """The bucket of a line."""
        return self._queue(line).bucket

    @asynccontextmanager
    async def passing(self, line: Line, turn: Turn) -> AsyncIterator[None]:
        """Wait until a call may be made; it is under way for as long as the context lasts."""
        await self._enter(line, turn)
        try:
            yield
        finally:
            self._leave()

    def close(self) -> None:
        """Send away whoever waits."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        for queue in self._queues.values():
            while not queue.is_empty:
                queue.pop().granted.cancel()

    async def _enter(self, line: Line, turn: Turn) -> None:
        if self._is_closed:
            raise asyncio.CancelledError("the cloud was closed")
        ticket = Ticket(self._queue(line), turn, self._serve)
        try:
            await ticket.granted
        except asyncio.CancelledError:
            if ticket.granted.done() and not ticket.granted.cancelled():
                self._leave()
            raise
        finally:
            turn.places.discard(ticket)

    def _leave(self) -> None:
        self._free += 1
        self._serve()

    def _queue(self, line: Line) -> _Queue:
        if line not in self._queues:
            self._queues[line] = _Queue(self._new_bucket(line), self._now_ms, self._arrivals)
        return self._queues[line]

    def _serve(self) -> None:
        """Let everybody go who may, the most urgent first; come back when a bucket has filled."""
        while self._free > 0:
            waits = [(self._wait_seconds(one), one) for one in self._queues.values() if not one.is_empty]
            ready = [one for wait, one in waits if wait <= 0]
            if not ready:
                self._come_back(min((wait for wait, _ in waits), default=float("inf")))
                return
            queue = min(ready, key=lambda one: one.rank)
            ticket = queue.pop()
            queue.bucket.take(background=ticket.turn.background)
            self._free -= 1
            ticket.granted.set_result(None)

    def _wait_seconds(self, queue: _Queue) -> float:
        """How long the head of a queue waits for bucket and silence; for ever, if it is for room."""
        if not queue.wants_background:
            return queue.bucket.wait_seconds()
        if self._free <= self._kept_free:
            return float("inf")
        return max(queue.bucket.wait_seconds(background=True), self._hush.seconds_left() * self._pace)

    def _come_back(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if seconds < float("inf"):
            self._timer = asyncio.get_running_loop().call_later(seconds / self._pace, self._serve)
