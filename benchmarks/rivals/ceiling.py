"""A bare process: what is left when everything is left out that a sink is trusted for.

Requests are written by hand and their signatures kept for the second that their date is good for; answers
are cut by two regular expressions, bodies read by orjson, log groups written byte by byte. Sixty-four lanes
receive and delete on connections of their own, and what they hold is joined into one PutLogs whenever one
of a few store lanes is free. One thread, one loop over epoll, a record of six fields.

It retries nothing, prolongs nothing, reads one envelope only and ends at the first surprise: a ceiling to
measure against, and nothing to run.
"""

from __future__ import annotations

import re
import select
import socket
from binascii import a2b_base64
from collections.abc import Generator
from datetime import datetime

import orjson

from benchmarks.place import keys, url
from benchmarks.rivals.handmade import Requests, body_of, content, field, log

LANES = 64
STORE_LANES = 2
LARGEST_GROUP = 250
"""Batches in one PutLogs: sixteen times as many logs, and SLS's documents name 4,096."""

_HANDLE = re.compile(rb"<ReceiptHandle>([^<]+)<")
_BODY = re.compile(rb"<MessageBody>([^<]+)<")

Lane = Generator[bytes | None, bytes, None]
"""Yields a request and is sent its answer's body; yields None to be sent on once its logs are stored."""


_ID, _NAME, _RESOURCE, _TIME, _LEVEL, _WHOLE = map(
    field, ("event_id", "name", "resource_arn", "event_time", "level", "body")
)


def log_of(body: bytes) -> bytes:
    """One event as a Log within its LogGroup."""
    event = orjson.loads(body)
    event_time = event["eventTime"]
    return log(
        int(datetime.fromisoformat(event_time).timestamp()),
        (
            content(_ID, event["id"].encode()),
            content(_NAME, event["name"].encode()),
            content(_RESOURCE, event["resourceId"].encode()),
            content(_TIME, event_time.encode()),
            content(_LEVEL, event["level"].encode()),
            content(_WHOLE, body),
        ),
    )


class Ceiling:
    """The lanes, and the loop that drives them."""

    def __init__(self, url: str, key_id: str, secret: str) -> None:
        self._requests = Requests(url, key_id, secret)
        self._address = (url.removeprefix("http://").split(":")[0], int(url.rpartition(":")[2]))
        self._poller = select.epoll()
        self._connections: dict[int, socket.socket] = {}
        self._lanes: dict[int, Lane] = {}
        self._unread: dict[int, bytes] = {}
        self._waiting: list[tuple[int, list[bytes]]] = []
        """Lanes whose logs are to be stored."""
        self._storing: dict[int, list[int]] = {}
        """Lanes whose logs are under way, by the connection that they went over."""
        self._free = [self._connect() for _ in range(STORE_LANES)]

    def run(self) -> None:
        """Until every lane has found the queue empty."""
        for _ in range(LANES):
            number = self._connect()
            self._lanes[number] = self._lane(number)
            self._go_on(number, None)
        while self._lanes:
            for number, _ in self._poller.poll():
                self._read(number)
            while self._free and self._waiting:
                self._store(self._free.pop())

    def _lane(self, number: int) -> Lane:
        """One lane: receive, store with the others, delete."""
        while True:
            answer = yield self._requests.receive()
            handles = _HANDLE.findall(answer)
            if not handles:
                return
            self._waiting.append((number, [log_of(a2b_base64(body)) for body in _BODY.findall(answer)]))
            yield None
            yield self._requests.delete(handles)

    def _go_on(self, number: int, answer: bytes | None) -> None:
        lane = self._lanes[number]
        try:
            request = next(lane) if answer is None else lane.send(answer)
        except StopIteration:
            del self._lanes[number]
            return
        if request is not None:
            self._connections[number].sendall(request)

    def _store(self, number: int) -> None:
        """Join what waits into one PutLogs."""
        group, self._waiting = self._waiting[:LARGEST_GROUP], self._waiting[LARGEST_GROUP:]
        self._storing[number] = [lane for lane, _ in group]
        self._connections[number].sendall(self._requests.put([one for _, logs in group for one in logs]))

    def _read(self, number: int) -> None:
        unread = self._unread[number] + self._connections[number].recv(1 << 18)
        body = body_of(unread)
        self._unread[number] = unread if body is None else b""
        if body is None:
            return
        if number in self._lanes:
            self._go_on(number, body)
        else:
            self._free.append(number)
            for lane in self._storing.pop(number):
                self._go_on(lane, b"")

    def _connect(self) -> int:
        connection = socket.create_connection(self._address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connections[connection.fileno()] = connection
        self._unread[connection.fileno()] = b""
        self._poller.register(connection, select.EPOLLIN)
        return connection.fileno()


def main() -> None:
    """Empty the queue."""
    Ceiling(url(), *keys()).run()


if __name__ == "__main__":
    main()
