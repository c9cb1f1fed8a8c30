"""What the parent of several workers and a worker tell each other, over a pair of sockets.

A worker is told where to begin, and hangs up at its end. The parent never does before that: whoever finds the
link closed knows that the other process is gone, be it by kill -9.
"""

from __future__ import annotations

import asyncio
import pickle
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from sink.config import Settings
from sink.events import Event, Record
from sink.pipeline import Tally

_HEAD_BYTES = 4


@dataclass(frozen=True, slots=True)
class Start:
    """To a worker, first: what it is to do."""

    worker: int
    """Its number, from 1 on."""
    settings: Settings
    mns: str
    sls: str
    """Where the services are; the embedded cloud has been started and furnished."""
    drain: bool
    live: bool
    """Whether a live view is shown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Of a worker: act on an event, and tell it by this number what came of that."""

    number: int
    body: str


@dataclass(frozen=True, slots=True)
class Ended:
    """To a worker: the records of what it asked for; None where a bug kept them from being made."""

    number: int
    records: Sequence[Record] | None


@dataclass(frozen=True, slots=True)
class Heard:
    """Of a worker: events that it received, as far as `Actions.notice` goes by them."""

    told: Sequence[tuple[str, str, str, str, str, int | None]]

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """Take what matters of the events."""
        return cls(
            [
                (one.event_key, one.kind, one.status, one.state, one.instance_id, one.event_time_ms)
                for one in events
            ]
        )

    @property
    def events(self) -> list[Event]:
        """The events, without what was left out."""
        return [
            Event(key, "", "", kind, status=status, state=state, instance_id=instance, event_time_ms=time_ms)
            for key, kind, status, state, instance, time_ms in self.told
        ]


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a worker, once a second: how it stands."""

    tally: Tally
    in_hand: int
    oldest_received_at_ms: int | None
    bodies: Sequence[str]
    """The last messages received since it told before."""
    failing: Mapping[str, str]
    """The parts that do not work now, and why."""


@dataclass(frozen=True, slots=True)
class Said:
    """Of a worker: a line of its log."""

    line: str


class Link:
    """One end. Messages are pickled: both ends are ours, and nobody else has the sockets."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.is_open = True
        """Whether the other end was there when last looked at."""

    @classmethod
    async def over(cls, end: socket.socket) -> Link:
        """Use one of a pair of sockets."""
        return cls(*await asyncio.open_unix_connection(sock=end))

    @property
    def unsent_bytes(self) -> int:
        """What the other end has not taken yet."""
        return self._writer.transport.get_write_buffer_size()

    def send(self, message: object) -> None:
        """Send soon, in order. Where the other end is gone, nobody hears it."""
        if self.is_open:
            pickled = pickle.dumps(message, pickle.HIGHEST_PROTOCOL)
            self._writer.write(len(pickled).to_bytes(_HEAD_BYTES, "big") + pickled)

    async def receive(self) -> object | None:
        """The next message; None once the other end is gone."""
        try:
            length = int.from_bytes(await self._reader.readexactly(_HEAD_BYTES), "big")
            message: object = pickle.loads(await self._reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            self.is_open = False
            return None
        return message

    async def close(self) -> None:
        """Hang up, once all is sent."""
        self.is_open = False
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return
