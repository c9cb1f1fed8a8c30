"""In which order plans are judged: in that of then.

Whose event came first is not always judged first: runs read groups meanwhile, and wait. What one uses up
another lacks, so a decision anew goes as far as its admission at once, and there waits for its moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from heapq import heappop, heappush
from itertools import count
from typing import Any

from sink.replay.decisions import Decision


class Turns:
    """The admissions of one module that wait for their moment."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, int, int, asyncio.Future[None]]] = []
        self._arrivals = count()
        self._went_on = asyncio.Event()

    async def begin(self, work: Coroutine[Any, Any, Decision]) -> asyncio.Task[Decision]:
        """Begin to decide: it waits for its turn by now, or is done. Raises what it raised."""
        task = asyncio.create_task(work)
        task.add_done_callback(lambda _: self._went_on.set())
        await self._next()
        if task.done():
            task.result()
        return task

    async def wait(self, at_ms: float, rank: int) -> None:
        """Wait for the moment. Of those of the same millisecond, the smaller rank goes first."""
        turn = asyncio.get_running_loop().create_future()
        heappush(self._waiting, (at_ms, rank, next(self._arrivals), turn))
        self._went_on.set()
        await turn

    async def let_pass(self, until_ms: float) -> None:
        """Give everybody a turn whose moment has come by then, each to the end of its decision."""
        while self._waiting and self._waiting[0][0] <= until_ms:
            heappop(self._waiting)[-1].set_result(None)
            await self._next()

    async def _next(self) -> None:
        """Until somebody waits or is done."""
        self._went_on.clear()
        await self._went_on.wait()
