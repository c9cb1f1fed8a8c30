"""One queue's end of the pipeline: who receives from it and when, and what of it is in hand.

Some receivers stand and wait for messages, each in a long poll. An answer that is full means that more wait:
if it came quickly (`congestion.py`) it calls a helper, which receives without waiting, and whose full and
quick answers call others. A helper whose answer is not so goes; a moment after the backlog there are none.

Nobody receives while too much is in hand. Messages that an action wants are counted by themselves: minutes
of drains must not stop the receivers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from random import Random

from sink.backoff import Backoff
from sink.errors import CloudError
from sink.lease import Leases, Message
from sink.pipeline.congestion import Congestion
from sink.pipeline.contract import Limits, Report, Source, Tally


class Inlet:
    """A queue, and its messages from their receipt until they are settled.

    What is received goes to `begin`; how it fares comes back by `want`, `release` and `settled`.
    """

    def __init__(
        self,
        source: Source,
        begin: Callable[[Inlet, Sequence[Message]], None],
        report: Report,
        tally: Tally,
        limits: Limits,
        clock: Callable[[], float],
        random: Random,
    ) -> None:
        self.source = source
        self._begin = begin
        self._report = report
        self._tally = tally
        self._limits = limits
        self._random = random
        self._clock = clock
        self._congestion = Congestion(clock)
        self._leases = Leases(source.prolong, clock)
        self._stopping = asyncio.Event()
        self._helpers: set[asyncio.Task[None]] = set()
        self._asking = 0
        """Receives under way, each of which may bring a batch."""
        self._unsettled: set[Message] = set()
        self._wanted: set[Message] = set()
        """Those of them that an action wants."""
        self._room = asyncio.Event()
        """Set whenever there may be room to receive."""

    @property
    def in_hand(self) -> Sequence[Message]:
        """Messages received and not yet released, longest held first."""
        return self._leases.messages

    async def receive(self, receivers: int, *, drain: bool) -> None:
        """Receive until `stop`, or with `drain` until the queue is empty and nothing of it is in hand."""
        async with asyncio.TaskGroup() as self._receivers:
            for _ in range(receivers):
                self._receivers.create_task(self._stand(drain))

    async def keep(self) -> None:
        """Prolong the leases of what is in hand, for ever."""
        await self._leases.keep()

    def stop(self) -> None:
        """Receive no more."""
        self._stopping.set()
        self._room.set()
        self.source.cut_short()

    def want(self, messages: Iterable[Message]) -> None:
        """An action wants these."""
        self._wanted.update(messages)
        self._room.set()

    async def release(self, messages: Sequence[Message]) -> None:
        """Keep the leases of these no longer; from here on their handles stand still."""
        await self._leases.release(messages)

    def settled(self, messages: Sequence[Message]) -> None:
        """The queue was told of these: they take no room any more."""
        self._unsettled.difference_update(messages)
        self._wanted.difference_update(messages)
        self._room.set()

    async def _stand(self, drain: bool) -> None:
        """Wait for messages again and again, through every trouble."""
        wait_seconds = 1 if drain else self._limits.long_poll_seconds
        backoff = Backoff(0.5, self._limits.retry_seconds, self._random)
        while not self._stopping.is_set():
            try:
                messages = await self._poll(wait_seconds)
                emptied = drain and not messages and not self.in_hand and await self._is_empty()
            except CloudError as error:
                if not self._stopping.is_set():
                    self._report.trouble(self.source.name, error)
                    await self._sleep(backoff.next_seconds())
                continue
            self._report.fine(self.source.name)
            backoff.reset()
            if emptied:
                return

    async def _help(self) -> None:
        """Receive for as long as that is worth it. Troubles are left to those who stand."""
        with suppress(CloudError):
            more = True
            while more and not self._stopping.is_set():
                _, more = await self._receive(0)

    async def _poll(self, wait_seconds: int) -> Sequence[Message]:
        """Receive once. An empty answer that came too early is paused after: it is billed like any other.

        MNS caps the long polls of an account, and answers those above the cap at once.
        """
        began = self._clock()
        messages, _ = await self._receive(wait_seconds)
        if not messages:
            await self._sleep(self._limits.empty_seconds - (self._clock() - began))
        return messages

    async def _receive(self, wait_seconds: int) -> tuple[Sequence[Message], bool]:
        """Receive as soon as there is room, and take in hand what came.

        Calls for help where another receiver would get more; tells that, too.
        """
        await self._await_room()
        self._asking += 1
        began = self._clock()
        try:
            messages = await self.source.receive(wait_seconds)
        finally:
            self._asking -= 1
            self._room.set()
        more = len(messages) >= self.source.batch and self._allows_more(self._clock() - began)
        if fresh := self._leases.take(messages):
            self._unsettled.update(fresh)
            self._begin(self, fresh)
        if more and len(self._helpers) < self._limits.helpers:
            helper = self._receivers.create_task(self._help())
            self._helpers.add(helper)
            helper.add_done_callback(self._helpers.discard)
        return messages, more

    def _allows_more(self, seconds: float) -> bool:
        if not self._helpers:
            self._congestion.begin()
        return self._congestion.allows_more(seconds)

    async def _await_room(self) -> None:
        while not self._has_room() and not self._stopping.is_set():
            self._room.clear()
            await self._room.wait()

    def _has_room(self) -> bool:
        expected = self._asking * self.source.batch
        wanted = len(self._wanted)
        stored = len(self._unsettled) - wanted
        return stored + expected < self._limits.in_hand and wanted + expected < self._limits.acting

    async def _is_empty(self) -> bool:
        """Ask the queue itself: messages hidden by another consumer, or by a sink that died, count too."""
        self._tally.waiting = await self.source.waiting()
        return self._tally.waiting == 0

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not past a stop."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)
