"""The three requests of every event, as bytes that are ready to go.

They are what the official SDK would send, in method, target, body and every header that MNS signs: MNS signs
the target as it stands, so handles are not escaped in it, and `Content-MD5`, which carries the base64 of a
*hex* digest. `queue.py` sends them.

The Date is kept for its second, and so are the receives, of which thousands are the same.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Sequence
from email.utils import formatdate
from hashlib import md5
from urllib.parse import urlsplit

from sink.credentials import Keys
from sink.errors import Rejected

BATCH = 16
"""What MNS takes and gives in one call, at most."""
_VERSION = "x-mns-version:2015-06-06"
_TYPE = "text/xml;charset=UTF-8"
_BEFORE = (
    '<?xml version="1.0" encoding="utf-8"?><ReceiptHandles xmlns="http://mns.aliyuncs.com/doc/v1/">'
    "<ReceiptHandle>"
)
_BEHIND = "</ReceiptHandle></ReceiptHandles>"


class Calls:
    """The requests about one queue, signed with the keys that each is given."""

    def __init__(self, endpoint: str, queue: str, wall_clock: Callable[[], float]) -> None:
        self._host = urlsplit(endpoint).netloc
        self._messages = f"/queues/{queue}/messages"
        self._wall_clock = wall_clock
        self._second, self._date = 0, formatdate(0, usegmt=True)
        self._receives: dict[tuple[Keys, int, int], bytes] = {}
        """Those of this second: the next one may be the same."""

    def receive(self, keys: Keys, count: int, wait_seconds: int) -> bytes:
        """BatchReceiveMessage: at most so many, waiting so long for the first."""
        self._turn_second()
        question = (keys, count, wait_seconds)
        if question not in self._receives:
            target = f"{self._messages}?numOfMessages={count}&waitseconds={wait_seconds}"
            self._receives[question] = self._request(keys, "GET", target)
        return self._receives[question]

    def delete(self, keys: Keys, handles: Sequence[str]) -> bytes:
        """BatchDeleteMessage: one to 16."""
        together = "".join(handles)
        if any(mark in together for mark in "&<>\r"):
            handles = [_escaped(handle) for handle in handles]
        items = "</ReceiptHandle><ReceiptHandle>".join(handles)
        return self._request(keys, "DELETE", self._messages, f"{_BEFORE}{items}{_BEHIND}".encode())

    def hide(self, keys: Keys, handle: str, seconds: int) -> bytes:
        """ChangeMessageVisibility: for so long from now.

        Raises Rejected for a handle that would break the request line: escaped, it would be another.
        """
        if not handle.isascii() or not handle.isprintable() or " " in handle:
            raise Rejected("MNS", "ReceiptHandleError", "the handle cannot stand in a request")
        target = f"{self._messages}?ReceiptHandle={handle}&VisibilityTimeout={seconds}"
        return self._request(keys, "PUT", target)

    def _request(self, keys: Keys, method: str, target: str, body: bytes = b"") -> bytes:
        self._turn_second()
        kind, digest = (_TYPE, _digest(body)) if body else ("", "")
        canonical = f"{method}\n{digest}\n{kind}\n{self._date}\n{_VERSION}\n{target}"
        signature = _signature(keys.get_access_key_secret(), canonical)
        # The token is sent, but not signed.
        token = keys.get_security_token()
        security = f"security-token: {token}\r\n" if token else ""
        described = f"content-md5: {digest}\r\ncontent-type: {kind}\r\n" if body else ""
        head = (
            f"{method} {target} HTTP/1.1\r\nhost: {self._host}\r\ndate: {self._date}\r\n{_VERSION}\r\n"
            f"authorization: MNS {keys.get_access_key_id()}:{signature}\r\n{security}{described}"
            f"content-length: {len(body)}\r\nuser-agent: ecs-event-sink\r\n\r\n"
        )
        return head.encode() + body

    def _turn_second(self) -> None:
        second = int(self._wall_clock())
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True)
            self._receives.clear()


def _signature(secret: str, canonical: str) -> str:
    return b64encode(hmac.digest(secret.encode(), canonical.encode(), "sha1")).decode()


def _digest(body: bytes) -> str:
    return b64encode(md5(body, usedforsecurity=False).hexdigest().encode()).decode()


def _escaped(handle: str) -> str:
    return handle.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
