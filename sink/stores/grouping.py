"""Records joined into log groups, each group tried, split or refused as its errors say.

A group goes out when a lane is free, and holds what has come until then: alone in a quiet hour, thousands
under load, without a timer to tune. Errors are of four sorts (after the retry classes of the vendor's
Java producer and of LoongCollector, which gives up after six hours; this one never does):

    Unreachable, Throttled   tried again for a few seconds, then given back to the caller
    Denied, Missing          given back at once: an operator must act
    Rejected                 split in halves until the bad record stands alone, then quarantined
    any but Rejected         opens the circuit: until a try succeeds the store refuses at once, so that
                             messages are not held in memory while the service is down
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from random import Random
from types import TracebackType
from typing import Protocol, Self

from sink.backoff import Backoff
from sink.errors import CloudError, Rejected, Throttled, Unreachable
from sink.events import Record

Outcome = CloudError | None
"""None once the service has answered 200 for the record, or for its quarantine record."""


class Put(Protocol):
    """One PutLogs call. Raises CloudError."""

    async def __call__(self, topic: str, records: Sequence[Record]) -> None:
        """Return once the service has answered 200."""


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """How large a log group gets, and how long a failing one is tried.

    SLS's documents name 3 MB and 4,096 logs (2021) and 10 MB (2025): these keep to both.
    """

    records: int = 4000
    bytes: int = 2_500_000
    lanes: int = 4
    """Calls under way at once."""
    retry_seconds: float = 3.0


@dataclass(slots=True, eq=False)
class _Slip:
    """Records of one `write` and topic, and where their outcomes go."""

    topic: str
    records: Sequence[Record]
    outcomes: asyncio.Future[list[Outcome]]
    size: int


class GroupingStore:
    """Writes records through one `put`. An async context manager: its lanes live inside it."""

    def __init__(
        self,
        put: Put,
        limits: GroupLimits = GroupLimits(),
        *,
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self._put = put
        self._limits = limits
        self._random = random or Random()
        self._clock = clock
        self._circuit = Circuit(clock, Backoff(0.5, 30.0, self._random))
        self._slips: deque[_Slip] = deque()
        self._arrived = asyncio.Event()
        self._lanes: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._lanes = [asyncio.create_task(self._work()) for _ in range(self._limits.lanes)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for lane in self._lanes:
            lane.cancel()
        await asyncio.gather(*self._lanes, return_exceptions=True)

    async def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Store records; the outcome of each, in their order."""
        refusal = self._circuit.refusal()
        if refusal is not None:
            return [refusal] * len(records)
        order = sorted(range(len(records)), key=lambda at: records[at].topic)
        slips = [
            self._enqueue(topic, [records[at] for at in part])
            for topic, part in groupby(order, key=lambda at: records[at].topic)
        ]
        outcomes: list[Outcome] = [None] * len(records)
        found = [outcome for slip in slips for outcome in await slip.outcomes]
        for at, outcome in zip(order, found, strict=True):
            outcomes[at] = outcome
        return outcomes

    def _enqueue(self, topic: str, records: Sequence[Record]) -> _Slip:
        future = asyncio.get_running_loop().create_future()
        slip = _Slip(topic, records, future, sum(record.size for record in records))
        self._slips.append(slip)
        self._arrived.set()
        return slip

    async def _work(self) -> None:
        """One lane: take what has come, store it, begin again."""
        while True:
            await self._arrived.wait()
            group = self._take()
            if group:
                await self._store(group)

    def _take(self) -> list[_Slip]:
        """The slips of the oldest one's topic, up to the limits of a group."""
        taken: list[_Slip] = []
        kept: deque[_Slip] = deque()
        count = size = 0
        while self._slips:
            slip = self._slips.popleft()
            count, size = count + len(slip.records), size + slip.size
            fits = count <= self._limits.records and size <= self._limits.bytes
            if taken and (slip.topic != taken[0].topic or not fits):
                kept.append(slip)
                break
            taken.append(slip)
        self._slips.extendleft(reversed(kept))
        if not self._slips:
            self._arrived.clear()
        return taken

    async def _store(self, group: Sequence[_Slip]) -> None:
        """Store a group and tell each slip its part of the outcomes."""
        outcomes = await self._store_records(group[0].topic, [r for slip in group for r in slip.records])
        for slip in group:
            if not slip.outcomes.done():
                slip.outcomes.set_result(outcomes[: len(slip.records)])
            outcomes = outcomes[len(slip.records) :]

    async def _store_records(self, topic: str, records: Sequence[Record]) -> list[Outcome]:
        """Put records as one group; a refused one is split until what is bad in it stands alone."""
        try:
            await self._put_patiently(topic, records)
        except Rejected as error:
            if len(records) == 1:
                return [await self._quarantine(records[0], error)]
            half = len(records) // 2
            first = await self._store_records(topic, records[:half])
            return first + await self._store_records(topic, records[half:])
        except CloudError as error:
            return [error] * len(records)
        return [None] * len(records)

    async def _quarantine(self, record: Record, refusal: Rejected) -> Outcome:
        """Store a refused record under `quarantine`; refused there too, its message stays in the queue."""
        kept = record.quarantined(f"refused by SLS: {refusal.message}")
        try:
            await self._put_patiently(kept.topic, [kept])
        except CloudError as error:
            return error
        return None

    async def _put_patiently(self, topic: str, records: Sequence[Record]) -> None:
        """Put, again for a while where that may help. Tells the circuit how it went."""
        give_up_at = self._clock() + self._limits.retry_seconds
        backoff = Backoff(0.2, 2.0, self._random)
        while True:
            try:
                await self._put(topic, records)
            except Rejected:
                self._circuit.close()
                raise
            except CloudError as error:
                pause = backoff.next_seconds()
                may_pass = isinstance(error, Unreachable | Throttled)
                if not may_pass or self._clock() + pause > give_up_at or self._circuit.is_open:
                    self._circuit.open(error)
                    raise
                await asyncio.sleep(pause)
            else:
                self._circuit.close()
                return


@dataclass(slots=True)
class Circuit:
    """Refuses while the service is known to be down, and lets one try through after each pause."""

    clock: Callable[[], float]
    pauses: Backoff
    _error: CloudError | None = field(default=None, init=False)
    _closed_until: float = field(default=0.0, init=False)

    @property
    def is_open(self) -> bool:
        """Whether the last thing known of the service is a failure."""
        return self._error is not None

    def refusal(self) -> CloudError | None:
        """Why not to try now; None to try. After a pause one caller may, and the next pause begins."""
        if self._error is None:
            return None
        if self.clock() < self._closed_until:
            return self._error
        self._closed_until = self.clock() + self.pauses.next_seconds()
        return None

    def open(self, error: CloudError) -> None:
        """A try failed: refuse for a pause that grows with each failure."""
        self._error = error
        self._closed_until = self.clock() + self.pauses.next_seconds()

    def close(self) -> None:
        """A try succeeded."""
        self._error = None
        self.pauses.reset()
