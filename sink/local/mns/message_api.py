"""The operations on messages, between XML and `Messages`.

Answers follow the pages "SendMessage" to "PeekMessage". Where some of a batch fails the vendor's two
answers differ: a batch send lists every message, sent or refused, a batch delete only the failures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from sink.local.mns import xml
from sink.local.mns.calls import Call, Handler, document_response
from sink.local.mns.errors import (
    MnsError,
    invalid_argument,
    message_not_exist,
    receipt_handle_error,
    schema_violation,
)
from sink.local.mns.messages import DEFAULT_PRIORITY, Message, Messages, Outgoing
from sink.local.mns.polling import Arrivals, LongPoll
from sink.local.mns.queues import LIMITS, Queue, Queues, bounded
from sink.local.wire import Response

MAXIMUM_BATCH = 16
LOWEST_PRIORITY = 16
PROPERTIES = ("MessageGroupId", "UserProperties", "SystemProperties")


class MessageApi:
    """Answers for the operations that concern messages."""

    def __init__(self, queues: Queues, messages: Messages, arrivals: Arrivals, long_poll: LongPoll) -> None:
        self._queues = queues
        self._messages = messages
        self._arrivals = arrivals
        self._long_poll = long_poll

    def handlers(self) -> Mapping[str, Handler]:
        """The operations by the vendor's names."""
        return {
            "SendMessage": self.send_message,
            "BatchSendMessage": self.batch_send_message,
            "ReceiveMessage": self.receive_message,
            "BatchReceiveMessage": self.batch_receive_message,
            "PeekMessage": self.peek_message,
            "BatchPeekMessage": self.batch_peek_message,
            "DeleteMessage": self.delete_message,
            "BatchDeleteMessage": self.batch_delete_message,
            "ChangeMessageVisibility": self.change_message_visibility,
        }

    async def send_message(self, call: Call) -> Response:
        """201 with number and MD5, and a handle if the message is delayed."""
        queue = self._queue(call)
        (sent,) = self._send(queue, [read_message(call.document("Message"), queue)])
        return document_response(201, "Message", _sent(sent))

    async def batch_send_message(self, call: Call) -> Response:
        """201 if all were sent; else the status of the first refusal, with a result for each message."""
        queue = self._queue(call)
        elements = list(xml.children(call.document("Messages"), "Message"))
        _check_batch("Message", len(elements))
        read = [_read_or_refuse(element, queue) for element in elements]
        sent = iter(self._send(queue, [message for message in read if isinstance(message, Outgoing)]))
        results = [refused if isinstance(refused, MnsError) else next(sent) for refused in read]
        content = "".join(f"<Message>{_result(result)}</Message>" for result in results)
        refusals = (result.status for result in results if isinstance(result, MnsError))
        return document_response(next(refusals, 201), "Messages", content)

    async def receive_message(self, call: Call) -> Response:
        """200 with one message, or 404 MessageNotExist."""
        (message,) = await self._receive(call, 1)
        return document_response(200, "Message", _received(message))

    async def batch_receive_message(self, call: Call) -> Response:
        """200 with one to numOfMessages messages, or 404 MessageNotExist."""
        return _messages([_received(message) for message in await self._receive(call, _batch_size(call))])

    async def peek_message(self, call: Call) -> Response:
        """200 with one message, or 404 MessageNotExist."""
        (message,) = self._peek(call, 1)
        return document_response(200, "Message", _peeked(message))

    async def batch_peek_message(self, call: Call) -> Response:
        """200 with one to numOfMessages messages, or 404 MessageNotExist."""
        return _messages([_peeked(message) for message in self._peek(call, _batch_size(call))])

    async def delete_message(self, call: Call) -> Response:
        """204, or 400 ReceiptHandleError."""
        if self._messages.delete(self._queue(call), [_handle(call)]):
            raise receipt_handle_error()
        return Response(204)

    async def batch_delete_message(self, call: Call) -> Response:
        """204 if all were deleted, else 404 with the failures; the others are deleted nevertheless."""
        queue = self._queue(call)
        elements = xml.children(call.document("ReceiptHandles"), "ReceiptHandle")
        handles = [(element.text or "").strip() for element in elements]
        _check_batch("ReceiptHandle", len(handles))
        failed = self._messages.delete(queue, handles)
        return document_response(404, "Errors", "".join(map(_failure, failed))) if failed else Response(204)

    async def change_message_visibility(self, call: Call) -> Response:
        """200 with the new handle; waiting receivers look again, as the message may be due sooner."""
        if "visibilitytimeout" not in call.parameters:
            raise MnsError(400, "MissingVisibilityTimeout", "VisibilityTimeout is required.")
        queue, limits = self._queue(call), LIMITS["VisibilityTimeout"]
        seconds = bounded("VisibilityTimeout", call.parameters["visibilitytimeout"], *limits)
        message = self._messages.change_visibility(queue, _handle(call), seconds)
        self._arrivals.ring(queue.id)
        return document_response(200, "ChangeVisibility", xml.elements(_delivery(message)))

    def _queue(self, call: Call) -> Queue:
        return self._queues.get(call.account_id, call.names[0])

    def _send(self, queue: Queue, outgoing: Sequence[Outgoing]) -> list[Message]:
        sent = self._messages.send(queue, outgoing)
        self._arrivals.ring(queue.id)
        return sent

    async def _receive(self, call: Call, count: int) -> list[Message]:
        wait = _wait_seconds(call, self._queue(call))
        received = await self._long_poll.receive(
            lambda: self._queue(call), count, wait, call.request.disconnected
        )
        return _some(received)

    def _peek(self, call: Call, count: int) -> list[Message]:
        return _some(self._messages.peek(self._queue(call), count))


def read_message(element: Element, queue: Queue) -> Outgoing:
    """Read one `<Message>` to be sent. Raises InvalidArgument."""
    values = xml.values(element)
    body = values.get("MessageBody", "")
    if not body:
        raise schema_violation("the element MessageBody, which is missing or empty")
    check_size(body, queue.attributes["MaximumMessageSize"])
    delay = bounded(
        "DelaySeconds",
        values.get("DelaySeconds", str(queue.attributes["DelaySeconds"])),
        *LIMITS["DelaySeconds"],
    )
    priority = bounded(
        "Priority", values.get("Priority", str(DEFAULT_PRIORITY)), 1, LOWEST_PRIORITY, "levels"
    )
    return Outgoing(body, delay, priority, message_properties(element))


def message_properties(element: Element) -> str:
    """The parts of a message that are handed to consumers as they came."""
    return "".join(xml.inner(child) for name in PROPERTIES for child in xml.children(element, name))


def check_size(body: str, maximum_bytes: int) -> None:
    """Raise InvalidArgument for a body above the queue's or topic's MaximumMessageSize."""
    if len(body.encode()) > maximum_bytes:
        raise invalid_argument("The length of message should not be larger than MaximumMessageSize.")


def _read_or_refuse(element: Element, queue: Queue) -> Outgoing | MnsError:
    try:
        return read_message(element, queue)
    except MnsError as error:
        return error


def _result(result: Message | MnsError) -> str:
    if isinstance(result, MnsError):
        return xml.elements({"ErrorCode": result.code, "ErrorMessage": result.message})
    return xml.elements({"MessageId": result.message_id, "MessageBodyMD5": result.body_md5})


def _sent(message: Message) -> str:
    handle = {} if message.ready else {"ReceiptHandle": message.receipt_handle}
    return _result(message) + xml.elements(handle)


def _received(message: Message) -> str:
    return _peeked(message) + xml.elements(_delivery(message))


def _delivery(message: Message) -> dict[str, object]:
    return {"ReceiptHandle": message.receipt_handle, "NextVisibleTime": message.visible_at_ms}


def _peeked(message: Message) -> str:
    values = {
        "MessageId": message.message_id,
        "MessageBodyMD5": message.body_md5,
        "MessageBody": message.body,
        "EnqueueTime": message.enqueued_at_ms,
        "FirstDequeueTime": message.first_dequeued_at_ms,
        "DequeueCount": message.dequeue_count,
        "Priority": message.priority,
    }
    return xml.elements(values) + message.properties


def _messages(contents: Sequence[str]) -> Response:
    return document_response(
        200, "Messages", "".join(f"<Message>{content}</Message>" for content in contents)
    )


def _failure(handle: str) -> str:
    error = receipt_handle_error()
    values = {"ErrorCode": error.code, "ErrorMessage": error.message, "ReceiptHandle": handle}
    return f"<Error>{xml.elements(values)}</Error>"


def _some(messages: list[Message]) -> list[Message]:
    if not messages:
        raise message_not_exist()
    return messages


def _handle(call: Call) -> str:
    handle = call.parameters.get("receipthandle")
    if not handle:
        raise MnsError(400, "MissingReceiptHandle", "ReceiptHandle is required.")
    return handle


def _batch_size(call: Call) -> int:
    return bounded("numOfMessages", call.parameters["numofmessages"], 1, MAXIMUM_BATCH, "messages")


def _check_batch(name: str, size: int) -> None:
    if not 1 <= size <= MAXIMUM_BATCH:
        raise schema_violation(f"the number of {name} elements, {size}, which should be 1 to {MAXIMUM_BATCH}")


def _wait_seconds(call: Call, queue: Queue) -> int:
    default = str(queue.attributes["PollingWaitSeconds"])
    return bounded("waitseconds", call.parameters.get("waitseconds", default), *LIMITS["PollingWaitSeconds"])
