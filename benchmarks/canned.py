"""A server that is no bottleneck: MNS and SLS as far as the rivals ask them, from answers made beforehand.

`measure.py` starts it as a process of its own, on a core of its own (`python -m benchmarks.canned`, which
prints its port), and tells it before each run how many messages there are and who will come for them
(`PUT /_bench`). It checks nothing while the clock runs; the bodies of PutLogs are kept as they came, and
read when the run is over (`GET /_bench`): how many logs they hold, each held against SLS's own limits.

It takes the time from the first receive to the last delete, and the rival's CPU and peak memory at those two
moments, so that nobody's imports and nobody's way to find that a queue is empty count. Of a rival of several
processes the first receives wait, as a long poll does, until all of its receivers are there.

A bare loop over epoll rather than asyncio: a third of the CPU a request, so that even the fastest rival
leaves it idle half of the time. Latency is a queue of answers that are held back, in the order in which
they fall due.
"""

from __future__ import annotations

import gc
import re
import select
import socket
import sys
import time
from collections import Counter, deque
from dataclasses import dataclass, field

import orjson

from benchmarks.answers import BATCH, Answers, http
from benchmarks.bodies import event_bodies
from benchmarks.clocks import cpu_seconds, family, peak_megabytes
from sink.local.sls.protobuf import LogGroups
from sink.local.sls.put_logs import PutLogsLimits, read_log_group

_CHUNK = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_HANDLE = re.compile(r"ReceiptHandle=([^ &]+)")


@dataclass
class Run:
    """One rival's run: what it is given, and what it did."""

    events: int = 0
    latency_seconds: float = 0.0
    pid: int = 0
    receivers: int = 1
    """So many receive before the first of them is answered."""
    family: list[int] = field(default_factory=list)
    """The rival's processes, as they were then."""
    requests: Counter[str] = field(default_factory=Counter)
    received: int = 0
    deleted: int = 0
    puts: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Head and body of each PutLogs."""
    unknown: list[str] = field(default_factory=list)
    began: Moment | None = None
    ended: Moment | None = None
    requests_to_the_end: Counter[str] = field(default_factory=Counter)
    peak_megabytes: float = 0.0

    def report(self) -> dict[str, object]:
        """What `measure.py` reads; seconds are None while the run is not at its end."""
        found: dict[str, object] = {
            "events": self.events,
            "received": self.received,
            "stored": count_logs(self.puts),
            "deleted": self.deleted,
            "unknown": self.unknown,
            "requests": self.requests_to_the_end,
            "peak_megabytes": self.peak_megabytes,
        }
        if self.began and self.ended:
            found["seconds"] = self.ended.wall - self.began.wall
            found["rival_cpu_seconds"] = self.ended.rival_cpu - self.began.rival_cpu
            found["server_cpu_seconds"] = self.ended.server_cpu - self.began.server_cpu
        return found


@dataclass(frozen=True)
class Moment:
    """Three clocks at once, in seconds."""

    wall: float
    rival_cpu: float
    server_cpu: float

    @classmethod
    def now(cls, family: list[int]) -> Moment:
        """Read them; the second is that of these processes, all their threads together."""
        return cls(time.perf_counter(), sum(map(cpu_seconds, family)), time.process_time())


def count_logs(puts: list[tuple[bytes, bytes]]) -> int:
    """The logs in these PutLogs requests. Raises SlsError for one that SLS would have refused."""
    groups, limits = LogGroups(), PutLogsLimits()
    return sum(read_log_group(_headers(head), body, groups, limits, time.time())[1] for head, body in puts)


def _headers(head: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in head.decode("latin-1").split("\r\n")[1:] if line)
    return {name.lower(): value for name, _, value in lines}


class Canned:
    """Answers one request after the other; knows nothing of sockets."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._serial = 0
        self.run = Run()

    def is_early(self, head: bytes) -> bool:
        """Tell whether this is a receive of before the run began."""
        return self.run.began is None and head.startswith(b"GET /queues/") and b"/messages?" in head

    def answer(self, head: bytes, body: bytes) -> bytes:
        """The answer to a request. `head` ends before the empty line."""
        method, _, rest = head.partition(b" ")
        target = rest.partition(b" ")[0]
        if target.startswith(b"/queues/"):
            return self._mns(method, target, body)
        if target.startswith(b"/logstores/"):
            self.run.requests["PutLogs"] += 1
            self.run.puts.append((head, body))
            return self._answers.stored
        return self._bench(method, body) if target == b"/_bench" else self._unknown(method, target)

    def _mns(self, method: bytes, target: bytes, body: bytes) -> bytes:
        if method == b"GET":
            if b"/messages" not in target:
                return self._attributes()
            return self._receive(target)
        if method == b"DELETE":
            return self._delete(target, body)
        if method == b"PUT" and (handle := _HANDLE.search(target.decode())):
            self.run.requests["ChangeMessageVisibility"] += 1
            return self._answers.prolonged(handle[1], time.time())
        return self._unknown(method, target)

    def _receive(self, target: bytes) -> bytes:
        run = self.run
        if run.began is None:
            run.family = family(run.pid)
            run.began = Moment.now(run.family)
        many = b"numOfMessages=" in target
        if many and b"numOfMessages=16" not in target:
            return self._unknown(b"GET", target)
        run.requests["BatchReceiveMessage" if many else "ReceiveMessage"] += 1
        if run.received >= run.events:
            return self._answers.empty
        run.received += BATCH if many else 1
        self._serial += 1
        return self._answers.batch(self._serial) if many else self._answers.single(self._serial)

    def _delete(self, target: bytes, body: bytes) -> bytes:
        run = self.run
        if b"?" in target:
            run.requests["DeleteMessage"] += 1
            run.deleted += 1
        else:
            run.requests["BatchDeleteMessage"] += 1
            run.deleted += body.count(b"<ReceiptHandle>")
        if run.deleted >= run.events and run.ended is None:
            run.ended = Moment.now(run.family)
            run.requests_to_the_end = run.requests.copy()
            run.peak_megabytes = sum(map(peak_megabytes, run.family))
        return self._answers.deleted

    def _attributes(self) -> bytes:
        run = self.run
        run.requests["GetQueueAttributes"] += 1
        return self._answers.attributes(run.events - run.received, run.received - run.deleted)

    def _bench(self, method: bytes, body: bytes) -> bytes:
        """Begin a run, or tell of it."""
        if method == b"PUT":
            self.run = Run(**orjson.loads(body))
            return http(200, b"", {})
        return http(200, orjson.dumps(self.run.report(), default=dict), {"Content-Type": "application/json"})

    def _unknown(self, method: bytes, target: bytes) -> bytes:
        self.run.unknown.append(f"{method.decode()} {target.decode()}")
        return self._answers.not_canned


class Server:
    """Sockets, and the answers that are held back."""

    def __init__(self, canned: Canned, listener: socket.socket) -> None:
        self._canned = canned
        self._listener = listener
        self._poller = select.epoll()
        self._poller.register(listener, select.EPOLLIN)
        self._connections: dict[int, socket.socket] = {}
        self._unread: dict[int, bytes] = {}
        self._held: deque[tuple[float, socket.socket, bytes]] = deque()
        self._early: list[tuple[socket.socket, bytes]] = []

    def serve(self) -> None:
        """For ever."""
        while True:
            self._wait()
            for number, _ in self._poller.poll(0 if self._held else -1):
                if number == self._listener.fileno():
                    self._accept()
                else:
                    self._read(number)
            self._release()

    def _wait(self) -> None:
        """Wait for a request or for the next held answer.

        With select on the poller itself, because epoll's own timeout is in whole milliseconds.
        """
        if self._held:
            select.select([self._poller], [], [], max(0.0, self._held[0][0] - time.perf_counter()))

    def _release(self) -> None:
        while self._held and self._held[0][0] <= time.perf_counter():
            _, connection, answer = self._held.popleft()
            _send(connection, answer)

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _CHUNK)
        self._connections[connection.fileno()] = connection
        self._unread[connection.fileno()] = b""
        self._poller.register(connection, select.EPOLLIN)

    def _read(self, number: int) -> None:
        connection = self._connections[number]
        try:
            came = connection.recv(_CHUNK)
        except ConnectionResetError:
            came = b""
        if not came:
            self._close(number)
            return
        unread = self._unread[number] + came
        while (end := unread.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(unread, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(unread) < whole:
                break
            head, body = unread[:end], unread[end + 4 : whole]
            if self._canned.is_early(head):
                self._let_wait(connection, head)
            else:
                self._reply(connection, self._canned.answer(head, body))
            unread = unread[whole:]
        self._unread[number] = unread

    def _let_wait(self, connection: socket.socket, head: bytes) -> None:
        """Answer nobody who receives until all are there."""
        self._early.append((connection, head))
        if len(self._early) >= self._canned.run.receivers:
            early, self._early = self._early, []
            for waiting, asked in early:
                self._reply(waiting, self._canned.answer(asked, b""))

    def _reply(self, connection: socket.socket, answer: bytes) -> None:
        latency = self._canned.run.latency_seconds
        if latency:
            self._held.append((time.perf_counter() + latency, connection, answer))
        else:
            _send(connection, answer)

    def _close(self, number: int) -> None:
        self._poller.unregister(number)
        self._connections.pop(number).close()
        del self._unread[number]


def _send(connection: socket.socket, answer: bytes) -> None:
    """Send all of it; who has hung up meanwhile gets nothing."""
    try:
        connection.sendall(answer)
    except OSError:
        return


def main() -> None:
    """Serve on a free port of 127.0.0.1, and print it."""
    now = time.time()
    canned = Canned(Answers.of(event_bodies(now), now))
    with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
        sys.stdout.write(f"{listener.getsockname()[1]}\n")
        sys.stdout.flush()
        gc.freeze()
        gc.disable()
        Server(canned, listener).serve()


if __name__ == "__main__":
    main()
