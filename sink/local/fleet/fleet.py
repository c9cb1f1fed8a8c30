"""A fleet of ECS instances that lives, and CloudMonitor that tells of it.

The server opens one beside its services when it is asked to (`--fleet N`), and the fleet fills the
queue as the real CloudMonitor would:

    publish = lambda body: mns.queues.send(account_id, "ecs-events", body)
    async with Fleet(data, size=60, clock=time.time, random=Random(), publish=publish, speed=60):
        ...serve until told to stop...

It lives on the true clock. While the process is away nothing happens; what fell due meanwhile
happens at the next start, dated then. `history` is the same life without a clock, for tests and
notebooks that need a past.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import replace
from math import inf
from pathlib import Path
from random import Random
from typing import Self, TypeVar

from sink.local.accounts import DEFAULT_ACCOUNT_ID, REGION_ID
from sink.local.fleet.behaviour import begin_life, carry_out
from sink.local.fleet.events import Envelope, queue_body
from sink.local.fleet.instances import Instance
from sink.local.fleet.rates import LIVELY, Rates
from sink.local.fleet.scene import Scene
from sink.local.fleet.state import FleetState
from sink.local.wire import Clock

DATABASE = "fleet.sqlite3"
T = TypeVar("T")


class Fleet:
    """An ECS fleet that runs from entering to leaving the context.

    Promises: an instance's states follow one another as they can on ECS; each interruption notice is
    followed by the reclaim exactly `rates.notice_seconds` later; no event is lost, and one is published
    twice only if the process died between publishing and noting it (same id, as the queue may do anyway).

    `publish` takes one queue body (base64). It should drop what it cannot deliver, as CloudMonitor does
    with a queue that is missing; what it raises ends the fleet, and is raised again on leaving.

    `speed` is how many times faster than real everything happens, the five minutes of a notice
    included. Events are dated by `clock` (seconds since the epoch) all the same. A fleet of size 0 does
    what it is ordered to and nothing else, until `live_by_chance`.
    """

    def __init__(
        self,
        data: Path,
        *,
        size: int,
        clock: Clock,
        random: Random,
        publish: Callable[[bytes], Awaitable[object]],
        speed: float = 1.0,
        rates: Rates = LIVELY,
        account_id: str = DEFAULT_ACCOUNT_ID,
        region_id: str = REGION_ID,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._opened_at = clock()
        state = FleetState(data / DATABASE)
        envelope = Envelope(account_id, region_id)
        self._rates = rates
        self._scene = Scene(state, rates.at_speed(speed), random, envelope, size, self._opened_at)
        self._turn = asyncio.Lock()
        self._ordered = asyncio.Event()

    async def __aenter__(self) -> Self:
        begin_life(self._scene)
        self._scene.state.commit()
        self._life = asyncio.create_task(self._live(), name="fleet")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._life.cancel()
        try:
            with suppress(asyncio.CancelledError):
                await self._life
        finally:
            self._scene.state.close()

    @property
    def instances(self) -> Mapping[str, Instance]:
        """The instances that exist now, by id."""
        return self._scene.state.instances

    def live_by_chance(self, size: int, speed: float, random: Random) -> None:
        """Be a fleet of so many instances from now on, so much faster than life; of 0, wait for orders."""
        rates = self._rates.at_speed(speed)
        self._scene = replace(self._scene, size=size, rates=rates, random=random)
        self.order(begin_life)

    def order(self, work: Callable[[Scene], T]) -> T:
        """Carry out an order from outside at this moment; what it raises leaves everything as it was.

        `advance` first, if the order has to meet the fleet as it is now.
        """
        state = self._scene.state
        try:
            result = work(replace(self._scene, now=self._clock()))
        except BaseException:
            state.roll_back()
            raise
        if state.is_changed:
            state.commit()
            self._ordered.set()
        return result

    async def advance(self, until: float) -> None:
        """Let everything happen that is due by `until` (epoch seconds), in order, and publish it."""
        async with self._turn:
            await self._deliver()
            while _happen(self._scene, until, self._opened_at):
                await self._deliver()

    async def _live(self) -> None:
        try:
            while True:
                self._ordered.clear()
                await self.advance(self._clock())
                await self._wait(self._scene.state.next_due() - self._clock())
        except Exception:
            # Raised again on leaving, which may be days from now: whoever looks should see it today.
            logging.getLogger(__name__).exception("the fleet has come to an end")
            raise

    async def _wait(self, seconds: float) -> None:
        """Wait for the next step, or for an order."""
        # Not wait_for, which in Python 3.11 loses a cancellation that comes together with an order.
        with suppress(TimeoutError):
            async with asyncio.timeout(None if seconds == inf else max(0.0, seconds)):
                await self._ordered.wait()

    async def _deliver(self) -> None:
        for posted in self._scene.state.undelivered():
            await self._publish(queue_body(posted.body))
            self._scene.state.strike_out(posted)
            self._scene.state.commit()


def history(
    seed: int,
    size: int,
    start: float,
    end: float,
    rates: Rates = LIVELY,
    account_id: str = DEFAULT_ACCOUNT_ID,
    region_id: str = REGION_ID,
) -> Iterator[tuple[float, bytes]]:
    """Tell a fleet's past from its founding at `start` to `end`: (time in epoch seconds, event as JSON).

    The same arguments tell the same past, byte for byte.

    >>> import json
    >>> at, body = next(history(1, 3, 1_700_000_000, 1_700_003_600))
    >>> json.loads(body)["content"]["state"]
    'Created'
    """
    with closing(FleetState(":memory:")) as state:
        scene = Scene(state, rates, Random(seed), Envelope(account_id, region_id), size, start)
        begin_life(scene)
        while _happen(scene, end, start):
            for posted in state.undelivered():
                yield posted.at, posted.body
                state.strike_out(posted)


def _happen(scene: Scene, until: float, not_before: float) -> bool:
    """Carry out the next step due by `until`, whole or not at all; return False if there is none."""
    step = scene.state.take(until)
    if step is None:
        return False
    carry_out(replace(scene, now=max(step.due, not_before)), step)
    scene.state.commit()
    return True
