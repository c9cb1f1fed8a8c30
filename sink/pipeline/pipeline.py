"""The way of every message, from the queue to its end.

    receive → parse ─┬→ store ─┬→ settle (delete, or give back)
                     └→ act ───┘

`Pipeline._carry` is that way, top to bottom. Storing and acting only report; `_settle` is the one place
that deletes, and the last thing that happens to a message. The halves are independent: receivers do not wait
for the store, the store not for actions, nor a message for a neighbour that has an action.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from random import Random
from typing import Any

from sink.backoff import Backoff
from sink.errors import CloudError
from sink.events import Event, Receipt, Record, Unreadable, parse_body
from sink.lease import Message
from sink.pipeline.contract import Actions, Limits, NoActions, Report, Source, Store, Tally
from sink.pipeline.inlet import Inlet


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
        self._stopping = False
        self._work: set[asyncio.Task[None]] = set()
        self._inlets = [
            Inlet(source, self._begin_carry, report, self.tally, limits, clock, self._random)
            for source in sources
        ]

    @property
    def in_hand(self) -> int:
        """Messages received and not yet settled."""
        return sum(len(inlet.in_hand) for inlet in self._inlets)

    @property
    def oldest_received_at_ms(self) -> int | None:
        """When the message longest in hand was received, wall clock in ms."""
        oldest = (inlet.in_hand[0].received_at_ms for inlet in self._inlets if inlet.in_hand)
        return min(oldest, default=None)

    async def run(self, drain: bool = False) -> None:
        """Work until `stop`, or with `drain` until the queues are empty and everything is settled."""
        keepers = [asyncio.create_task(inlet.keep()) for inlet in self._inlets]
        try:
            await asyncio.gather(*(inlet.receive(self._receivers, drain=drain) for inlet in self._inlets))
            await self._finish()
        finally:
            for keeper in keepers:
                keeper.cancel()

    def stop(self) -> None:
        """Stop receiving; `run` returns once what is in hand is settled or given back."""
        self._stopping = True
        for inlet in self._inlets:
            inlet.stop()

    def _begin_carry(self, inlet: Inlet, messages: Sequence[Message]) -> None:
        self._begin(inlet, messages, self._carry(inlet, messages))

    async def _carry(self, inlet: Inlet, messages: Sequence[Message]) -> None:
        """Take the messages of one receive all the way."""
        events = [parse_body(message.body) for message in messages]
        acting = self._begin_acting(inlet, messages, events)
        if acting:
            await asyncio.sleep(0)  # They have begun then, and do not wait until records are encoded.
        receipt = Receipt(messages[0].queue, messages[0].received_at_ms, self._sink_id)
        records = [
            event.record(receipt, message.message_id, message.dequeue_count)
            for message, event in zip(messages, events, strict=True)
        ]
        del events  # Hundreds of batches may wait for the store, and these would wait with them.
        stored = await self._write(records)
        if all(stored) and not acting:
            await self._settle(inlet, messages, final=True)
        else:
            await self._settle_each(inlet, dict(zip(messages, stored, strict=True)), acting)

    def _begin_acting(
        self, inlet: Inlet, messages: Sequence[Message], events: Sequence[Event | Unreadable]
    ) -> dict[Message, asyncio.Task[bool]]:
        """Begin what actions there are, without waiting for the store."""
        self._report.received(events)
        self.tally.received += len(messages)
        parsed = {m: event for m, event in zip(messages, events, strict=True) if isinstance(event, Event)}
        self.tally.quarantined += len(messages) - len(parsed)
        self._actions.notice(parsed.values())
        wanted = {message: event for message, event in parsed.items() if self._actions.wants(event)}
        inlet.want(wanted)
        return {message: asyncio.create_task(self._act(event)) for message, event in wanted.items()}

    async def _act(self, event: Event) -> bool:
        """Act on an event and record what came of it. True once those records are stored."""
        records = await self._actions.act(event)
        self.tally.acted += 1
        return all(await self._write(records))

    async def _settle_each(
        self, inlet: Inlet, stored: dict[Message, bool], acting: Mapping[Message, asyncio.Task[bool]]
    ) -> None:
        """Settle messages by what came of each, without waiting for actions."""
        for message, acted in acting.items():
            done = stored.pop(message)
            self._begin(inlet, [message], self._settle_acted(inlet, message, acted, done))
        await self._settle(inlet, [message for message, done in stored.items() if done], final=True)
        await self._settle(inlet, [message for message, done in stored.items() if not done], final=False)

    async def _settle_acted(
        self, inlet: Inlet, message: Message, acted: asyncio.Task[bool], stored: bool
    ) -> None:
        """Settle a message by itself, once its actions have come to a recorded end."""
        await self._settle(inlet, [message], final=await acted and stored)

    async def _write(self, records: Sequence[Record]) -> list[bool]:
        """Store records; True for each that is stored. Reports a failure, or that there was none."""
        outcomes = await self._store.write(records)
        failure = next((outcome for outcome in outcomes if outcome is not None), None)
        if failure is not None:
            self._report.trouble("logstore", failure)
        elif records:
            self._report.fine("logstore")
        return [outcome is None for outcome in outcomes]

    async def _settle(self, inlet: Inlet, messages: Sequence[Message], *, final: bool) -> None:
        """Let messages go: delete them at their end, or give them back. The only place that deletes."""
        if not messages:
            return
        await inlet.release(messages)
        if final:
            self.tally.stored += len(messages)
            await self._delete(inlet, messages)
        else:
            await self._give_back(inlet, messages)
        inlet.settled(messages)

    async def _delete(self, inlet: Inlet, messages: Sequence[Message]) -> None:
        """Delete, for as long as the leases last: then the handles are void and the messages come again."""
        backoff = Backoff(0.2, 5.0, self._random)
        while messages:
            try:
                late = await inlet.source.delete(messages)
            except CloudError as error:
                self._report.trouble(inlet.source.name, error)
                await asyncio.sleep(backoff.next_seconds())
                messages = [message for message in messages if message.held_until > self._clock()]
                continue
            self.tally.deleted += len(messages) - late
            self.tally.redelivered += late
            return

    async def _give_back(self, inlet: Inlet, messages: Sequence[Message]) -> None:
        """Give messages back, each for the longer the more often it came; at a stop, at once."""
        pauses = Backoff(
            self._limits.give_back_first_seconds, self._limits.give_back_longest_seconds, self._random
        )
        for message in messages:
            pause = 1.0 if self._stopping else pauses.at(message.dequeue_count - 1)
            # Where this fails the message comes back by itself, at the end of its lease.
            with suppress(CloudError):
                await inlet.source.prolong(message, max(1, round(pause)))
            self.tally.given_back += 1

    async def _finish(self) -> None:
        """See what is in hand to its end, or give it back when the time is up."""
        deadline = self._limits.stop_seconds
        if self._work:
            await asyncio.wait(self._work, timeout=deadline)
        for task in self._work:
            task.cancel()
        for inlet in self._inlets:
            left = inlet.in_hand
            await inlet.release(left)
            await self._give_back(inlet, left)

    def _begin(self, inlet: Inlet, messages: Sequence[Message], work: Coroutine[Any, Any, None]) -> None:
        """Work for messages on a task of their own."""
        task = asyncio.create_task(self._or_give_back(inlet, messages, work))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    async def _or_give_back(
        self, inlet: Inlet, messages: Sequence[Message], work: Coroutine[Any, Any, None]
    ) -> None:
        """Work; a bug of ours costs these messages a new delivery, and nobody else anything."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - the loop outlives any bug; it is reported with its traceback
            self._report.bug(error)
            await self._settle(inlet, messages, final=False)
