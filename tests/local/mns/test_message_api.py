"""Batches, limits and refusals of the operations on messages."""

from __future__ import annotations

import pytest
from mns.message_property import MessagePropertyValue
from mns.mns_exception import MNSServerException
from mns.queue import Message, Queue, QueueMeta

from tests.local.mns.conftest import Bare, refusal


def bodies(messages: list[Message]) -> list[str]:
    return [message.message_body for message in messages]


def test_a_batch_goes_in_and_comes_out(queue: Queue) -> None:
    """Sixteen messages in one call each way."""
    expected = [f"body {number}" for number in range(16)]
    sent = queue.batch_send_message([Message(body) for body in expected])
    received = queue.batch_receive_message(16)
    assert bodies(received) == expected
    assert [message.message_id for message in received] == [message.message_id for message in sent]


def test_a_batch_takes_what_there_is(queue: Queue) -> None:
    """Fewer than asked for is no reason to wait."""
    queue.send_message(Message("a body"))
    assert bodies(queue.batch_receive_message(16)) == ["a body"]


def test_a_batch_of_seventeen_is_refused(queue: Queue) -> None:
    """Sixteen is the limit for all batches."""
    messages = [Message("a body")] * 17
    assert refusal(queue.batch_send_message, messages) == "InvalidArgument"
    assert refusal(queue.batch_receive_message, 17) == "InvalidArgument"
    assert refusal(queue.batch_delete_message, ["8-MS0xLTg="] * 17) == "InvalidArgument"


def test_an_empty_batch_is_refused(queue: Queue) -> None:
    """InvalidArgument."""
    assert refusal(queue.batch_send_message, []) == "InvalidArgument"
    assert refusal(queue.batch_delete_message, []) == "InvalidArgument"
    assert refusal(queue.batch_receive_message, 0) == "InvalidArgument"


def test_a_partly_refused_send_tells_of_each_message(queue: Queue) -> None:
    """In order: what was sent has a number, what was refused an error; the others are in the queue."""
    messages = [Message("good"), Message("x" * 65_537), Message("good too")]
    with pytest.raises(MNSServerException) as refused:
        queue.batch_send_message(messages)
    assert [sorted(item) for item in refused.value.sub_errors] == [
        ["MessageBodyMD5", "MessageId"],
        ["ErrorCode", "ErrorMessage"],
        ["MessageBodyMD5", "MessageId"],
    ]
    assert bodies(queue.batch_receive_message(16)) == ["good", "good too"]


def test_a_partly_failed_delete_lists_the_failures(queue: Queue, bare: Bare) -> None:
    """404 `<Errors>`; what could be deleted is deleted."""
    queue.batch_send_message([Message("a"), Message("b")])
    handles = [message.receipt_handle for message in queue.batch_receive_message(16)]
    queue.delete_message(handles[0])
    with pytest.raises(MNSServerException) as failed:
        queue.batch_delete_message(handles)
    assert failed.value.type == "ReceiptHandleError"
    assert [error["ReceiptHandle"] for error in failed.value.sub_errors] == [handles[0]]
    assert queue.get_attributes().inactive_messages == 0


def test_a_whole_delete_says_nothing(queue: Queue) -> None:
    """204 and no body."""
    queue.batch_send_message([Message("a"), Message("b")])
    queue.batch_delete_message([message.receipt_handle for message in queue.batch_receive_message(16)])
    assert queue.get_attributes().inactive_messages == 0


def test_the_size_limit_is_in_bytes(queue: Queue) -> None:
    """64 KB of UTF-8 go, one byte more does not."""
    queue.send_message(Message("ö" * 32_768))
    with pytest.raises(MNSServerException, match="should not be larger than MaximumMessageSize"):
        queue.send_message(Message("ö" * 32_768 + "x"))


def test_the_queue_can_lower_the_size_limit(queue: Queue) -> None:
    """MaximumMessageSize."""
    queue.set_attributes(QueueMeta(max_msg_size=1024))
    queue.send_message(Message("x" * 1024))
    assert refusal(queue.send_message, Message("x" * 1025)) == "InvalidArgument"


@pytest.mark.parametrize("operation", ["receive_message", "peek_message"])
def test_an_empty_queue_has_no_message(queue: Queue, operation: str) -> None:
    """404 MessageNotExist, for receives and peeks."""
    assert refusal(getattr(queue, operation)) == "MessageNotExist"
    assert refusal(getattr(queue, f"batch_{operation}"), 16) == "MessageNotExist"


def test_a_batch_can_be_peeked(queue: Queue) -> None:
    """Up to numOfMessages, most urgent first."""
    queue.batch_send_message([Message(body) for body in "abc"])
    assert bodies(queue.batch_peek_message(2)) == ["a", "b"]


def test_properties_reach_the_consumer(queue: Queue) -> None:
    """User properties and the group come as they went."""
    message = Message("a body", message_group_id="group")
    message.add_user_property("colour", MessagePropertyValue.create_string("blue & <green>"))
    queue.send_message(message)
    received = queue.receive_message()
    assert received.message_group_id == "group"
    assert received.user_properties["colour"].get_string_value_by_type() == "blue & <green>"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedXML"),
        (b"<Message>", "MalformedXML"),
        (b"not XML", "MalformedXML"),
        (b"<Message><MessageBody>\x01</MessageBody></Message>", "MalformedXML"),
        (b"<Nonsense/>", "InvalidArgument"),
        (b"<Message/>", "InvalidArgument"),
        (b"<Message><MessageBody></MessageBody></Message>", "InvalidArgument"),
        (b"<Message><MessageBody>a</MessageBody><Priority>x</Priority></Message>", "InvalidArgument"),
        (
            b"<Message><MessageBody>a</MessageBody><DelaySeconds>604801</DelaySeconds></Message>",
            "InvalidArgument",
        ),
    ],
)
def test_a_faulty_document_is_refused(bare: Bare, queue: Queue, body: bytes, code: str) -> None:
    """MalformedXML if it is none, InvalidArgument if it is another."""
    answer = bare("POST", "/queues/events/messages", body)
    assert (answer.status, answer.text("Code")) == (400, code)


@pytest.mark.parametrize(
    ("method", "query", "code"),
    [
        ("PUT", "VisibilityTimeout=1", "MissingReceiptHandle"),
        ("PUT", "ReceiptHandle=8-MS0xLTg=", "MissingVisibilityTimeout"),
        ("PUT", "ReceiptHandle=8-MS0xLTg=&VisibilityTimeout=x", "InvalidArgument"),
        ("GET", "waitseconds=31", "InvalidArgument"),
        ("GET", "waitseconds=-1", "InvalidArgument"),
        ("GET", "numOfMessages=x", "InvalidArgument"),
        ("DELETE", "ReceiptHandle=", "MissingReceiptHandle"),
    ],
)
def test_a_faulty_query_is_refused(bare: Bare, queue: Queue, method: str, query: str, code: str) -> None:
    """With the vendor's code for what is missing or wrong."""
    answer = bare(method, f"/queues/events/messages?{query}")
    assert (answer.status, answer.text("Code")) == (400, code)


def test_an_unknown_operation_is_refused(bare: Bare) -> None:
    """InvalidRequestURL, naming what was asked for."""
    answer = bare("POST", "/queues/events/nonsense")
    assert (answer.status, answer.text("Code")) == (400, "InvalidRequestURL")
