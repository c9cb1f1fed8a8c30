"""Messages in time: visibility, handles, delay, priority, retention. The clock is the test's."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mns.account import Account
from mns.queue import Message, Queue, QueueMeta

from tests.local.conftest import RunningCloud
from tests.local.mns.conftest import Bare, refusal


def test_a_received_message_is_hidden(queue: Queue) -> None:
    """Nobody else gets it while its consumer works."""
    queue.send_message(Message("a body"))
    queue.receive_message()
    assert refusal(queue.receive_message) == "MessageNotExist"


def test_a_hidden_message_comes_back(queue: Queue, cloud: RunningCloud) -> None:
    """After VisibilityTimeout it is delivered again, with the same number and a higher count."""
    queue.send_message(Message("a body"))
    first = queue.receive_message()
    cloud.clock.forward(31)
    second = queue.receive_message()
    assert (second.message_id, second.dequeue_count) == (first.message_id, 2)


def test_the_first_dequeue_time_stays(queue: Queue, cloud: RunningCloud) -> None:
    """FirstDequeueTime tells of the first delivery, NextVisibleTime of the last."""
    queue.send_message(Message("a body"))
    first = queue.receive_message()
    cloud.clock.forward(31)
    second = queue.receive_message()
    assert second.first_dequeue_time == first.first_dequeue_time
    assert second.next_visible_time - first.next_visible_time >= 31_000


def test_times_are_in_milliseconds(queue: Queue) -> None:
    """EnqueueTime, FirstDequeueTime, NextVisibleTime."""
    before = time.time() * 1000 - 1
    queue.send_message(Message("a body"))
    message = queue.receive_message()
    assert before <= message.enqueue_time <= message.first_dequeue_time <= time.time() * 1000
    assert message.next_visible_time == message.first_dequeue_time + 30_000


def test_the_md5_is_of_the_body_as_sent(queue: Queue) -> None:
    """Upper-case hexadecimal, on sending and on receiving."""
    expected = hashlib.md5("ein Körper".encode()).hexdigest().upper()
    sent = queue.send_message(Message("ein Körper"))
    assert (sent.message_body_md5, queue.receive_message().message_body_md5) == (expected, expected)


def test_a_deleted_message_does_not_come_back(queue: Queue, cloud: RunningCloud) -> None:
    """Delete is for ever."""
    queue.send_message(Message("a body"))
    queue.delete_message(queue.receive_message().receipt_handle)
    cloud.clock.forward(31)
    assert refusal(queue.receive_message) == "MessageNotExist"


def test_handles_hold_an_equals_sign(queue: Queue) -> None:
    """As the vendor's do; clients do not escape them in the query."""
    queue.send_message(Message("a body"))
    assert "=" in queue.receive_message().receipt_handle


def test_a_handle_is_void_once_its_message_is_visible(queue: Queue, cloud: RunningCloud) -> None:
    """Even if nobody else has received it yet."""
    queue.send_message(Message("a body"))
    message = queue.receive_message()
    cloud.clock.forward(31)
    assert refusal(queue.delete_message, message.receipt_handle) == "ReceiptHandleError"


def test_a_handle_is_void_after_redelivery(queue: Queue, cloud: RunningCloud) -> None:
    """The message belongs to the later consumer, whose handle is good."""
    queue.send_message(Message("a body"))
    first = queue.receive_message()
    cloud.clock.forward(31)
    second = queue.receive_message()
    assert refusal(queue.delete_message, first.receipt_handle) == "ReceiptHandleError"
    queue.delete_message(second.receipt_handle)


def test_changing_visibility_voids_the_handle(queue: Queue) -> None:
    """The answer has a new handle, and only that one is good."""
    queue.send_message(Message("a body"))
    message = queue.receive_message()
    changed = queue.change_message_visibility(message.receipt_handle, 60)
    assert refusal(queue.delete_message, message.receipt_handle) == "ReceiptHandleError"
    queue.delete_message(changed.receipt_handle)


def test_changing_visibility_counts_from_now(queue: Queue, cloud: RunningCloud) -> None:
    """Longer or shorter than it was: the message comes back `seconds` from now."""
    queue.send_message(Message("a body"))
    changed = queue.change_message_visibility(queue.receive_message().receipt_handle, 100)
    cloud.clock.forward(99)
    assert refusal(queue.receive_message) == "MessageNotExist"
    queue.change_message_visibility(changed.receipt_handle, 1)
    cloud.clock.forward(1.1)
    assert queue.receive_message().dequeue_count == 2


@pytest.mark.parametrize("seconds", [1, 43_200])
def test_visibility_may_be_changed_within_limits(queue: Queue, seconds: int) -> None:
    """1 second to 12 hours."""
    queue.send_message(Message("a body"))
    message = queue.receive_message()
    changed = queue.change_message_visibility(message.receipt_handle, seconds)
    assert int(changed.next_visible_time) - message.first_dequeue_time >= seconds * 1000


def test_visibility_of_nothing_is_refused(queue: Queue) -> None:
    """InvalidArgument for 0 seconds: there is no giving back at once."""
    queue.send_message(Message("a body"))
    handle = queue.receive_message().receipt_handle
    assert refusal(queue.change_message_visibility, handle, 0) == "InvalidArgument"


def test_a_deleted_message_has_no_visibility(queue: Queue) -> None:
    """MessageNotExist tells it from a handle that is void."""
    queue.send_message(Message("a body"))
    handle = queue.receive_message().receipt_handle
    queue.delete_message(handle)
    assert refusal(queue.change_message_visibility, handle, 60) == "MessageNotExist"


@pytest.mark.parametrize("handle", ["nonsense", "8-====", "8-MS0x", "8-MS0xLTgtLQ==", "8-bm8tbm8tOA=="])
def test_a_forged_handle_is_refused(queue: Queue, handle: str) -> None:
    """ReceiptHandleError, whatever it looks like."""
    queue.send_message(Message("a body"))
    assert refusal(queue.delete_message, handle) == "ReceiptHandleError"
    assert refusal(queue.change_message_visibility, handle, 60) == "ReceiptHandleError"


def test_a_handle_is_good_in_its_own_queue_only(queue: Queue, account: Account) -> None:
    """A handle of another queue is void here."""
    other = account.get_queue("other")
    other.create(QueueMeta())
    queue.send_message(Message("a body"))
    assert refusal(other.delete_message, queue.receive_message().receipt_handle) == "ReceiptHandleError"


def test_a_delayed_message_comes_later(queue: Queue, cloud: RunningCloud) -> None:
    """After DelaySeconds, and then as a first delivery."""
    queue.send_message(Message("a body", 60))
    assert refusal(queue.receive_message) == "MessageNotExist"
    cloud.clock.forward(61)
    assert queue.receive_message().dequeue_count == 1


def test_a_delayed_message_can_be_called_back(queue: Queue, cloud: RunningCloud) -> None:
    """SendMessage answers with a handle for it."""
    sent = queue.send_message(Message("a body", 60))
    queue.delete_message(sent.receipt_handle)
    cloud.clock.forward(61)
    assert refusal(queue.receive_message) == "MessageNotExist"


def test_the_queue_can_delay_all_messages(queue: Queue, cloud: RunningCloud) -> None:
    """DelaySeconds of the queue holds for messages that do not say otherwise."""
    queue.set_attributes(QueueMeta(delay_sec=60))
    queue.send_message(Message("late"))
    queue.send_message(Message("at once", 0))
    assert queue.receive_message().message_body == "at once"
    cloud.clock.forward(61)
    assert queue.receive_message().message_body == "late"


def test_urgent_messages_overtake(queue: Queue) -> None:
    """Priority 1 comes before 8, the default, and 8 before 16; equals in order of arrival."""
    for body, priority in (("low", 16), ("first", -1), ("second", 8), ("high", 1)):
        queue.send_message(Message(body, priority=priority))
    received = [message.message_body for message in queue.batch_receive_message(16)]
    assert received == ["high", "first", "second", "low"]


@pytest.mark.parametrize("priority", [0, 17])
def test_priorities_have_limits(queue: Queue, priority: int) -> None:
    """1 to 16."""
    assert refusal(queue.send_message, Message("a body", priority=priority)) == "InvalidArgument"


def test_messages_end_with_retention(queue: Queue, cloud: RunningCloud) -> None:
    """MessageRetentionPeriod after they were sent, and not before; hidden or not."""
    queue.set_attributes(QueueMeta(msg_ttl=60))
    queue.send_message(Message("old"))
    cloud.clock.forward(30)
    queue.send_message(Message("young"))
    queue.receive_message()
    cloud.clock.forward(31)
    assert [message.message_body for message in queue.batch_receive_message(16)] == ["young"]


def test_a_peek_leaves_the_message(queue: Queue) -> None:
    """It stays visible, and the peek does not count as a delivery."""
    queue.send_message(Message("a body"))
    peeked = queue.peek_message()
    assert (peeked.message_body, peeked.dequeue_count) == ("a body", 0)
    assert queue.receive_message().dequeue_count == 1


XML_TEXT = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"], include_characters="\t\n", exclude_characters="\ufffe\uffff"
    ),
    min_size=1,
)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(XML_TEXT)
def test_bodies_come_as_they_went(queue: Queue, body: str) -> None:
    """Any text that XML can carry."""
    queue.send_message(Message(body))
    message = queue.receive_message()
    queue.delete_message(message.receipt_handle)
    assert message.message_body == body


def test_a_carriage_return_survives(queue: Queue, bare: Bare) -> None:
    """Sent as `&#13;` it comes back as one, so that the body fits its MD5."""
    bare("POST", "/queues/events/messages", b"<Message><MessageBody>a&#13;&#10;b</MessageBody></Message>")
    assert queue.receive_message().message_body == "a\r\nb"
