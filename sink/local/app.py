"""The embedded cloud as one ASGI application: a request in, the first service that knows it answers.

`Cloud` opens the services over a data folder; `server.py` serves it, tests serve it in a thread. Between
wire and service stand only the two things that no vendor has: injected faults (`faults.py`) and
the `/_local/` pages (`control.py`). ASGI is spoken directly, without a framework, because signatures
cover the raw request line and every byte of an answer is the vendor's business.

A request that no service knows is answered with a text that says what is emulated here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any

from sink.local.accounts import Accounts
from sink.local.mns.service import MnsService
from sink.local.wire import Clock, Request, Response, Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Cloud:
    """The embedded cloud. An async context manager, and within it an ASGI application."""

    def __init__(self, data: Path, accounts: Accounts, clock: Clock = time.time) -> None:
        self._data = data
        self._accounts = accounts
        self.clock = clock
        self.mns = MnsService(data, accounts, clock)
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Cloud:
        self._data.mkdir(parents=True, exist_ok=True)
        self._stopped = asyncio.Event()
        for service in self.services():
            await self._opened.enter_async_context(service)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def services(self) -> Sequence[Service]:
        """What is emulated, in the order in which requests are offered."""
        return (self.mns,)

    def stop(self) -> None:
        """End the service: open long polls are cut, `stopped` returns."""
        self._stopped.set()

    async def stopped(self) -> None:
        """Return once somebody has called `stop`."""
        await self._stopped.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await self._read(scope, receive)
        await write(send, await self._answer(request), self.clock())

    async def _read(self, scope: Scope, receive: Receive) -> Request:
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        return Request(
            scope["method"],
            scope["raw_path"].decode("latin-1"),
            scope["query_string"].decode("latin-1"),
            headers,
            bytes(body),
            lambda: self._hung_up(receive),
        )

    async def _hung_up(self, receive: Receive) -> None:
        """Wait for the client to go. When the cloud stops, it counts as gone."""
        waits = {asyncio.ensure_future(receive()), asyncio.ensure_future(self.stopped())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _answer(self, request: Request) -> Response:
        service = next((service for service in self.services() if service.accepts(request)), None)
        if service is None:
            return self._not_emulated(request)
        return await service.answer(request)

    def _not_emulated(self, request: Request) -> Response:
        known = ", ".join(service.name for service in self.services())
        what = f"{request.method} {request.path}"
        text = f"{what} belongs to no service that this embedded cloud emulates: {known}.\n"
        return Response(404, {"content-type": "text/plain;charset=utf-8"}, text.encode())


async def write(send: Send, response: Response, now: float) -> None:
    """Send an answer with its Date, and its length where HTTP allows a body."""
    headers = {"date": formatdate(now, usegmt=True), **response.headers}
    if response.status != 204:
        headers["content-length"] = str(len(response.body))
    pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": pairs})
    await send({"type": "http.response.body", "body": response.body})
