"""What happens to one request between wire and service: its turn, the fault that is due, our own bugs, the
journal.

`Cloud` reads requests and writes answers, the services know nothing of either. A bug of ours must look
to a client like the product's own bad day, so whatever a service raises becomes that product's 500
InternalError, with the traceback in the log.

On the real cloud every product has machines of its own, here all share one event loop. So that a rush at
one does not hold up the others, of each only one request begins in a round of the loop.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sink.local.faults import Faults
from sink.local.journal import Exchange, Journal
from sink.local.wire import Clock, Request, Response, Service

if TYPE_CHECKING:
    from sink.local.fault import Fault


@dataclass(frozen=True, slots=True)
class Reply:
    """What the client gets: an answer, one cut off after some bytes, or none but a closed connection."""

    response: Response | None
    cut_after: int | None = None


class Exchanges:
    """Carries requests to services, faults included."""

    def __init__(
        self, faults: Faults, journal: Journal, clock: Clock, stopped: Callable[[], Awaitable[None]]
    ) -> None:
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._stopped = stopped
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def reply(self, service: Service, request: Request) -> Reply:
        """Let the service answer one request, with whatever fault is due, and note it."""
        at, started = self._clock(), time.perf_counter()
        operation, resource = service.operation(request), request.host + request.path
        fault = self._faults.strike(f"{service.name}:{operation}", resource)
        self._journal.waiting += 1
        try:
            await self._turn(service)
            reply = await self._reply(fault, service, request)
        finally:
            self._journal.waiting -= 1
        status = reply.response.status if reply.response else None
        milliseconds = (time.perf_counter() - started) * 1000
        self._journal.note(Exchange(service.name, operation, status, at, milliseconds, resource))
        return reply

    async def _turn(self, service: Service) -> None:
        """Wait until the requests that came to this service before have begun, each in a round of its own."""
        async with self._turns[service.name]:
            await asyncio.sleep(0)

    async def _reply(self, fault: Fault | None, service: Service, request: Request) -> Reply:
        if fault is not None:
            return await self._strike(fault, service, request)
        return Reply(await answer(service, request))

    async def _strike(self, fault: Fault, service: Service, request: Request) -> Reply:
        if not fault.after_effect:
            await self._delay(fault.delay_seconds)
        response = await answer(service, request) if fault.spares_effect else None
        if fault.after_effect:
            await self._delay(fault.delay_seconds)
        if fault.reset:
            return Reply(None)
        if fault.status:
            response = service.refusal(request, fault.status, fault.code, fault.text)
        return Reply(response, fault.truncate)

    async def _delay(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped(), seconds)


async def answer(service: Service, request: Request) -> Response:
    """Let the service answer. A bug of ours becomes the product's own internal error, and is logged."""
    try:
        return await service.answer(request)
    except Exception:
        logging.getLogger(__name__).exception("%s %s failed", request.method, request.path)
        return service.refusal(request, 500, "InternalError", "Internal error.")
