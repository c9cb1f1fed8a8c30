"""The way of every message, from the queue to its end.

    receive → parse ─┬→ store ─┬→ settle (delete, or give back)
                     └→ act ───┘

`Pipeline._carry` is that way, top to bottom. Storing and acting only report; `_settle` is the one place
that deletes, and the last thing that happens to a message. The halves are independent: receivers do not wait
for the store, the store not for actions, nor a message for a neighbour that has an action.

The types at the head are what the pipeline needs of others; `cli` builds them from the settings. No SDK
and no setting comes in here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Protocol

from sink.backoff import Backoff
from sink.errors import CloudError
from sink.events import Event, Receipt, Record, Unreadable, parse_body
from sink.lease import Leases, Message


class Source(Protocol):
    """A queue. Every method raises CloudError and nothing else."""

    name: str

    async def receive(self, wait_seconds: int) -> Sequence[Message]:
        """At most 16 messages, hidden from others for the queue's visibility timeout; [] if none come."""

    async def delete(self, messages: Sequence[Message]) -> int:
        """Delete at most 16; returns how many were no longer ours to delete and will come again."""

    async def prolong(self, message: Message, seconds: int) -> None:
        """Hide a message for so long from now. Sets its new handle and `held_until`."""

    async def waiting(self) -> int:
        """How many messages the queue holds: visible, hidden and delayed."""

    def cut_short(self) -> None:
        """End every `receive` that waits, now; from here on `receive` raises Unreachable."""


class Store(Protocol):
    """A logstore."""

    async def write(self, records: Sequence[Record]) -> Sequence[CloudError | None]:
        """The outcome of each record: None once it is stored, be it in quarantine."""


class Actions(Protocol):
    """The enabled action modules."""

    def notice(self, event: Event) -> None:
        """An event was received; what is under way may be waiting for it."""

    def wants(self, event: Event) -> bool:
        """Tell whether any of them handles this event."""

    async def act(self, event: Event) -> Sequence[Record]:
        """Bring each to a final outcome; returns their records. Never raises."""


class NoActions:
    """What runs while no action is enabled."""

    def notice(self, event: Event) -> None:
        """Nothing waits for it."""

    def wants(self, event: Event) -> bool:
        """No."""
        return False

    async def act(self, event: Event) -> Sequence[Record]:
        """Do nothing, to which there are no records."""
        return ()


class Report(Protocol):
    """Who is told what came, and at every try whether a part works. Telling changes is theirs."""

    def received(self, events: Sequence[Event | Unreadable]) -> None:
        """These were received together."""

    def trouble(self, part: str, error: CloudError) -> None:
        """The part failed, and will be tried again."""

    def fine(self, part: str) -> None:
        """The part works."""

    def bug(self, error: Exception) -> None:
        """Something raised that should not. The messages it held are given back."""


@dataclass(slots=True)
class Tally:
    """What the pipeline has done since it began, in messages unless it says otherwise."""

    received: int = 0
    stored: int = 0
    quarantined: int = 0
    deleted: int = 0
    given_back: int = 0
    redelivered: int = 0
    """Deletes that came too late: the message will be stored once more, under the same event_key."""
    acted: int = 0
    waiting: int | None = None
    """What the queues still hold, as last asked by a draining run."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is held and how long is waited."""

    in_hand: int = 2000
    """Messages of one queue at most that wait to be stored or deleted: what bounds memory."""
    acting: int = 10_000
    """And those that an action wants: minutes of drains must not stop the receivers."""
    long_poll_seconds: int = 20
    empty_seconds: float = 1.0
    """How long an empty receive takes at least, waited out here where the service did not."""
    stop_seconds: float = 25.0
    """How long a stop may take before what is in hand is given back."""
    retry_seconds: float = 30.0
    """Longest pause between tries of a queue that fails."""
    give_back_first_seconds: float = 5.0
    give_back_longest_seconds: float = 300.0


class Pipeline:
    """The sink's core. Build it, `run` it once, `stop` it from a signal handler.

    No loss: a message is deleted only after the store has answered for a record with its whole body and every
    action that wanted it has come to a recorded end. At least once: a crash between the two repeats a record,
    under the same event_key. Nothing is dropped for its age or its number of tries.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        store: Store,
        report: Report,
        *,
        sink_id: str,
        actions: Actions | None = None,
        receivers: int = 1,
        limits: Limits = Limits(),
        clock: Callable[[], float] = time.monotonic,
        random: Random | None = None,
    ) -> None:
        self.tally = Tally()
        self._store = store
        self._actions = actions or NoActions()
        self._report = report
        self._sink_id = sink_id
        self._receivers = receivers
        self._limits = limits
        self._random = random or Random()
        self._clock = clock
        self._hands = {source.name: Leases(source.prolong, clock) for source in sources}
        self._sources = tuple(sources)
        self._stopping = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._acting: dict[str, set[Message]] = {source.name: set() for source in sources}
        """Messages in hand that an action wants, by queue."""
        self._room = asyncio.Event()
        """Set whenever there may be room to receive."""

    @property
    def in_hand(self) -> int:
        """Messages received and not yet settled."""
        return sum(len(hands) for hands in self._hands.values())

    @property
    def oldest_received_at_ms(self) -> int | None:
        """When the message longest in hand was received, wall clock in ms."""
        oldest = (hands.oldest_received_at_ms for hands in self._hands.values())
        return min((at for at in oldest if at is not None), default=None)

    async def run(self, drain: bool = False) -> None:
        """Work until `stop`, or with `drain` until the queues are empty and everything is settled."""
        keepers = [asyncio.create_task(hands.keep()) for hands in self._hands.values()]
        stopper = asyncio.create_task(self._cut_short_at_stop())
        try:
            await asyncio.gather(
                *(self._receive(source, drain) for source in self._sources for _ in range(self._receivers))
            )
            await self._finish()
        finally:
            for task in [*keepers, stopper]:
                task.cancel()

    def stop(self) -> None:
        """Stop receiving; `run` returns once what is in hand is settled or given back."""
        self._stopping.set()

    async def _receive(self, source: Source, drain: bool) -> None:
        """Receive from one queue until the stop, or with `drain` until it is empty."""
        hands = self._hands[source.name]
        backoff = Backoff(0.5, self._limits.retry_seconds, self._random)
        while not self._stopping.is_set():
            await self._await_room(source)
            try:
                messages = await self._poll(source, drain)
                emptied = drain and not messages and not hands and await self._is_empty(source)
            except CloudError as error:
                if not self._stopping.is_set():
                    self._report.trouble(source.name, error)
                    await self._sleep(backoff.next_seconds())
                continue
            self._report.fine(source.name)
            backoff.reset()
            if fresh := hands.take(messages):
                self._begin(source, fresh, self._carry(source, fresh))
            elif emptied:
                return

    async def _poll(self, source: Source, drain: bool) -> Sequence[Message]:
        """Receive once. An empty answer that came too early is paused after: it is billed like any other.

        MNS caps the long polls of an account, and answers those above the cap at once.
        """
        wait_seconds = 1 if drain else self._limits.long_poll_seconds
        loop = asyncio.get_running_loop()
        began = loop.time()
        messages = await source.receive(wait_seconds)
        if not messages:
            await self._sleep(self._limits.empty_seconds - (loop.time() - began))
        return messages

    async def _carry(self, source: Source, messages: Sequence[Message]) -> None:
        """Take the messages of one receive all the way."""
        events = [parse_body(message.body) for message in messages]
        acting = self._begin_acting(source, messages, events)
        stored = await self._write(
            [event.record(self._receipt(message)) for message, event in zip(messages, events, strict=True)]
        )
        outcomes = dict(zip(messages, stored, strict=True))
        for message, acted in acting.items():
            done = outcomes.pop(message)
            self._begin(source, [message], self._settle_acted(source, message, acted, done))
        await self._settle(source, [message for message, done in outcomes.items() if done], final=True)
        await self._settle(source, [message for message, done in outcomes.items() if not done], final=False)

    def _begin_acting(
        self, source: Source, messages: Sequence[Message], events: Sequence[Event | Unreadable]
    ) -> dict[Message, asyncio.Task[bool]]:
        """Begin what actions there are, without waiting for the store."""
        self._report.received(events)
        self.tally.received += len(messages)
        parsed = [(m, event) for m, event in zip(messages, events, strict=True) if isinstance(event, Event)]
        self.tally.quarantined += len(messages) - len(parsed)
        for _, event in parsed:
            self._actions.notice(event)
        wanted = {message: event for message, event in parsed if self._actions.wants(event)}
        self._acting[source.name].update(wanted)
        self._room.set()
        return {message: asyncio.create_task(self._act(event)) for message, event in wanted.items()}

    async def _act(self, event: Event) -> bool:
        """Act on an event and record what came of it. True once those records are stored."""
        records = await self._actions.act(event)
        self.tally.acted += 1
        return all(await self._write(records))

    async def _settle_acted(
        self, source: Source, message: Message, acted: asyncio.Task[bool], stored: bool
    ) -> None:
        """Settle a message by itself, once its actions have come to a recorded end."""
        await self._settle(source, [message], final=await acted and stored)

    async def _write(self, records: Sequence[Record]) -> list[bool]:
        """Store records; True for each that is stored. Reports a failure, or that there was none."""
        outcomes = await self._store.write(records)
        failure = next((outcome for outcome in outcomes if outcome is not None), None)
        if failure is not None:
            self._report.trouble("logstore", failure)
        elif records:
            self._report.fine("logstore")
        return [outcome is None for outcome in outcomes]

    async def _settle(self, source: Source, messages: Sequence[Message], *, final: bool) -> None:
        """Let messages go: delete them at their end, or give them back. The only place that deletes."""
        if not messages:
            return
        await self._hands[source.name].release(messages)
        self._acting[source.name].difference_update(messages)
        if final:
            self.tally.stored += len(messages)
            await self._delete(source, messages)
        else:
            await self._give_back(source, messages)
        self._room.set()

    async def _delete(self, source: Source, messages: Sequence[Message]) -> None:
        """Delete, for as long as the leases last: then the handles are void and the messages come again."""
        backoff = Backoff(0.2, 5.0, self._random)
        while messages:
            try:
                late = await source.delete(messages)
            except CloudError as error:
                self._report.trouble(source.name, error)
                await asyncio.sleep(backoff.next_seconds())
                messages = [message for message in messages if message.held_until > self._clock()]
                continue
            self.tally.deleted += len(messages) - late
            self.tally.redelivered += late
            return

    async def _give_back(self, source: Source, messages: Sequence[Message]) -> None:
        """Give messages back, each for the longer the more often it came; at a stop, at once."""
        pauses = Backoff(
            self._limits.give_back_first_seconds, self._limits.give_back_longest_seconds, self._random
        )
        for message in messages:
            pause = 1.0 if self._stopping.is_set() else pauses.at(message.dequeue_count - 1)
            # Where this fails the message comes back by itself, at the end of its lease.
            with suppress(CloudError):
                await source.prolong(message, max(1, round(pause)))
            self.tally.given_back += 1

    async def _finish(self) -> None:
        """See what is in hand to its end, or give it back when the time is up."""
        deadline = self._limits.stop_seconds
        if self._work:
            await asyncio.wait(self._work, timeout=deadline)
        for task in self._work:
            task.cancel()
        for source in self._sources:
            left = self._hands[source.name].messages
            await self._hands[source.name].release(left)
            await self._give_back(source, left)

    def _begin(self, source: Source, messages: Sequence[Message], work: Coroutine[Any, Any, None]) -> None:
        """Work for messages on a task of their own."""
        task = asyncio.create_task(self._or_give_back(source, messages, work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _or_give_back(
        self, source: Source, messages: Sequence[Message], work: Coroutine[Any, Any, None]
    ) -> None:
        """Work; a bug of ours costs these messages a new delivery, and nobody else anything."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the loop outlives any bug; it is reported with its traceback
            self._report.bug(error)
            await self._settle(source, messages, final=False)

    def _receipt(self, message: Message) -> Receipt:
        return Receipt(
            message.queue, message.message_id, message.dequeue_count, message.received_at_ms, self._sink_id
        )

    async def _is_empty(self, source: Source) -> bool:
        """Ask the queue itself: messages hidden by another consumer, or by a sink that died, count too."""
        self.tally.waiting = await source.waiting()
        return self.tally.waiting == 0

    async def _await_room(self, source: Source) -> None:
        while not self._has_room(source) and not self._stopping.is_set():
            self._room.clear()
            await self._room.wait()

    def _has_room(self, source: Source) -> bool:
        acting = len(self._acting[source.name])
        storing = len(self._hands[source.name]) - acting
        return storing < self._limits.in_hand and acting < self._limits.acting

    async def _sleep(self, seconds: float) -> None:
        """Sleep, but not past a stop."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _cut_short_at_stop(self) -> None:
        await self._stopping.wait()
        for source in self._sources:
            source.cut_short()
        self._room.set()
