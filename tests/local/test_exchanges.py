"""Requests on their way to the services: whose turn it is."""

from __future__ import annotations

import asyncio
import time

from sink.local.exchanges import Exchanges
from sink.local.faults import Faults
from sink.local.journal import Journal
from sink.local.wire import Request, Response


class Named:
    """A service that answers without a pause, and remembers in which order all were asked."""

    def __init__(self, name: str, asked: list[str]) -> None:
        self.name = name
        self._asked = asked

    async def __aenter__(self) -> Named:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def accepts(self, request: Request) -> bool:
        return True

    def operation(self, request: Request) -> str:
        return "Ask"

    async def answer(self, request: Request) -> Response:
        self._asked.append(f"{self.name} {request.path}")
        return Response(200)

    def refusal(self, request: Request, status: int, code: str, message: str) -> Response:
        return Response(status)


class Polled(Named):
    """One whose answer takes as long as somebody lets it."""

    def __init__(self, asked: list[str]) -> None:
        super().__init__("polled", asked)
        self.may_answer = asyncio.Event()

    async def answer(self, request: Request) -> Response:
        answer = await super().answer(request)
        await self.may_answer.wait()
        return answer


async def never() -> None:
    """Stand in for a cloud that is not stopped."""
    await asyncio.Event().wait()


def exchanges() -> Exchanges:
    return Exchanges(Faults(), Journal(), time.time, never)


def test_a_rush_at_one_service_does_not_hold_up_another() -> None:
    """A call that comes behind a hundred of another product's is among the first to be answered."""
    asked: list[str] = []

    async def run() -> None:
        carried, busy, quiet = exchanges(), Named("busy", asked), Named("quiet", asked)
        rush = [carried.reply(busy, Request("GET", f"/{number}")) for number in range(100)]
        await asyncio.gather(*rush, carried.reply(quiet, Request("GET", "/")))

    asyncio.run(run())

    assert asked.index("quiet /") < 5
    assert [one for one in asked if one != "quiet /"] == [f"busy /{number}" for number in range(100)]


def test_a_request_that_waits_holds_up_nobody() -> None:
    """A long poll has begun; those behind it need not wait for its end."""
    asked: list[str] = []

    async def run() -> None:
        carried, polled = exchanges(), Polled(asked)
        both = [
            asyncio.create_task(carried.reply(polled, Request("GET", path))) for path in ("/poll", "/next")
        ]
        async with asyncio.timeout(5):
            while len(asked) < 2:
                await asyncio.sleep(0)
        polled.may_answer.set()
        await asyncio.gather(*both)

    asyncio.run(run())

    assert asked == ["polled /poll", "polled /next"]
