"""Requests to MNS and SLS as they go over the wire, written by hand and signed.

What the ceiling is made of, and what `embedded.py` asks the embedded cloud with where the SDKs would be the
limit. A log group is a few concatenations, a signature is computed once a second where nothing but its date
changes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Iterable
from email.utils import formatdate

import lz4.block

from benchmarks.place import LOGSTORE, PROJECT, QUEUE, TOPIC

_MESSAGES = f"/queues/{QUEUE}/messages"
_RECEIVE = f"{_MESSAGES}?numOfMessages=16&waitseconds=1"
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
        self._date = self._receive = self._delete = b""

    def receive(self) -> bytes:
        """BatchReceiveMessage. The same within a second, for that is how exact its date is."""
        self._renew()
        return self._receive

    def delete(self, handles: list[bytes]) -> bytes:
        """BatchDeleteMessage. Content-MD5 is optional; without it the signature does not know the body."""
        self._renew()
        body = b"".join(
            (
                b'<ReceiptHandles xmlns="http://mns.aliyuncs.com/doc/v1/"><ReceiptHandle>',
                b"</ReceiptHandle><ReceiptHandle>".join(handles),
                b"</ReceiptHandle></ReceiptHandles>",
            )
        )
        return b"%sContent-Length: %d\r\n\r\n%s" % (self._delete, len(body), body)

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
        self._delete = self._mns("DELETE", _MESSAGES, "text/xml;charset=UTF-8", date)

    def _mns(self, method: str, target: str, kind: str, date: str) -> bytes:
        signature = self._sign(f"{method}\n\n{kind}\n{date}\nx-mns-version:2015-06-06\n{target}")
        typed = f"Content-Type: {kind}\r\n" if kind else ""
        return (
            f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\nDate: {date}\r\n{typed}"
            f"x-mns-version: 2015-06-06\r\nAuthorization: MNS {self._key_id}:{signature}\r\n"
        ).encode()

    def _sign(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self._secret, text.encode(), "sha1")).decode()
