"""The one fleet of a data folder, which lives for as long as somebody wants to see it live.

`sink local --fleet` wants it for the life of the process; a holder that asks for one (`GET
/_local/hold?fleet=60&speed=60&queue=ecs-events`) until it hangs up. So `sink run` shows a living fleet, and a
later `sink run --drain` finds a queue that can be emptied. While the fleet lives, its first plan counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from random import Random

from sink.local.accounts import DEFAULT_ACCOUNT_ID
from sink.local.fleet.fleet import Fleet


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """A fleet of so many instances, so many times faster than life, that tells its events to a queue."""

    size: int
    speed: float
    queue: str
    random: Random
    account_id: str = DEFAULT_ACCOUNT_ID

    @classmethod
    def asked_for(cls, parameters: Mapping[str, str]) -> FleetPlan | None:
        """The plan in a hold's query; None where it asks for no fleet. Raises ValueError for no number."""
        size = int(parameters.get("fleet", "0"))
        if not size:
            return None
        speed, queue = float(parameters.get("speed", "1")), parameters.get("queue", "ecs-events")
        return cls(size, speed, queue, Random())


class Fleets:
    """Starts the fleet for the first who wants it and ends it with the last."""

    def __init__(self, make: Callable[[FleetPlan], Fleet]) -> None:
        self._make = make
        self._wanted = 0
        self._turn = asyncio.Lock()
        self._living = AsyncExitStack()

    @asynccontextmanager
    async def living(self, plan: FleetPlan | None) -> AsyncIterator[None]:
        """Have the fleet live while the block runs; without a plan, nothing."""
        if plan is None:
            yield
            return
        async with self._turn:
            if not self._wanted:
                await self._living.enter_async_context(self._make(plan))
            self._wanted += 1
        try:
            yield
        finally:
            async with self._turn:
                self._wanted -= 1
                if not self._wanted:
                    await self._living.aclose()
