"""The operations on messages, between XML and `Messages`.

Answers follow the pages "SendMessage" to "PeekMessage". Where some of a batch fails the vendor's two
answers differ: a batch send lists every message, sent or refused, a batch delete only the failures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sink.local.mns import xml
from sink.local.mns.attributes import LIMITS, bounded
from sink.local.mns.calls import Call, Handler, document_response
from sink.local.mns.errors import MnsError, message_not_exist, receipt_handle_error, schema_violation
from sink.local.mns.message_xml import (
    delivery,
    failure,
    peeked,
    read_message,
    read_or_refuse,
    received,
    result,
    sent,
)
from sink.local.mns.messages import Message, Messages, Outgoing
from sink.local.mns.polling import Arrivals, LongPoll
from sink.local.mns.resources import Resource, Resources
from sink.local.wire import Response

MAXIMUM_BATCH = 16


class MessageApi:
    """Answers for the operations that concern messages."""

    def __init__(
        self, queues: Resources, messages: Messages, arrivals: Arrivals, long_poll: LongPoll
    ) -> None:
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
        (message,) = self._send(queue, [read_message(call.document("Message"), queue)])
        return document_response(201, "Message", sent(message))

    async def batch_send_message(self, call: Call) -> Response:
        """201 if all were sent; else the status of the first refusal, with a result for each message."""
        queue = self._queue(call)
        elements = list(xml.children(call.document("Messages"), "Message"))
        _check_batch("Message", len(elements))
        read = [read_or_refuse(element, queue) for element in elements]
        messages = iter(self._send(queue, [each for each in read if isinstance(each, Outgoing)]))
        outcomes = [each if isinstance(each, MnsError) else next(messages) for each in read]
        content = "".join(f"<Message>{result(outcome)}</Message>" for outcome in outcomes)
        refused = (outcome.status for outcome in outcomes if isinstance(outcome, MnsError))
        return document_response(next(refused, 201), "Messages", content)

    async def receive_message(self, call: Call) -> Response:
        """200 with one message, or 404 MessageNotExist."""
        (message,) = await self._receive(call, 1)
        return document_response(200, "Message", received(message))

    async def batch_receive_message(self, call: Call) -> Response:
        """200 with one to numOfMessages messages, or 404 MessageNotExist."""
        return _messages(received, await self._receive(call, _batch_size(call)))

    async def peek_message(self, call: Call) -> Response:
        """200 with one message, or 404 MessageNotExist."""
        (message,) = self._peek(call, 1)
        return document_response(200, "Message", peeked(message))

    async def batch_peek_message(self, call: Call) -> Response:
        """200 with one to numOfMessages messages, or 404 MessageNotExist."""
        return _messages(peeked, self._peek(call, _batch_size(call)))

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
        return document_response(404, "Errors", "".join(map(failure, failed))) if failed else Response(204)

    async def change_message_visibility(self, call: Call) -> Response:
        """200 with the new handle; waiting receivers look again, as the message may be due sooner."""
        if "visibilitytimeout" not in call.parameters:
            raise MnsError(400, "MissingVisibilityTimeout", "VisibilityTimeout is required.")
        queue, limits = self._queue(call), LIMITS["VisibilityTimeout"]
        seconds = bounded("VisibilityTimeout", call.parameters["visibilitytimeout"], limits)
        message = self._messages.change_visibility(queue, _handle(call), seconds)
        self._arrivals.ring(queue.id)
        return document_response(200, "ChangeVisibility", delivery(message))

    def _queue(self, call: Call) -> Resource:
        return self._queues.get(call.account_id, call.names[0])

    def _send(self, queue: Resource, outgoing: Sequence[Outgoing]) -> list[Message]:
        sent = self._messages.send(queue, outgoing)
        self._arrivals.ring(queue.id)
        return sent

    async def _receive(self, call: Call, count: int) -> list[Message]:
        wait = _wait_seconds(call, self._queue(call))
        hung_up = call.request.disconnected
        return _some(await self._long_poll.receive(lambda: self._queue(call), count, wait, hung_up))

    def _peek(self, call: Call, count: int) -> list[Message]:
        return _some(self._messages.peek(self._queue(call), count))


def _messages(content: Callable[[Message], str], messages: Sequence[Message]) -> Response:
    items = "".join(f"<Message>{content(message)}</Message>" for message in messages)
    return document_response(200, "Messages", items)


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
    return bounded("numOfMessages", call.parameters["numofmessages"], (1, MAXIMUM_BATCH, "messages"))


def _check_batch(name: str, size: int) -> None:
    if not 1 <= size <= MAXIMUM_BATCH:
        raise schema_violation(f"the number of {name} elements, {size}, which should be 1 to {MAXIMUM_BATCH}")


def _wait_seconds(call: Call, queue: Resource) -> int:
    default = str(queue.attributes["PollingWaitSeconds"])
    return bounded("waitseconds", call.parameters.get("waitseconds", default), LIMITS["PollingWaitSeconds"])
