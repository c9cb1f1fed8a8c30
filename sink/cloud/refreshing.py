"""One thing that is read as a whole now and then, or at once when somebody needs it.

`membership.py` has a `Part` for each: all instances of a region, all groups of a product there. The
background reads them with patience; whoever cannot wait joins a reading that is under way, which then goes
on with the urgency of whoever joined.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from sink.cloud.codes import UNKNOWN_HOST
from sink.cloud.turn import Turn
from sink.errors import CloudError

_WARM_READINGS = 3
"""How many readings may fail before what is known counts for too old."""


class Report(Protocol):
    """Who is told at every reading whether a part can be read. Telling changes is theirs."""

    def trouble(self, part: str, error: CloudError) -> None:
        """It cannot, and will be tried again."""

    def fine(self, part: str) -> None:
        """It can."""


class NoReport:
    """Nobody."""

    def trouble(self, part: str, error: CloudError) -> None:
        """Say nothing."""

    def fine(self, part: str) -> None:
        """Say nothing."""


class Part:
    """What can be read as a whole. `read` reads and keeps it, and is told when it began (ms)."""

    def __init__(
        self,
        name: str,
        read: Callable[[Turn, int], Awaitable[None]],
        *,
        pause_seconds: float,
        now_ms: Callable[[], int],
    ) -> None:
        self.name = name
        self.began_ms: int | None = None
        """When the last complete reading began."""
        self.error: CloudError | None = None
        """Why the last reading failed."""
        self._failed_ms = 0
        """When it did."""
        self._read = read
        self._pause_seconds = pause_seconds
        self._now_ms = now_ms
        self._took_ms = 0
        self._under_way: asyncio.Task[None] | None = None
        self._turn = Turn()

    @property
    def is_warm(self) -> bool:
        """Tell whether it was read lately enough to go by; a reading that takes long lasts longer."""
        if self.began_ms is None:
            return False
        usual_ms = max(self._pause_seconds * 1000, self._took_ms)
        return self._now_ms() - self.began_ms <= _WARM_READINGS * usual_ms

    @property
    def lately_nowhere(self) -> CloudError | None:
        """Why it need not be asked for: lately no name server knew its host."""
        if self.error is None or self.error.code != UNKNOWN_HOST:
            return None
        is_late = self._now_ms() - self._failed_ms <= _WARM_READINGS * self._pause_seconds * 1000
        return self.error if is_late else None

    async def refresh(self, turn: Turn) -> None:
        """Read it, or join the reading that is under way. Raises CloudError."""
        if self._under_way is None:
            self._turn = Turn.together(turn)
            self._under_way = asyncio.create_task(self._read_once())
            self._under_way.add_done_callback(_retrieve)
        else:
            self._turn.join(turn)
        await asyncio.shield(self._under_way)

    async def keep_fresh(self, report: Report) -> None:
        """Read it for ever, with a pause after each reading."""
        while True:
            try:
                await self.refresh(Turn(background=True))
            except CloudError as error:
                report.trouble(self.name, error)
            else:
                report.fine(self.name)
            await asyncio.sleep(self._pause_seconds)

    def stop(self) -> None:
        """End the reading that is under way."""
        if self._under_way is not None:
            self._under_way.cancel()

    async def _read_once(self) -> None:
        began_ms = self._now_ms()
        try:
            await self._read(self._turn, began_ms)
        except CloudError as error:
            self.error, self._failed_ms = error, self._now_ms()
            raise
        else:
            self.error = None
            self.began_ms, self._took_ms = began_ms, self._now_ms() - began_ms
        finally:
            self._under_way = None


def _retrieve(task: asyncio.Task[None]) -> None:
    """Look at the outcome, also where all that waited for it have gone."""
    if not task.cancelled():
        task.exception()
