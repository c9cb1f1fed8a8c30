"""The embedded cloud as one ASGI application: a request in, the first service that knows it answers.

`Cloud` opens the services over a data folder, and the fleet that fills a queue of theirs if one is wanted.
`server.py` serves it as a process, tests serve it in a thread. Requests go to the services by way of
`exchanges.py`, those under `/_local/` to `control.py`; a request that no service knows is answered with a
text that says what is emulated here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from types import TracebackType
from uuid import uuid4

from sink.local.accounts import Accounts
from sink.local.asgi import Receive, Scope, Send, hang_up, read, write
from sink.local.control import PREFIX, Control
from sink.local.exchanges import Exchanges
from sink.local.faults import Faults
from sink.local.fleet.fleet import Fleet
from sink.local.fleets import FleetPlan, Fleets
from sink.local.holders import Holders
from sink.local.journal import Journal
from sink.local.mns.errors import MnsError
from sink.local.mns.service import MnsService
from sink.local.pop.call import request_parameters
from sink.local.pop.errors import error_response
from sink.local.pop.service import PopService
from sink.local.pop.signature import Authentication
from sink.local.products import PRODUCTS
from sink.local.sls.service import SlsService
from sink.local.wire import Clock, Request, Response, Service

STAGED = ("instances", "market")
"""The first parts of the pages that `Stage` answers."""


class Cloud:
    """The embedded cloud. An async context manager, and within it an ASGI application."""

    def __init__(
        self,
        data: Path,
        accounts: Accounts,
        clock: Clock = time.time,
        index_latency_seconds: float = 0.1,
        fleet: FleetPlan | None = None,
    ) -> None:
        self._data = data
        self._clock = clock
        self._fleet = fleet or FleetPlan(0, 1.0, "ecs-events", Random())
        self._fleets = Fleets(data, self._fleet, self._make_fleet)
        self.mns = MnsService(data, accounts, clock)
        authentication = Authentication(accounts)
        self._services: Sequence[Service] = (
            self.mns,
            SlsService(data, accounts, clock, index_latency_seconds),
            *(PopService(product, authentication, self._fleets, clock) for product in PRODUCTS),
        )
        self.holders = Holders()
        self._stopped = asyncio.Event()
        faults, journal = Faults(), Journal()
        names = [service.name for service in self._services]
        self._control = Control(names, faults, journal, self.holders)
        self._exchanges = Exchanges(faults, journal, clock, self.stopped)
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Cloud:
        self._data.mkdir(parents=True, exist_ok=True)
        async with AsyncExitStack() as opening:
            for service in self._services:
                await opening.enter_async_context(service)
            await opening.enter_async_context(self._fleets)
            await opening.enter_async_context(self._fleets.living(self._fleet))
            self._opened = opening.pop_all()
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
        service = next((service for service in self._services if service.accepts(request)), None)
        if request.path == PREFIX + "hold" and not self._stopped.is_set():
            await self._hold(request, send)
        elif request.path.startswith(PREFIX) and _page(request).split("/")[0] in STAGED:
            await write(send, await self._set_scene(request), self._clock())
        elif request.path.startswith(PREFIX):
            await write(send, self._control.answer(request), self._clock())
        elif service is None:
            await write(send, self._not_emulated(request), self._clock())
        else:
            await self._exchange(service, request, scope, receive, send)

    async def _exchange(
        self, service: Service, request: Request, scope: Scope, receive: Receive, send: Send
    ) -> None:
        reply = await self._exchanges.reply(service, request)
        if reply.response is not None:
            await write(send, reply.response, self._clock(), reply.cut_after)
        if reply.response is None or reply.cut_after is not None:
            await hang_up(scope, receive)

    async def _hold(self, request: Request, send: Send) -> None:
        """Keep the answer open until the client hangs up. Its one line is our process id."""
        plan = FleetPlan.asked_for(request.parameters)
        with self.holders.hold():
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"%d\n" % os.getpid(), "more_body": True})
            async with self._fleets.living(plan):
                await request.disconnected()
        await send({"type": "http.response.body"})

    async def _set_scene(self, request: Request) -> Response:
        from sink.local.stage import Stage  # here, for pydantic comes with it, and takes a while to load

        return await Stage(self._fleets, self._clock).answer(request, _page(request))

    async def _hung_up(self, receive: Receive) -> None:
        """Wait for the client to go. When the cloud stops, it counts as gone."""
        waits = {asyncio.ensure_future(receive()), asyncio.ensure_future(self.stopped())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _not_emulated(self, request: Request) -> Response:
        asked = request_parameters(request)
        if "Action" in asked and "Version" in asked:
            text = (
                f"{asked['Action']} of API version {asked['Version']} is not emulated by the embedded cloud."
            )
            host = request.headers.get("host", "")
            return error_response(404, "InvalidAction.NotFound", text, str(uuid4()).upper(), host)
        known = ", ".join(service.name for service in self._services)
        what = f"{request.method} {request.path}"
        text = f"{what} belongs to no service that this embedded cloud emulates: {known}.\n"
        return Response(404, {"content-type": "text/plain;charset=utf-8"}, text.encode())

    def _make_fleet(self, data: Path, account_id: str, queue: Callable[[], str]) -> Fleet:
        dropping = False

        async def publish(body: bytes) -> None:
            nonlocal dropping
            try:
                self.mns.send(account_id, queue(), body.decode("ascii"))
                dropping = False
            except MnsError as error:
                # As CloudMonitor does with a target that is gone: the event is dropped.
                if not dropping:
                    logging.getLogger(__name__).warning("fleet events dropped: %s %s", queue(), error)
                dropping = True

        return Fleet(
            data,
            size=0,
            clock=self._clock,
            random=self._fleet.random,
            publish=publish,
            speed=self._fleet.speed,
            account_id=account_id,
        )


def _page(request: Request) -> str:
    """Which of our own pages is asked for, without their prefix."""
    return request.path.removeprefix(PREFIX)
