"""`MnsSource`: one queue for the pipeline.

Two clients, so that deletes never stand behind a long poll, and so that a stop can cut the polls short and
still settle what is in hand. What the SDK does is done in lanes of its own, made at the first such call: a
sink that only receives never loads it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from sink.credentials import HeldKeys, Provider
from sink.errors import Unreachable
from sink.lease import Message
from sink.sources.answers import Received, new_handle, received, voided
from sink.sources.calls import BATCH, Calls
from sink.sources.errors import CHECK_ENDPOINT
from sink.wire import Client

if TYPE_CHECKING:
    from sink.sources.sdk import Lane, Lanes

_ANSWER_SECONDS = 10
"""How long an answer may take beyond the long poll that was asked for."""
_DEFAULT_LEASE_SECONDS = 30.0
"""MNS's default visibility timeout: assumed until the first message tells the queue's own."""

T = TypeVar("T")


class MnsSource:
    """A queue, for one event loop. Keeps the contract of `pipeline.Source`.

    `receivers` may wait for messages at the same time; of all other calls `settlers` may be under way.
    """

    def __init__(
        self,
        endpoint: str,
        queue: str,
        provider: Provider,
        *,
        receivers: int = 1,
        settlers: int = 32,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = queue
        self.batch = BATCH
        self._clock = clock
        self._wall_clock = wall_clock
        self._lease_seconds = _DEFAULT_LEASE_SECONDS
        self._singly = 0
        """How many messages are still to be received one by one."""
        self._calls = Calls(endpoint, queue, wall_clock)
        self._keys = HeldKeys(provider)
        self._receiving = Client("MNS", endpoint, connections=receivers, hint=CHECK_ENDPOINT)
        self._settling = Client("MNS", endpoint, connections=settlers, hint=CHECK_ENDPOINT)
        self._sdk = endpoint, queue, provider, settlers
        self._lanes: Lanes | None = None

    async def receive(self, wait_seconds: int) -> Sequence[Message]:
        """At most 16 messages; [] where none came in so many seconds.

        After an answer that could not be read, as many messages as it may have held are received one by one:
        the message that broke it would else hide its fifteen neighbours every time.
        """
        count = 1 if self._singly else BATCH
        request = self._calls.receive(await self._keys.get(), count, wait_seconds)
        answer = await self._receiving.ask(request, wait_seconds + _ANSWER_SECONDS)
        try:
            with self._keys.judged():
                found = received(answer)
        except Unreachable:
            if answer.status == 200:
                self._singly = BATCH
            raise
        if found.messages and count == 1:
            self._singly = max(0, self._singly - 1)
        return self._messages(found)

    async def delete(self, messages: Sequence[Message]) -> int:
        """Delete at most 16; returns how many handles were void."""
        request = self._calls.delete(await self._keys.get(), [message.handle for message in messages])
        answer = await self._settling.ask(request, _ANSWER_SECONDS)
        with self._keys.judged():
            return voided(answer, len(messages))

    async def prolong(self, message: Message, seconds: int) -> None:
        """Hide a message for so long from now."""
        began = self._clock()
        request = self._calls.hide(await self._keys.get(), message.handle, seconds)
        answer = await self._settling.ask(request, _ANSWER_SECONDS)
        with self._keys.judged():
            message.handle = new_handle(answer)
        message.held_until = began + seconds

    async def waiting(self) -> int:
        """Messages in the queue: visible, hidden and delayed."""
        return await self._by_sdk(lambda lane: lane.count())

    async def send(self, bodies: Sequence[str]) -> None:
        """Put at most 16 bodies into the queue, as they are."""
        await self._by_sdk(lambda lane: lane.send(bodies))

    async def create(self, visibility_seconds: int) -> None:
        """Create the queue as the sink wants it; one that is there already is left as it is.

        Messages of 64 KB, and kept for 6 days: one less than SLS's window of 7, so that an event that waited
        out an outage still goes in under its own time.
        """
        await self._by_sdk(lambda lane: lane.create(visibility_seconds))

    def cut_short(self) -> None:
        """End every `receive` that waits; from here on `receive` raises Unreachable."""
        self._receiving.cut()

    def close(self) -> None:
        """End all connections and threads: at once, but for a connect of the SDK's under way."""
        self._receiving.cut()
        self._settling.cut()
        if self._lanes is not None:
            self._lanes.close()

    async def _by_sdk(self, call: Callable[[Lane], T]) -> T:
        if self._lanes is None:
            from sink.sources.sdk import Lanes

            self._lanes = Lanes(*self._sdk)
        return await self._lanes.run(call)

    def _messages(self, found: Received) -> list[Message]:
        """Take over what was received.

        The lease is counted from now, by its length and on our own clock, because NextVisibleTime is on the
        server's.
        """
        if found.lease_seconds is not None:
            self._lease_seconds = found.lease_seconds
        name, lease, at_ms = self.name, self._lease_seconds, round(self._wall_clock() * 1000)
        until = self._clock() + lease
        return [
            Message(name, message_id, handle, body, count, at_ms, lease, until)
            for message_id, handle, body, count in found.messages
        ]
