"""Records joined into log groups, each group tried, split or refused as its errors say.

The first record goes out at once. What comes while a call is under way waits for its end, or until it is
worth a call of its own: so a group is one record in a quiet hour and hundreds under load, without a timer to
tune. Errors are of four sorts (after the retry classes of the vendor's Java producer and of LoongCollector,
which gives up after six hours; this one never does):

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
from itertools import islice
from random import Random
from types import TracebackType
from typing import Protocol, Self, cast

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
    worth_a_call: int = 256
    """Records that wait, from which on they do not wait for the end of a call."""
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
        self._waiting = 0
        """Records in them."""
        self._lanes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
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
        topics = list(dict.fromkeys([record.topic for record in records]))
        if len(topics) == 1:
            return await self._enqueue(topics[0], records).outcomes
        slips = {
            topic: self._enqueue(topic, [record for record in records if record.topic == topic])
            for topic in topics
        }
        outcomes = {topic: iter(await slip.outcomes) for topic, slip in slips.items()}
        return [next(outcomes[record.topic]) for record in records]

    def _enqueue(self, topic: str, records: Sequence[Record]) -> _Slip:
        future = asyncio.get_running_loop().create_future()
        slip = _Slip(topic, records, future, sum([len(record.contents) for record in records]))
        self._slips.append(slip)
        self._waiting += len(records)
        self._open_lane()
        return slip

    def _open_lane(self) -> None:
        """Begin a call beside those under way, if there is reason to."""
        may = len(self._lanes) < self._limits.lanes and self._waiting >= self._limits.worth_a_call
        if may or not self._lanes:
            self._lanes.add(asyncio.create_task(self._work()))

    async def _work(self) -> None:
        """One lane: store what has come, until nothing is left."""
        try:
            while self._slips:
                await self._store(self._take())
        finally:
            self._lanes.discard(cast("asyncio.Task[None]", asyncio.current_task()))

    def _take(self) -> list[_Slip]:
        """The slips of the oldest one's topic, up to the limits of a group."""
        taken: list[_Slip] = []
        count = size = 0
        while self._slips and (not taken or self._slips[0].topic == taken[0].topic):
            count, size = count + len(self._slips[0].records), size + self._slips[0].size
            if taken and (count > self._limits.records or size > self._limits.bytes):
                break
            taken.append(self._slips.popleft())
        self._waiting -= sum(len(slip.records) for slip in taken)
        return taken

    async def _store(self, group: Sequence[_Slip]) -> None:
        """Store a group and tell each slip its part of the outcomes. A bug of ours goes to all of them."""
        try:
            stored = await self._store_records(group[0].topic, [r for slip in group for r in slip.records])
        except Exception as bug:  # noqa: BLE001 - raised where the records came from
            for slip in group:
                if not slip.outcomes.done():
                    slip.outcomes.set_exception(bug)
            return
        outcomes = iter(stored)
        for slip in group:
            part = list(islice(outcomes, len(slip.records)))
            if not slip.outcomes.done():
                slip.outcomes.set_result(part)

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
