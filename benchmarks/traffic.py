"""Messages a second through the embedded cloud's queue: the first half of `embedded.py`.

Two clients take the same three steps, sixteen messages each: the official SDK, and requests made by hand.
Each client has a connection and a thread of its own.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import Protocol, TypeVar

from mns.account import Account
from mns.queue import Message

from benchmarks.answers import BATCH
from benchmarks.measure import KEYS
from benchmarks.place import QUEUE
from benchmarks.results import Row
from benchmarks.rivals.handmade import Connection, Requests

CONNECTIONS = (1, 4)
_HANDLE = re.compile(rb"<ReceiptHandle>([^<]+)<")

T = TypeVar("T")


class Client(Protocol):
    """Takes one step after the other; deletes what it received."""

    def send(self) -> None:
        """Sixteen messages into the queue."""

    def receive(self) -> None:
        """Sixteen messages out of it."""

    def delete(self) -> None:
        """The sixteen that were received first and are still there."""

    def close(self) -> None:
        """Hang up."""


class SdkClient:
    """The official SDK, as its README shows it."""

    def __init__(self, url: str, bodies: Sequence[bytes]) -> None:
        self._account = Account(url, *KEYS.values())
        self._queue = self._account.get_queue(QUEUE)
        self._messages = [Message(body.decode()) for body in bodies[:BATCH]]
        self._received: list[list[str]] = []

    def send(self) -> None:
        """Sixteen messages into the queue."""
        self._queue.batch_send_message(self._messages)

    def receive(self) -> None:
        """Sixteen messages out of it."""
        received = self._queue.batch_receive_message(BATCH, 1)
        self._received.append([message.receipt_handle for message in received])

    def delete(self) -> None:
        """The sixteen that were received first and are still there."""
        self._queue.batch_delete_message(self._received.pop(0))

    def close(self) -> None:
        """Hang up."""
        self._account.get_client().close_connection()


class HandmadeClient:
    """Requests made by hand, so that the cloud and not the client is the limit."""

    def __init__(self, url: str, bodies: Sequence[bytes]) -> None:
        self._requests = Requests(url, *KEYS.values())
        self._connection = Connection(url)
        self._messages = [base64.b64encode(body) for body in bodies[:BATCH]]
        self._received: list[list[bytes]] = []

    def send(self) -> None:
        """Sixteen messages into the queue."""
        self._connection.ask(self._requests.send(self._messages))

    def receive(self) -> None:
        """Sixteen messages out of it."""
        self._received.append(_HANDLE.findall(self._connection.ask(self._requests.receive())))

    def delete(self) -> None:
        """The sixteen that were received first and are still there."""
        self._connection.ask(self._requests.delete(self._received.pop(0)))

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


CLIENTS: Mapping[str, Callable[[str, Sequence[bytes]], Client]] = {
    "official SDK": SdkClient,
    "hand-made requests": HandmadeClient,
}


def messages(url: str, bodies: Sequence[bytes], count: int, runs: int) -> list[Row]:
    """Carry so many messages with each client and number of connections; messages a second of each step."""
    batches = max(1, count // BATCH // CONNECTIONS[-1])
    return [
        Row(
            name,
            connections,
            batches * BATCH * connections,
            [carry([make(url, bodies) for _ in range(connections)], batches) for _ in range(runs)],
        )
        for name, make in CLIENTS.items()
        for connections in CONNECTIONS
    ]


def carry(clients: Sequence[Client], batches: int) -> dict[str, float]:
    """One run: each client sends, then receives, then deletes so many batches."""
    with ExitStack() as stack:
        for client in clients:
            stack.enter_context(closing(client))
        steps = {
            "send": lambda client: client.send(),
            "receive": lambda client: client.receive(),
            "delete": lambda client: client.delete(),
        }
        count = batches * BATCH * len(clients)
        seconds = {name: together(clients, _repeated(step, batches)) for name, step in steps.items()}
    rates = {f"{name}_per_second": count / took for name, took in seconds.items()}
    return rates | {"all_per_second": count / sum(seconds.values())}


def together(workers: Sequence[T], work: Callable[[T], None]) -> float:
    """Let all work at once, each in a thread of its own; seconds until the last is done."""
    with ThreadPoolExecutor(len(workers)) as threads:
        began = time.perf_counter()
        for done in [threads.submit(work, worker) for worker in workers]:
            done.result()
        return time.perf_counter() - began


def _repeated(step: Callable[[Client], None], times: int) -> Callable[[Client], None]:
    def work(client: Client) -> None:
        for _ in range(times):
            step(client)

    return work
