"""Messages as XML: how clients send them, and how each operation shows them.

Shared by the operations on messages and by PublishMessage. Python's SDK insists on exact sets of
children: in a partly refused batch send, for one, an item has either error or number, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from sink.local.mns import xml
from sink.local.mns.attributes import LIMITS, bounded
from sink.local.mns.errors import MnsError, invalid_argument, receipt_handle_error, schema_violation
from sink.local.mns.messages import DEFAULT_PRIORITY, Message, Outgoing
from sink.local.mns.resources import Resource

LOWEST_PRIORITY = 16
PROPERTIES = ("MessageGroupId", "UserProperties", "SystemProperties")


def read_message(element: Element, queue: Resource) -> Outgoing:
    """Read one `<Message>` to be sent. Raises InvalidArgument."""
    values = xml.values(element)
    delay = values.get("DelaySeconds", str(queue.attributes["DelaySeconds"]))
    priority = values.get("Priority", str(DEFAULT_PRIORITY))
    return Outgoing(
        read_body(values, queue),
        bounded("DelaySeconds", delay, LIMITS["DelaySeconds"]),
        bounded("Priority", priority, (1, LOWEST_PRIORITY, "levels")),
        "".join(xml.inner(child) for name in PROPERTIES for child in xml.children(element, name)),
    )


def read_or_refuse(element: Element, queue: Resource) -> Outgoing | MnsError:
    """Read one message of a batch; what is wrong with it is a result like any other."""
    try:
        return read_message(element, queue)
    except MnsError as error:
        return error


def read_body(values: Mapping[str, str], target: Resource) -> str:
    """The body of a message for this queue or topic. Raises InvalidArgument if it is empty or too long."""
    body = values.get("MessageBody", "")
    if not body:
        raise schema_violation("the element MessageBody, which is missing or empty")
    if len(body.encode()) > target.attributes["MaximumMessageSize"]:
        raise invalid_argument("The length of message should not be larger than MaximumMessageSize.")
    return body


def sent(message: Message) -> str:
    """A message as SendMessage answers: a delayed one has a handle already, to be called back with."""
    handle = {} if message.ready else {"ReceiptHandle": message.receipt_handle}
    return result(message) + xml.elements(handle)


def result(outcome: Message | MnsError) -> str:
    """One item of a BatchSendMessage answer."""
    if isinstance(outcome, MnsError):
        return xml.elements({"ErrorCode": outcome.code, "ErrorMessage": outcome.message})
    return xml.elements({"MessageId": outcome.message_id, "MessageBodyMD5": outcome.body_md5})


def received(message: Message) -> str:
    """A message as ReceiveMessage shows it."""
    return peeked(message) + delivery(message)


def delivery(message: Message) -> str:
    """The handle of the present delivery, and when it ends."""
    values = {"ReceiptHandle": message.receipt_handle, "NextVisibleTime": message.visible_at_ms}
    return xml.elements(values)


def peeked(message: Message) -> str:
    """A message as PeekMessage shows it."""
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


def failure(handle: str) -> str:
    """One item of a partly failed BatchDeleteMessage answer."""
    error = receipt_handle_error()
    values = {"ErrorCode": error.code, "ErrorMessage": error.message, "ReceiptHandle": handle}
    return f"<Error>{xml.elements(values)}</Error>"
