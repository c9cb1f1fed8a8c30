"""Requests to MNS and SLS as they go over the wire, written by hand and signed.

What the ceiling is made of, and what `embedded.py` asks the embedded cloud with where the SDKs would be the
limit. A log group is a few concatenations, a signature is computed once a second where nothing but its date
changes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import socket
import time
from collections.abc import Iterable
from email.utils import formatdate

import lz4.block

from benchmarks.place import LOGSTORE, PROJECT, QUEUE, TOPIC

_MESSAGES = f"/queues/{QUEUE}/messages"
_RECEIVE = f"{_MESSAGES}?numOfMessages=16&waitseconds=1"
_XML = "text/xml;charset=UTF-8"
_LOGS = f"/logstores/{LOGSTORE}/shards/lb"


def varint(number: int) -> bytes:
    """Protobuf's integer.

    >>> varint(300).hex()
    'ac02'
    """
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


_LENGTHS = [varint(number) for number in range(1 << 14)]


def field(key: str) -> bytes:
    """The beginning of a log's Content: its key, and the tag of the value."""
    return b"\x0a" + varint(len(key)) + key.encode() + b"\x12"


def content(head: bytes, value: bytes) -> bytes:
    """One key and value of a log."""
    size = len(value)
    length = _LENGTHS[size] if size < 1 << 14 else varint(size)
    inner = len(head) + len(length) + size
    return b"".join((b"\x12", _LENGTHS[inner] if inner < 1 << 14 else varint(inner), head, length, value))


def log(seconds: int, contents: Iterable[bytes]) -> bytes:
    """One Log within its LogGroup, of what `content` gave."""
    encoded = b"".join((b"\x08", varint(seconds), *contents))
    return b"\x0a" + (_LENGTHS[len(encoded)] if len(encoded) < 1 << 14 else varint(len(encoded))) + encoded


class Requests:
    """Requests as they go over the wire, signed."""

    def __init__(self, url: str, key_id: str, secret: str) -> None:
        self._host = url.removeprefix("http://")
        self._key_id = key_id
        self._secret = secret.encode()
        self._second = 0
        self._date = self._receive = self._delete = self._send = b""

    def receive(self) -> bytes:
        """BatchReceiveMessage. The same within a second, for that is how exact its date is."""
        self._renew()
        return self._receive

    def send(self, bodies: list[bytes], delay_seconds: int = 0) -> bytes:
        """BatchSendMessage of bodies that need no escaping, to be received after so long."""
        self._renew()
        after = b"</MessageBody><DelaySeconds>%d</DelaySeconds></Message>" % delay_seconds
        return _with_body(self._send, "Messages", b"<Message><MessageBody>", bodies, after)

    def delete(self, handles: list[bytes]) -> bytes:
        """BatchDeleteMessage. Content-MD5 is optional; without it the signature does not know the body."""
        self._renew()
        return _with_body(self._delete, "ReceiptHandles", b"<ReceiptHandle>", handles, b"</ReceiptHandle>")

    def put(self, logs: list[bytes]) -> bytes:
        """PutLogs, signed with version 1."""
        self._renew()
        raw = b"".join((*logs, b"\x1a", varint(len(TOPIC)), TOPIC.encode()))
        body = lz4.block.compress(raw, store_size=False)
        md5 = hashlib.md5(body).hexdigest().upper()
        headers = {
            "x-log-apiversion": "0.6.0",
            "x-log-bodyrawsize": str(len(raw)),
            "x-log-compresstype": "lz4",
            "x-log-signaturemethod": "hmac-sha1",
        }
        signed = "".join(f"{name}:{value}\n" for name, value in headers.items())
        kind, date = "application/x-protobuf", self._date.decode()
        signature = self._sign(f"POST\n{md5}\n{kind}\n{date}\n{signed}{_LOGS}")
        head = (
            f"POST {_LOGS} HTTP/1.1\r\nHost: {PROJECT}.{self._host}\r\nDate: {date}\r\n"
            f"Authorization: LOG {self._key_id}:{signature}\r\nContent-MD5: {md5}\r\nContent-Type: {kind}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            + f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + bytes(body)

    def _renew(self) -> None:
        """Sign anew, once a second."""
        second = int(time.time())
        if second == self._second:
            return
        self._second, date = second, formatdate(second, usegmt=True)
        self._date = date.encode()
        self._receive = self._mns("GET", _RECEIVE, "", date) + b"\r\n"
        self._delete = self._mns("DELETE", _MESSAGES, _XML, date)
        self._send = self._mns("POST", _MESSAGES, _XML, date)

    def _mns(self, method: str, target: str, kind: str, date: str) -> bytes:
        signature = self._sign(f"{method}\n\n{kind}\n{date}\nx-mns-version:2015-06-06\n{target}")
        typed = f"Content-Type: {kind}\r\n" if kind else ""
        return (
            f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\nDate: {date}\r\n{typed}"
            f"x-mns-version: 2015-06-06\r\nAuthorization: MNS {self._key_id}:{signature}\r\n"
        ).encode()

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self._secret, text.encode(), "sha1")).decode()


def _with_body(head: bytes, tag: str, before: bytes, items: list[bytes], after: bytes) -> bytes:
    body = b'<%s xmlns="http://mns.aliyuncs.com/doc/v1/">%s%s%s</%s>' % (
        tag.encode(),
        before,
        (after + before).join(items),
        after,
        tag.encode(),
    )
    return b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), body)


class Connection:
    """One connection, one request at a time. For a thread of its own."""

    def __init__(self, url: str) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> bytes:
        """The body of the answer. Raises ConnectionError for one that is no success and no empty queue."""
        self._socket.sendall(request)
        answer = b""
        while (body := body_of(answer)) is None:
            came = self._socket.recv(1 << 18)
            if not came:
                raise ConnectionError("hung up in the middle of an answer")
            answer += came
        return body

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_GOOD = (b"HTTP/1.1 20", b"HTTP/1.1 404")


def body_of(answer: bytes) -> bytes | None:
    """The body of an answer; None while some of it is still to come. Raises ConnectionError for an error.

    404 is what MNS answers from an empty queue.

    >>> body_of(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nOK")
    b'OK'
    """
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = _LENGTH.search(answer, 0, end)
    if len(answer) < end + 4 + (int(length[1]) if length else 0):
        return None
    if not answer.startswith(_GOOD):
        raise ConnectionError(answer.decode())
    return answer[end + 4 :]
