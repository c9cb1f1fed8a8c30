"""What survives kill -9 of the process."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from mns.account import Account
from mns.mns_exception import MNSClientNetworkException
from mns.queue import Message, Queue, QueueMeta

from tests.local.conftest import CloudProcess, until_waiting
from tests.local.mns.conftest import refusal

Start = Callable[..., CloudProcess]
Connect = Callable[..., Account]


def queue_of(process: CloudProcess, connect: Connect) -> Queue:
    queue = connect(process.url).get_queue("events")
    queue.set_encoding(False)
    return queue


def test_what_was_answered_is_there_after_a_kill(cloud_process: Start, mns_account: Connect) -> None:
    """Every message whose send was answered, once; of the others at most the one in flight."""
    process = cloud_process()
    queue = queue_of(process, mns_account)
    queue.create(QueueMeta())
    answered: list[str] = []

    def send_for_ever() -> None:
        while True:
            queue.send_message(Message(f"body {len(answered)}"))
            answered.append(f"body {len(answered)}")

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_for_ever)
        while len(answered) < 50:
            assert not sending.done()
        process.kill()
        with pytest.raises(MNSClientNetworkException):
            sending.result(20)
    found = drained(queue_of(cloud_process(), mns_account))
    assert found[: len(answered)] == answered
    assert len(found) - len(answered) in (0, 1)


def drained(queue: Queue) -> list[str]:
    bodies: list[str] = []
    waiting = queue.get_attributes().active_messages
    while len(bodies) < waiting:
        bodies += [message.message_body for message in queue.batch_receive_message(16)]
    return bodies


def test_what_was_deleted_stays_deleted_after_a_kill(cloud_process: Start, mns_account: Connect) -> None:
    """And what was received and not deleted comes back after its visibility, counted."""
    process = cloud_process()
    queue = queue_of(process, mns_account)
    queue.create(QueueMeta(vis_timeout=1))
    queue.batch_send_message([Message("done"), Message("in hand")])
    queue.delete_message(queue.receive_message().receipt_handle)
    queue.receive_message()
    process.kill()
    again = queue_of(cloud_process(), mns_account)
    message = again.receive_message(10)
    assert (message.message_body, message.dequeue_count) == ("in hand", 2)
    assert refusal(again.receive_message) == "MessageNotExist"


def test_a_handle_is_good_after_a_kill(cloud_process: Start, mns_account: Connect) -> None:
    """A consumer that outlives the service can still delete what it holds."""
    process = cloud_process()
    queue = queue_of(process, mns_account)
    queue.create(QueueMeta())
    queue.send_message(Message("a body"))
    handle = queue.receive_message().receipt_handle
    process.kill()
    again = queue_of(cloud_process(), mns_account)
    again.delete_message(handle)
    assert again.get_attributes().inactive_messages == 0


def test_a_poll_ends_with_the_process(cloud_process: Start, mns_account: Connect) -> None:
    """The waiting client learns of the kill at once: Python's SDK tries again and finds nobody."""
    process = cloud_process()
    queue = queue_of(process, mns_account)
    queue.create(QueueMeta())
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.receive_message, 30)
        until_waiting(process.url)
        process.kill()
        with pytest.raises(MNSClientNetworkException):
            waiting.result(10)
