"""The fleets of a data folder, one to an account, and which of them lives by chance.

Every account has a fleet, empty at first: what ECS and its neighbours are asked happens there, and goes
on after a restart. `sink local --fleet` has one live by chance for the life of the process; a holder that
asks for it (`GET /_local/hold?fleet=60&speed=60&queue=ecs-events`) until it hangs up. So `sink run` shows a
living fleet, and a later `sink run --drain` finds a queue that can be emptied. While a fleet lives by
chance, its first plan counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import TracebackType

from sink.local.accounts import DEFAULT_ACCOUNT_ID
from sink.local.fleet.fleet import DATABASE, Fleet


@dataclass(frozen=True, slots=True)
class FleetPlan:
    """A fleet of so many instances, so many times faster than life, that tells its events to a queue.

    One of size 0 waits for orders by API, and carries them out so many times faster than life.
    """

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


Make = Callable[[Path, str, Callable[[], str]], Fleet]
"""Makes the fleet of a folder and an account; its events go to the queue that the last argument names."""


class Fleets:
    """Opens the fleet of an account for whoever needs it, and lets one live by chance while it is wanted.

    `calm` is the plan of a fleet that nobody wants to see live: its size does not count.
    """

    def __init__(self, data: Path, calm: FleetPlan, make: Make) -> None:
        self._data = data
        self._calm = calm
        self._make = make
        self._open: dict[str, Fleet] = {}
        self._plans: dict[str, FleetPlan] = {}
        self._wanted: dict[str, int] = {}
        self._turn = asyncio.Lock()
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Fleets:
        for database in sorted(self._data.glob(f"*/{DATABASE}")):
            await self.of(database.parent.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    async def of(self, account_id: str) -> Fleet:
        """The fleet of an account. It is opened once, and goes on until the cloud is closed."""
        async with self._turn:
            if account_id not in self._open:
                (self._data / account_id).mkdir(parents=True, exist_ok=True)
                fleet = self._make(self._data / account_id, account_id, lambda: self._plan(account_id).queue)
                self._open[account_id] = await self._opened.enter_async_context(fleet)
        return self._open[account_id]

    @asynccontextmanager
    async def living(self, plan: FleetPlan | None) -> AsyncIterator[None]:
        """Have a fleet live by chance while the block runs; without a plan, or with one of size 0, none."""
        if plan is None or not plan.size:
            yield
            return
        fleet = await self.of(plan.account_id)
        self._want(fleet, plan)
        try:
            yield
        finally:
            self._wanted[plan.account_id] -= 1
            if not self._wanted[plan.account_id]:
                fleet.live_by_chance(0, self._calm.speed, self._calm.random)

    def _want(self, fleet: Fleet, plan: FleetPlan) -> None:
        if not self._wanted.get(plan.account_id):
            self._wanted[plan.account_id] = 0
            self._plans[plan.account_id] = plan
            fleet.live_by_chance(plan.size, plan.speed, plan.random)
        self._wanted[plan.account_id] += 1

    def _plan(self, account_id: str) -> FleetPlan:
        """The last plan of this account: what it began still tells its events to the same queue."""
        return self._plans.get(account_id, self._calm)
