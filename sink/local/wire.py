"""One HTTP exchange as the embedded cloud's services see it.

The server (`app.py`) reads a request whole and hands it, untouched, to the first service that
accepts it. Path and query stay exactly as they stood on the request line, because every vendor
signature is computed over them; `Request.parameters` decodes for those who only want to read.

A service is an async context manager: its state is opened on entry and closed on exit, and work
of its own (expiry, indexing) lives in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote

Clock = Callable[[], float]
"""Seconds since the epoch. Passed in, so that a test decides what time it is."""


async def _never() -> None:
    """Stand in for a client that never hangs up."""
    import asyncio

    await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, read whole.

    `path` and `query` are raw (percent-encoded, unsorted); header names are lower case.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    disconnected: Callable[[], Awaitable[None]] = _never
    """Returns once the client has hung up: what a long poll waits on beside its queue."""

    @property
    def parameters(self) -> dict[str, str]:
        """The query, decoded. Split at the first `=` only: receipt handles hold more of them."""
        pairs = (part.partition("=") for part in self.query.split("&") if part)
        return {unquote(name): unquote(value) for name, _, value in pairs}

    @property
    def host(self) -> str:
        """The Host header without its port."""
        return self.headers.get("host", "").partition(":")[0]


@dataclass(frozen=True, slots=True)
class Response:
    """What a service answers. Header names are sent as written, lower case by custom."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Service(AbstractAsyncContextManager["Service"], Protocol):
    """One product of the embedded cloud."""

    name: str
    """Short and lower case: `mns`, `sls`. Fault rules and the request log name it."""

    def accepts(self, request: Request) -> bool:
        """Tell whether this request is meant for this product. Looks at headers and path only."""

    def operation(self, request: Request) -> str:
        """Name the vendor's API that the request calls, `BatchReceiveMessage`; `Unknown` if none."""

    async def answer(self, request: Request) -> Response:
        """Answer as the vendor would, errors included. Raises only for a bug of our own."""

    def refusal(self, request: Request, status: int, code: str, message: str) -> Response:
        """Render an error in the shape of this product, for a fault that was asked for or is our own."""
