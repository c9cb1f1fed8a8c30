"""The events of late, by instance: what runs under way are waiting for, and what a decision looks back on.

Every event that the pipeline receives passes by here once. It is memory only: after a restart the
platform's own history (DescribeInstanceHistoryEvents) and the live state say the rest.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Sequence
from contextlib import suppress

from sink.action import News
from sink.events import Event

MOST_INSTANCES = 20_000
"""The ones heard of last; what bounds memory."""
MOST_OF_ONE = 64


class Newsroom:
    """Remembers the last events of the instances heard of last, and wakes those who wait for more."""

    def __init__(self) -> None:
        self._by_instance: OrderedDict[str, deque[News]] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def hear(self, event: Event) -> None:
        """Remember an event of an instance, once however often it is delivered."""
        if not event.instance_id or event.event_time_ms is None:
            return
        news = News(event.kind, event.state or event.status, event.event_time_ms, event.event_key)
        known = self._by_instance.setdefault(event.instance_id, deque(maxlen=MOST_OF_ONE))
        self._by_instance.move_to_end(event.instance_id)
        if news in known:
            return
        known.append(news)
        for waiter in self._waiting.get(event.instance_id, ()):
            waiter.set()
        while len(self._by_instance) > MOST_INSTANCES:
            self._by_instance.popitem(last=False)

    def of(self, instance_id: str) -> Sequence[News]:
        """What is remembered of an instance, in the order in which it happened."""
        return sorted(self._by_instance.get(instance_id, ()), key=lambda one: one.event_time_ms)

    async def next(self, instance_id: str, seconds: float) -> None:
        """Wait until one more event of the instance is heard of, at most so long."""
        waiter = asyncio.Event()
        waiting = self._waiting.setdefault(instance_id, set())
        waiting.add(waiter)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await waiter.wait()
        finally:
            waiting.discard(waiter)
            if not waiting:
                self._waiting.pop(instance_id, None)
