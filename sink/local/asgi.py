"""ASGI messages to `Request` and `Response`, spoken directly.

No framework stands between, because signatures cover the request line as it was sent, and every byte of
an answer is the vendor's business. Only `Cloud` calls this.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from email.utils import formatdate
from typing import Any

from sink.local.connection import EXTENSION
from sink.local.wire import Request, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


async def read(scope: Scope, receive: Receive, disconnected: Callable[[], Awaitable[None]]) -> Request:
    """Read a request to its end."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    return Request(scope["method"], path, query, headers, bytes(body), disconnected)


async def write(send: Send, response: Response, now: float, cut_after: int | None = None) -> None:
    """Send an answer with its Date, and its length where HTTP allows a body.

    With `cut_after`, only so many bytes of the body go out although the length promises all of it.
    """
    headers = {"date": formatdate(now, usegmt=True), **response.headers}
    if response.status != 204:
        headers["content-length"] = str(len(response.body))
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": pairs})
    more = cut_after is not None
    await send({"type": "http.response.body", "body": response.body[:cut_after], "more_body": more})


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection of this request, after what was sent has gone out."""
    scope["extensions"][EXTENSION]["close"]()
    await receive()
