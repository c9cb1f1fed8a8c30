"""Every answer of the canned server, rendered before the first request.

A message is shown by the embedded cloud's own functions, so its XML is what every SDK has been tried on. What
must differ between two messages, their numbers and handles, carries a mark of fixed width that one
`bytes.replace` fills for a whole batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from http import HTTPStatus

from sink.local.fleet.events import queue_body
from sink.local.mns import xml

BATCH = 16
"""What MNS gives in one answer, at most."""

_MARK = "#SERIALMARK"
_LEASE_MS = 30_000


@dataclass(frozen=True)
class Answers:
    """Answers for receives, each ready but for its serial number, and the few that are always the same."""

    batches: Sequence[bytes]
    singles: Sequence[bytes]
    empty: bytes
    deleted: bytes
    stored: bytes
    not_canned: bytes

    @classmethod
    def of(cls, bodies: Sequence[bytes], now: float) -> Answers:
        """Render the answers for these bodies, a multiple of 16 of them at best; the rest is left out."""
        now_ms = round(now * 1000)
        whole = len(bodies) - len(bodies) % BATCH
        messages = [_message(at % BATCH, body, now_ms) for at, body in enumerate(bodies[:whole])]
        groups = (messages[at : at + BATCH] for at in range(0, whole, BATCH))
        return cls(
            batches=[_messages(group) for group in groups],
            singles=[_document(200, "Message", message) for message in messages],
            empty=_error(404, "MessageNotExist", "Message not exist."),
            deleted=http(204, b"", {"x-mns-request-id": _REQUEST_ID}),
            stored=http(200, b"", {"x-log-requestid": _REQUEST_ID}),
            not_canned=_error(501, "NotCanned", "The benchmark's server has no answer to this."),
        )

    def batch(self, serial: int) -> bytes:
        """Sixteen messages that nobody was given before."""
        return numbered(self.batches[serial % len(self.batches)], serial)

    def single(self, serial: int) -> bytes:
        """One message that nobody was given before."""
        return numbered(self.singles[serial % len(self.singles)], serial)

    def prolonged(self, handle: str, now: float) -> bytes:
        """The answer to ChangeMessageVisibility: the handle is kept, for nobody checks it."""
        values = {"ReceiptHandle": handle, "NextVisibleTime": round(now * 1000) + _LEASE_MS}
        return _document(200, "ChangeVisibility", xml.elements(values))

    def attributes(self, active: int, inactive: int) -> bytes:
        """The answer to GetQueueAttributes: so many that are visible, and so many that are hidden."""
        values = dict(_ATTRIBUTES, ActiveMessages=active, InactiveMessages=inactive)
        return _document(200, "Queue", xml.elements(values))


def numbered(answer: bytes, serial: int) -> bytes:
    """An answer with its serial number filled in; its length stays."""
    return answer.replace(_MARK.encode(), b"%011d" % serial)


def http(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {len(body)}"] if status != 204 else []
    return "\r\n".join([*lines, "", ""]).encode() + body


def _message(place: int, body: bytes, now_ms: int) -> str:
    text = queue_body(body).decode()
    return xml.elements(
        {
            "MessageId": f"5F290C926D472878-1-{_MARK}-{place:09X}",
            "MessageBodyMD5": md5(text.encode()).hexdigest().upper(),
            "MessageBody": text,
            "EnqueueTime": now_ms - 1000,
            "FirstDequeueTime": now_ms,
            "DequeueCount": 1,
            "Priority": 8,
            "ReceiptHandle": f"8-ODU4OTkz{_MARK}{place:02}LTEtOA==",
            "NextVisibleTime": now_ms + _LEASE_MS,
        }
    )


def _messages(messages: Sequence[str]) -> bytes:
    return _document(200, "Messages", "".join(f"<Message>{message}</Message>" for message in messages))


def _document(status: int, tag: str, content: str) -> bytes:
    headers = {"Content-Type": "text/xml;charset=utf-8", "x-mns-request-id": _REQUEST_ID}
    return http(status, xml.document(tag, content), headers)


def _error(status: int, code: str, text: str) -> bytes:
    values = {"Code": code, "Message": text, "RequestId": _REQUEST_ID, "HostId": "http://canned"}
    return _document(status, "Error", xml.elements(values))


_REQUEST_ID = "5F290C926D47287812345678"
_ATTRIBUTES: Mapping[str, object] = {
    "QueueName": "ecs-events",
    "CreateTime": 1_700_000_000,
    "LastModifyTime": 1_700_000_000,
    "DelaySeconds": 0,
    "MaximumMessageSize": 65_536,
    "MessageRetentionPeriod": 518_400,
    "VisibilityTimeout": 30,
    "PollingWaitSeconds": 0,
    "LoggingEnabled": False,
    "DelayMessages": 0,
}
