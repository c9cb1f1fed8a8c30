"""The three requests of every event, as bytes that are ready to go.

They are what the official SDK would send, in method, target, body and every header that MNS signs: MNS signs
the target as it stands, so handles are not escaped in it, and `Content-MD5`, which carries the base64 of a
*hex* digest. `queue.py` sends them.

The signature of a receive is good as long as its Date and its keys are: it is kept. A delete's covers its
body, by the MD5.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Callable, Iterable
from email.utils import formatdate
from hashlib import md5
from urllib.parse import urlsplit

from sink.credentials import Provider
from sink.errors import Rejected

BATCH = 16
"""What MNS takes and gives in one call, at most."""
_VERSION = "x-mns-version:2015-06-06"
_TYPE = "text/xml;charset=UTF-8"
_HANDLES = '<?xml version="1.0" encoding="utf-8"?><ReceiptHandles xmlns="http://mns.aliyuncs.com/doc/v1/">'
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"})

_Signed = tuple[str, int, str, str, str]
"""What a request without a body is signed over, and with: target, second, key id, secret, token."""


class Calls:
    """The requests about one queue. The keys are asked of the provider each time; raises Denied with it."""

    def __init__(
        self, endpoint: str, queue: str, provider: Provider, wall_clock: Callable[[], float]
    ) -> None:
        self._host = urlsplit(endpoint).netloc
        self._messages = f"/queues/{queue}/messages"
        self._provider = provider
        self._wall_clock = wall_clock
        self._second, self._date = 0, formatdate(0, usegmt=True)
        self._kept: tuple[_Signed, bytes] | None = None

    def receive(self, count: int, wait_seconds: int) -> bytes:
        """BatchReceiveMessage: at most so many, waiting so long for the first."""
        target = f"{self._messages}?numOfMessages={count}&waitseconds={wait_seconds}"
        signed = (target, int(self._wall_clock()), *self._keys())
        if self._kept is None or self._kept[0] != signed:
            self._kept = signed, self._request("GET", *signed)
        return self._kept[1]

    def delete(self, handles: Iterable[str]) -> bytes:
        """BatchDeleteMessage: at most 16."""
        items = "".join(
            [f"<ReceiptHandle>{handle.translate(_ESCAPES)}</ReceiptHandle>" for handle in handles]
        )
        body = f"{_HANDLES}{items}</ReceiptHandles>".encode()
        return self._request("DELETE", self._messages, int(self._wall_clock()), *self._keys(), body)

    def hide(self, handle: str, seconds: int) -> bytes:
        """ChangeMessageVisibility: for so long from now.

        Raises Rejected for a handle that would break the request line, which no escape of ours may change.
        """
        if not handle.isascii() or not handle.isprintable() or " " in handle:
            raise Rejected("MNS", "ReceiptHandleError", "the handle cannot stand in a request")
        target = f"{self._messages}?ReceiptHandle={handle}&VisibilityTimeout={seconds}"
        return self._request("PUT", target, int(self._wall_clock()), *self._keys())

    def _keys(self) -> tuple[str, str, str]:
        keys = self._provider.get_credentials()
        return keys.get_access_key_id(), keys.get_access_key_secret(), keys.get_security_token()

    def _request(
        self, method: str, target: str, second: int, key_id: str, secret: str, token: str, body: bytes = b""
    ) -> bytes:
        """The token is sent, but not signed."""
        digest = _digest(body) if body else ""
        date = self._date_of(second)
        canonical = f"{method}\n{digest}\n{_TYPE if body else ''}\n{date}\n{_VERSION}\n{target}"
        signature = b64encode(hmac.digest(secret.encode(), canonical.encode(), "sha1")).decode()
        described = f"content-md5: {digest}\r\ncontent-type: {_TYPE}\r\n" if body else ""
        security = f"security-token: {token}\r\n" if token else ""
        head = (
            f"{method} {target} HTTP/1.1\r\nhost: {self._host}\r\ndate: {date}\r\n{_VERSION}\r\n"
            f"authorization: MNS {key_id}:{signature}\r\n{security}{described}"
            f"content-length: {len(body)}\r\nuser-agent: ecs-event-sink\r\n\r\n"
        )
        return head.encode() + body

    def _date_of(self, second: int) -> str:
        if second != self._second:
            self._second, self._date = second, formatdate(second, usegmt=True)
        return self._date


def _digest(body: bytes) -> str:
    return b64encode(md5(body, usedforsecurity=False).hexdigest().encode()).decode()
