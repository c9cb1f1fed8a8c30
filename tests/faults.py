"""Faults of somebody else's making: injected into a running embedded cloud, or answered by a stranger."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import Request, urlopen


def inject(url: str, match: str, **rule: Any) -> None:
    """Add a fault rule, as `POST /_local/faults` takes it."""
    body = json.dumps({"match": match, **rule}).encode()
    with urlopen(Request(f"{url}/_local/faults", body, {"content-type": "application/json"})) as answer:
        assert answer.status < 300


def heal(url: str) -> None:
    """Remove every rule."""
    with urlopen(Request(f"{url}/_local/faults", method="DELETE")) as answer:
        assert answer.status < 300


def requests(url: str, operation: str | None = None) -> list[dict[str, Any]]:
    """The requests that services were asked, oldest first; of one operation if named."""
    with urlopen(f"{url}/_local/requests") as answer:
        found: list[dict[str, Any]] = json.load(answer)
    return [entry for entry in found if operation in (None, entry["operation"])]


def _page(status: str, body: bytes, kind: str = "text/html", length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length or len(body)}\r\n\r\n"
    return head.encode() + body


STRANGE_ANSWERS = [
    _page("502 Bad Gateway", b"<html></html>"),
    _page("200 OK", b"<html>log in first</html>"),
    _page("200 OK", b"", "text/xml"),
    _page("200 OK", b"<Messages><Message><MessageId>1</Mess", "text/xml", length=500),
    _page("200 OK", b"\xff\xfe", "application/json"),
    _page("503 Service Unavailable", b'{"half', "application/json"),
    _page("407 Proxy Authentication Required", b"who are you?", "text/plain"),
    b"not HTTP at all\r\n\r\n",
    b"",
]
"""What stands between here and a service may answer in its place."""


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """A server that sends this to whoever connects."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
