"""The embedded cloud as one ASGI application: a request in, the first service that knows it answers.

`Cloud` opens the services over a data folder; `server.py` serves it, tests serve it in a thread. Between
wire and service stand only the two things that no vendor has: injected faults (`faults.py`) and
the `/_local/` pages (`control.py`). ASGI is spoken directly, without a framework, because signatures
cover the raw request line and every byte of an answer is the vendor's business.

A request that no service knows is answered with a text that says what is emulated here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, suppress
from email.utils import formatdate
from pathlib import Path
from types import TracebackType
from typing import Any

from sink.local.accounts import Accounts
from sink.local.connection import hang_up
from sink.local.control import PREFIX, Control
from sink.local.faults import Fault, Faults
from sink.local.holders import Holders
from sink.local.journal import Exchange, Journal
from sink.local.mns import errors as mns
from sink.local.mns.service import MnsService, dressed
from sink.local.sls import errors as sls
from sink.local.wire import Clock, Request, Response, Service

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Cloud:
    """The embedded cloud. An async context manager, and within it an ASGI application."""

    def __init__(self, data: Path, accounts: Accounts, clock: Clock = time.time) -> None:
        self._data = data
        self._clock = clock
        self.mns = MnsService(data, accounts, clock)
        self.services: Sequence[Service] = (self.mns,)
        self.holders = Holders()
        self._faults = Faults()
        self._journal = Journal()
        names = [service.name for service in self.services]
        self._control = Control(names, self._faults, self._journal, self.holders)
        self._opened = AsyncExitStack()
        self._stopped = asyncio.Event()

    async def __aenter__(self) -> Cloud:
        self._data.mkdir(parents=True, exist_ok=True)
        for service in self.services:
            await self._opened.enter_async_context(service)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._opened.aclose()

    def stop(self) -> None:
        """End the service: open long polls are cut, `stopped` returns."""
        self._stopped.set()

    async def stopped(self) -> None:
        """Return once somebody has called `stop`."""
        await self._stopped.wait()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = await read(scope, receive, lambda: self._hung_up(receive))
        if request.path == PREFIX + "hold" and not self._stopped.is_set():
            await self._hold(request, send)
        elif request.path.startswith(PREFIX):
            await self._write(send, self._control.answer(request))
        else:
            await self._exchange(request, scope, receive, send)

    async def _exchange(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request to a service, with whatever fault is due, and note it."""
        service = next((service for service in self.services if service.accepts(request)), None)
        if service is None:
            await self._write(send, self._not_emulated(request))
            return
        at, started = self._clock(), time.perf_counter()
        operation, resource = service.operation(request), request.host + request.path
        fault = self._faults.strike(f"{service.name}:{operation}", resource)
        response = await (self._strike(fault, service, request) if fault else answer(service, request))
        milliseconds = (time.perf_counter() - started) * 1000
        status = response.status if response else None
        self._journal.note(Exchange(service.name, operation, status, at, milliseconds, resource))
        if response is not None:
            await self._write(send, response, fault.truncate if fault else None)
        if response is None or (fault and fault.truncate is not None):
            await hang_up(scope, receive)

    async def _strike(self, fault: Fault, service: Service, request: Request) -> Response | None:
        """Carry out what the fault leaves of the operation. None: the answer is to be lost."""
        if not fault.after_effect:
            await self._delay(fault.delay_seconds)
        response = await answer(service, request) if fault.spares_effect else None
        if fault.after_effect:
            await self._delay(fault.delay_seconds)
        if fault.reset:
            return None
        return (
            error_response(service, request, fault.status, fault.code, fault.text)
            if fault.status
            else response
        )

    async def _delay(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopped(), seconds)

    async def _hold(self, request: Request, send: Send) -> None:
        """Keep the answer open until the client hangs up. Its one line is our process id."""
        with self.holders.hold():
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"%d\n" % os.getpid(), "more_body": True})
            await request.disconnected()
        await send({"type": "http.response.body"})

    async def _write(self, send: Send, response: Response, cut_after: int | None = None) -> None:
        """Send an answer with its Date, and its length where HTTP allows a body."""
        headers = {"date": formatdate(self._clock(), usegmt=True), **response.headers}
        if response.status != 204:
            headers["content-length"] = str(len(response.body))
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": response.status, "headers": pairs})
        cut = cut_after is not None
        await send({"type": "http.response.body", "body": response.body[:cut_after], "more_body": cut})

    async def _hung_up(self, receive: Receive) -> None:
        """Wait for the client to go. When the cloud stops, it counts as gone."""
        waits = {asyncio.ensure_future(receive()), asyncio.ensure_future(self.stopped())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _not_emulated(self, request: Request) -> Response:
        known = ", ".join(service.name for service in self.services)
        what = f"{request.method} {request.path}"
        text = f"{what} belongs to no service that this embedded cloud emulates: {known}.\n"
        return Response(404, {"content-type": "text/plain;charset=utf-8"}, text.encode())


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


async def answer(service: Service, request: Request) -> Response:
    """Let the service answer. A bug of ours becomes the product's own internal error, and is logged."""
    try:
        return await service.answer(request)
    except Exception:
        logging.getLogger(__name__).exception("%s %s failed", request.method, request.path)
        return error_response(service, request, 500, "InternalError", "Internal error.")


def error_response(service: Service, request: Request, status: int, code: str, message: str) -> Response:
    """Render an error in the shape of the service's product."""
    request_id = secrets.token_hex(12).upper()
    if service.name == "sls":
        return sls.error_response(status, code, message, request_id)
    host = request.headers.get("host", "")
    return dressed(mns.error_response(status, code, message, request_id, host), request_id)
