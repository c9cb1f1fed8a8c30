"""Long polls: they really wait, wake at once, and give nothing to those who have gone."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from email.utils import formatdate

import pytest
from mns.account import Account
from mns.queue import Message, Queue, QueueMeta

from tests.local.conftest import RunningCloud, until_waiting
from tests.local.mns.conftest import refusal, sign


class Waiting:
    """Another consumer, in a thread of its own, that waits at the queue."""

    def __init__(self, account: Account, pool: ThreadPoolExecutor) -> None:
        self.queue: Queue = account.get_queue("events")
        self.queue.set_encoding(False)
        self._pool = pool

    def receive(self, seconds: int) -> Future[Message]:
        return self._pool.submit(self.queue.receive_message, seconds)


@pytest.fixture
def waiting(cloud: RunningCloud, queue: Queue, mns_account: Callable[..., Account]) -> Iterator[Waiting]:
    with ThreadPoolExecutor(4) as pool:
        yield Waiting(mns_account(cloud.url), pool)


def test_an_empty_queue_makes_wait(queue: Queue) -> None:
    """MessageNotExist comes after waitseconds, not before."""
    started = time.monotonic()
    assert refusal(queue.receive_message, 1) == "MessageNotExist"
    assert 1.0 <= time.monotonic() - started < 3.0


def test_the_queue_can_make_all_wait(queue: Queue) -> None:
    """PollingWaitSeconds holds for receives that do not say otherwise; 0 seconds says otherwise."""
    queue.set_attributes(QueueMeta(polling_wait_sec=1))
    started = time.monotonic()
    assert refusal(queue.receive_message, 0) == "MessageNotExist"
    assert time.monotonic() - started < 1.0
    assert refusal(queue.receive_message) == "MessageNotExist"
    assert time.monotonic() - started >= 1.0


def test_a_send_wakes_a_waiting_consumer(cloud: RunningCloud, queue: Queue, waiting: Waiting) -> None:
    """At once, not when its time is up."""
    received = waiting.receive(30)
    until_waiting(cloud.url)
    queue.send_message(Message("a body"))
    assert received.result(5).message_body == "a body"


def test_a_message_wakes_for_one_consumer(
    cloud: RunningCloud, queue: Queue, mns_account: Callable[..., Account]
) -> None:
    """Two wait, each gets one of two messages."""
    with ThreadPoolExecutor(2) as pool:
        polls = [Waiting(mns_account(cloud.url), pool).receive(30) for _ in range(2)]
        until_waiting(cloud.url, 2)
        queue.send_message(Message("a"))
        queue.send_message(Message("b"))
        assert sorted(poll.result(5).message_body for poll in polls) == ["a", "b"]


def test_a_delayed_message_wakes_when_it_is_due(queue: Queue) -> None:
    """The poll ends then, long before its own end."""
    queue.send_message(Message("a body", 1))
    started = time.monotonic()
    assert queue.receive_message(30).message_body == "a body"
    assert 0.8 <= time.monotonic() - started < 5.0


def test_an_expiring_visibility_wakes(queue: Queue) -> None:
    """A message that nobody deleted comes back to whoever waits."""
    queue.set_attributes(QueueMeta(vis_timeout=1))
    queue.send_message(Message("a body"))
    queue.receive_message()
    assert queue.receive_message(30).dequeue_count == 2


def test_a_shortened_visibility_wakes(cloud: RunningCloud, queue: Queue, waiting: Waiting) -> None:
    """ChangeMessageVisibility may make a message due sooner than the poll reckoned with."""
    queue.send_message(Message("a body"))
    handle = queue.receive_message().receipt_handle
    received = waiting.receive(30)
    until_waiting(cloud.url)
    queue.change_message_visibility(handle, 1)
    assert received.result(10).dequeue_count == 2


def test_a_deleted_queue_ends_the_wait(cloud: RunningCloud, queue: Queue, waiting: Waiting) -> None:
    """QueueNotExist, at once."""
    received = waiting.receive(30)
    until_waiting(cloud.url)
    queue.delete()
    assert refusal(received.result, 5) == "QueueNotExist"


def test_a_send_from_inside_wakes(cloud: RunningCloud, waiting: Waiting) -> None:
    """As the fleet does it."""
    received = waiting.receive(30)
    until_waiting(cloud.url)
    cloud.call(lambda: cloud.cloud.mns.send("1000000000000001", "events", "an event"))
    assert received.result(5).message_body == "an event"


@pytest.mark.parametrize("attempt", range(5))
def test_a_client_that_hung_up_gets_no_message(cloud: RunningCloud, queue: Queue, attempt: int) -> None:
    """Its poll ends with the connection, so the message goes to the next one, delivered once."""
    hang_up_after_asking(cloud)
    queue.send_message(Message("a body"))
    assert queue.receive_message(5).dequeue_count == 1


def hang_up_after_asking(cloud: RunningCloud) -> None:
    """Start a long poll on a bare socket, and close it while it waits."""
    host = cloud.url.removeprefix("http://")
    resource = "/queues/events/messages?waitseconds=30"
    headers = {"date": formatdate(usegmt=True), "x-mns-version": "2015-06-06"}
    headers["authorization"] = sign("GET", resource, headers, "local-secret")
    lines = [
        f"GET {resource} HTTP/1.1",
        f"host: {host}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    address, _, port = host.partition(":")
    with socket.create_connection((address, int(port))) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        until_waiting(cloud.url)
