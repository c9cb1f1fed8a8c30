"""A run in memory: its time is settable, its memory outlives a kill.

`TestRun()` lives by the wall clock. `TestRun(now_ms=…)` has a clock of its own, which stands still but for
`sleep` and `next_news`: they set it forward at once, so that hours pass in no time. `dies_after` kills the
run between two of its steps, and `again()` is the run that the restarted sink makes of what is left.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from sink.action import Earlier, News, Step, plain
from sink.events import Event


class Killed(BaseException):
    """The sink was killed at this point. No action can catch it by `except Exception`."""


class TestRun:
    """A run of an action without a ledger. Keeps the contract `sink.action.Run`.

    >>> run = TestRun(now_ms=1_000, pace=10)
    >>> asyncio.run(run.sleep(5))
    >>> run.now_ms()
    1500
    """

    __test__ = False

    def __init__(
        self,
        *,
        now_ms: int | None = None,
        pace: float = 1.0,
        deadline_ms: int | None = None,
        dies_after: int | None = None,
    ) -> None:
        self.steps: list[Step] = []
        """What was told, in its order."""
        self.orders: dict[str, int] = {}
        """When each order was first given, in ms."""
        self.earlier_runs: list[Earlier] = []
        """What `earlier` knows of."""
        self.notes: dict[str, Any] = {}
        self.deadline_ms = deadline_ms
        self.pace = pace
        self._now_ms = now_ms
        self._steps_to_live = dies_after
        self._news: dict[str, list[News]] = {}
        self._heard = asyncio.Event()

    def again(self, *, dies_after: int | None = None) -> TestRun:
        """The run after a restart of the sink: it knows its orders and notes; news is forgotten."""
        run = TestRun(
            now_ms=self._now_ms, pace=self.pace, deadline_ms=self.deadline_ms, dies_after=dies_after
        )
        run.orders, run.notes, run.earlier_runs = dict(self.orders), dict(self.notes), self.earlier_runs
        return run

    def hear(self, *events: Event) -> None:
        """Receive events: they are news from now on."""
        for event in events:
            news = News(event.kind, event.state or event.status, event.event_time_ms or 0, event.event_key)
            self._news.setdefault(event.instance_id, []).append(news)
        self._heard.set()

    def begun(self, order: str) -> int | None:
        """When this order was first given, in ms."""
        return self.orders.get(order)

    def now_ms(self) -> int:
        """The run's clock."""
        return time.time_ns() // 1_000_000 if self._now_ms is None else self._now_ms

    def news(self, instance_id: str) -> Sequence[News]:
        """Events of the instance that were heard, the oldest first."""
        known = sorted(self._news.get(instance_id, ()), key=lambda one: one.event_time_ms)
        self.tell(Step(f"news {instance_id}", plain(known)))
        return known

    async def next_news(self, instance_id: str, timeout_seconds: float) -> None:
        """Wait until something more is heard, at most so long."""
        if self._now_ms is not None:
            return await self.sleep(timeout_seconds)
        self._heard.clear()
        try:
            await asyncio.wait_for(self._heard.wait(), timeout_seconds / self.pace)
        except TimeoutError:
            return None

    async def earlier(self, instance_id: str, since_ms: int) -> Sequence[Earlier]:
        """Those of `earlier_runs` that were admitted since then."""
        found = [one for one in self.earlier_runs if one.admitted_at_ms >= since_ms]
        self.tell(Step(f"earlier {instance_id}", plain(found)))
        return found

    async def sleep(self, seconds: float) -> None:
        """Wait at the cloud's pace; with a clock of its own, set it forward."""
        if self._now_ms is None:
            await asyncio.sleep(max(0.0, seconds) / self.pace)
        else:
            self._now_ms += round(max(0.0, seconds) * 1000 / self.pace)
            await asyncio.sleep(0)

    async def note(self, **facts: Any) -> None:
        """Remember facts."""
        self.notes |= facts
        self._live_on()

    async def intend(self, order: str) -> None:
        """Remember that this order is about to be given."""
        self.orders.setdefault(order, self.now_ms())
        self._live_on()

    def tell(self, step: Step) -> None:
        """Put a step into the record."""
        self.steps.append(step)
        self._live_on()

    def _live_on(self) -> None:
        """Die where the test wants it: each thing told, noted or intended is a moment to die after."""
        if self._steps_to_live is not None:
            self._steps_to_live -= 1
            if self._steps_to_live <= 0:
                raise Killed
