"""Where every call passes: in the order of deadlines, at the vendor's rate, again where it failed.

What may pass by itself is waited out for as long as whoever asks has time: a quota that is used up, an
edit that is under way, a service that does not answer. A call that may have had its effect unseen is
made again only if that does no harm. Everything else is raised as it came, at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from random import Random
from typing import Protocol, TypeVar

from sink.backoff import Backoff
from sink.cloud.calls import Answer, Call, Line
from sink.cloud.codes import UNKNOWN_HOST, passes
from sink.cloud.hush import Hush
from sink.cloud.lanes import Lane
from sink.cloud.rates import RATES, Bucket, Rate
from sink.cloud.turn import Turn
from sink.errors import CloudError, Throttled, Unreachable

T = TypeVar("T")

AT_ONCE = 8
"""Calls of one product that may be under way at once."""
_PATIENCE_SECONDS = 60.0
"""How long a call without a deadline is tried."""


class Calling(Protocol):
    """What makes a call, once: `api.Api`."""

    async def __call__(self, call: Call[T]) -> Answer[T]:
        """Make it. Raises CloudError."""


class Gate:
    """The way to the API for everything that runs in one event loop."""

    def __init__(
        self,
        api: Calling,
        *,
        rates: Mapping[str, Rate] = RATES,
        pace: float = 1.0,
        at_once: int = AT_ONCE,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        self._api = api
        self._pace = pace
        self._wall_clock = wall_clock
        self._random = random or Random()
        self._hush = Hush(clock)

        def bucket(line: Line) -> Bucket:
            rate = rates[line.product]
            per_second = rate.changes if line.changes else rate.reads
            return Bucket(per_second, clock=lambda: clock() * pace)

        self._lanes = {
            product: Lane(at_once=at_once, bucket=bucket, now_ms=self.now_ms, hush=self._hush, pace=pace)
            for product in rates
        }

    def now_ms(self) -> int:
        """The wall clock."""
        return round(self._wall_clock() * 1000)

    def hush(self) -> None:
        """Have the background be silent for a moment."""
        self._hush.begin()

    async def ask(self, call: Call[T], turn: Turn) -> Answer[T]:
        """Make a call."""
        return await self.ask_late(call.line, turn, lambda: call)

    async def ask_late(self, line: Line, turn: Turn, build: Callable[[], Call[T]]) -> Answer[T]:
        """Make a call that is built when its turn comes, and anew for each try.

        What `build` raises is raised here, and no call is made.
        """
        lane = self._lanes[line.product]
        began_ms = self.now_ms()
        pauses = self._pauses()
        while True:
            async with lane.passing(line, turn):
                call = build()
                try:
                    return await self._api(call)
                except CloudError as failure:
                    error = failure
            pause = self._pause_seconds(call, error, pauses)
            if isinstance(error, Throttled):
                lane.bucket(line).slow_down()
            if pause is None or self.is_over(turn, began_ms, pause):
                raise error
            turn.met(error, pause)
            await asyncio.sleep(pause)

    def is_over(self, turn: Turn, began_ms: int, pause_seconds: float) -> bool:
        """Tell whether there is no time for another pause, in what began then."""
        return self.now_ms() + pause_seconds * 1000 > turn.lasts_until_ms(began_ms, _PATIENCE_SECONDS)

    def close(self) -> None:
        """Send away whoever waits."""
        for lane in self._lanes.values():
            lane.close()

    def _pauses(self) -> dict[str, Backoff]:
        """What the cloud keeps up passes at its own pace; the way there at that of the network."""
        return {
            "throttled": Backoff(0.5 / self._pace, 8.0 / self._pace, self._random),
            "busy": Backoff(0.2 / self._pace, 3.0 / self._pace, self._random),
            "unreachable": Backoff(0.2, 5.0, self._random),
        }

    def _pause_seconds(self, call: Call[T], error: CloudError, pauses: Mapping[str, Backoff]) -> float | None:
        """How long to wait before the call is made again; None if it must not be."""
        if isinstance(error, Throttled):
            return pauses["throttled"].next_seconds()
        if passes(error):
            return pauses["busy"].next_seconds()
        if isinstance(error, Unreachable) and call.repeatable and error.code != UNKNOWN_HOST:
            return pauses["unreachable"].next_seconds()
        return None
