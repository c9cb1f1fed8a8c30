"""One run of a module on an event, as the action sees it: its time, its memory, its record.

`conduct` makes one for each run and hands it to the cloud's door. What has to outlive a kill -9 goes
through the ledger's claim; when another sink has taken the run over, that raises LostRun, and this one ends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sink.action import Earlier, News, Step, plain
from sink.dispatch.newsroom import Newsroom
from sink.errors import PermanentError
from sink.guard import Refusal
from sink.ledger import Claim, Ledger


class LedgerRun:
    """A run that is claimed in the ledger. Keeps the contract `sink.action.Run`."""

    def __init__(
        self,
        ledger: Ledger,
        claim: Claim,
        newsroom: Newsroom,
        *,
        event_time_ms: int | None,
        deadline_ms: int | None,
        pace: float,
        wall_clock: Callable[[], float],
        forbidden: Callable[[], Refusal | None],
    ) -> None:
        self.steps: list[Step] = []
        """What was done so far; of before a restart, what was ordered."""
        self.claim = claim
        self._ledger = ledger
        self._newsroom = newsroom
        self._event_time_ms = event_time_ms
        self._deadline_ms = deadline_ms
        self._pace = pace
        self._wall_clock = wall_clock
        self._forbidden = forbidden
        self._notes = dict(claim.notes)
        self._orders = dict(claim.orders)
        for order, begun_ms in claim.orders.items():
            self.steps.append(Step(order, claim.answers.get(order), used_ms=self._used_ms(begun_ms)))

    @property
    def deadline_ms(self) -> int | None:
        """When the time that the event leaves is over."""
        return self._deadline_ms

    @property
    def pace(self) -> float:
        """How many times faster than life the cloud lives."""
        return self._pace

    @property
    def notes(self) -> Mapping[str, Any]:
        """What was noted so far."""
        return self._notes

    def begun(self, order: str) -> int | None:
        """When this order was first given, in ms."""
        return self._orders.get(order)

    def now_ms(self) -> int:
        """The wall clock."""
        return round(self._wall_clock() * 1000)

    def news(self, instance_id: str) -> Sequence[News]:
        """Events of the instance that were received lately."""
        known = self._newsroom.of(instance_id)
        self.tell(Step(f"news {instance_id}", plain(known)))
        return known

    async def next_news(self, instance_id: str, timeout_seconds: float) -> None:
        """Wait for the instance's next event."""
        await self._newsroom.next(instance_id, timeout_seconds / self._pace)

    async def earlier(self, instance_id: str, since_ms: int) -> Sequence[Earlier]:
        """This module's other runs for the instance."""
        found = await self._ledger.earlier(self.claim.module, instance_id, since_ms)
        others = [
            Earlier(one.event_key, one.admitted_at_ms, one.status)
            for one in found
            if one.event_key != self.claim.event_key
        ]
        self.tell(Step(f"earlier {instance_id}", plain(others)))
        return others

    async def sleep(self, seconds: float) -> None:
        """Wait at the cloud's pace."""
        await asyncio.sleep(max(0.0, seconds) / self._pace)

    async def note(self, **facts: Any) -> None:
        """Remember durably."""
        await self._ledger.note(self.claim, facts)
        self._notes |= facts

    async def intend(self, order: str) -> None:
        """Make durable that this order is about to be given. The kill switch stops it, whatever is begun."""
        if refusal := self._forbidden():
            raise PermanentError(f"{refusal.guard}: {refusal.reason}")
        await self._ledger.intend(self.claim, order)
        self._orders.setdefault(order, self.now_ms())

    def tell(self, step: Step) -> None:
        """Put a step into the record, with how much of the notice it left."""
        self.steps.append(replace(step, used_ms=self._used_ms(self.now_ms())))
        if step.step in self._orders:
            self._ledger.answered(self.claim, step.step, step.result)

    def _used_ms(self, at_ms: int) -> int | None:
        """How much of the notice had been used by then; None where there is none."""
        if self._deadline_ms is None or self._event_time_ms is None:
            return None
        return at_ms - self._event_time_ms
