"""uvicorn's HTTP connection, with a way to cut it.

ASGI has no word for closing a connection in the middle of an answer, or before one. Injected faults need
both, so the transport's `close` is put where `asgi.hang_up` finds it: in the scope's extensions.
"""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "sink.local.connection"


class Connection(HttpToolsProtocol):
    """An HTTP/1.1 connection whose requests can be hung up on."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {EXTENSION: {"close": self.transport.close}}
