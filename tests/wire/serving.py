"""Servers that answer as a test tells them, a proxy before them, and tests for both event loops."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import wraps
from typing import ParamSpec

import pytest
import uvloop

from sink.wire import Client, Proxy

P = ParamSpec("P")
_LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def on_both_loops(test: Callable[P, Awaitable[None]]) -> Callable[..., None]:
    """Run a coroutine function as a test: once on asyncio's own event loop, once on uvloop's."""

    @wraps(test)
    def run(loop: str, *given: P.args, **named: P.kwargs) -> None:
        async def work() -> None:
            await test(*given, **named)

        with asyncio.Runner(loop_factory=_LOOPS[loop]) as runner:
            runner.run(work())

    own = inspect.signature(test)
    shown = inspect.Parameter("loop", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    run.__signature__ = own.replace(parameters=[shown, *own.parameters.values()])  # type: ignore[attr-defined]
    return pytest.mark.parametrize("loop", _LOOPS)(run)


class Caller:
    """One connection as its server sees it. The first one is number 1."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number
        self._reader = reader
        self._writer = writer

    async def question(self) -> str:
        """The path that is asked for; "" once the caller has hung up."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return ""
        return head.split()[1].decode()

    def say(self, answer: bytes) -> None:
        """Send some bytes."""
        self._writer.write(answer)

    def hang_up(self) -> None:
        """Close the connection, behind what was said."""
        self._writer.close()

    def drop(self) -> None:
        """Reset the connection."""
        self._writer.transport.abort()


Talk = Callable[[Caller], Awaitable[None]]


@asynccontextmanager
async def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that talks so to each caller. Yields its URL."""
    talks: list[asyncio.Task[None]] = []

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        caller = Caller(len(talks) + 1, reader, writer)
        talks.append(asyncio.ensure_future(_talk_to(caller, talk)))

    server = await asyncio.start_server(meet, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"{'https' if tls else 'http'}://localhost:{port}"
    finally:
        server.close()
        for one in talks:
            one.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _talk_to(caller: Caller, talk: Talk) -> None:
    try:
        await talk(caller)
        while await caller.question():
            pass
    finally:
        caller.drop()


@asynccontextmanager
async def proxying(heard: list[str], ways: Mapping[str, int]) -> AsyncIterator[str]:
    """A proxy that knows these hosts, as `host:port`, each at a port of loopback. Yields its URL.

    What it is asked, with what it is told of the asker, goes to `heard`.
    """
    writers: list[asyncio.StreamWriter] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        heard.append(head)
        place = head.split()[1]
        if place not in ways:
            writer.write(b"HTTP/1.1 502 No such way\r\n\r\n")
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", ways[place])
        writers.append(far_writer)
        writer.write(b"HTTP/1.1 200 There you go\r\nvia: 1.1 test\r\n\r\n")
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer), return_exceptions=True)

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for one in writers:
            one.transport.abort()


@asynccontextmanager
async def client_of(
    url: str, connections: int = 1, clock: Callable[[], float] = lambda: 0.0, proxy: Proxy | None = None
) -> AsyncIterator[Client]:
    """A client that is cut off at the end."""
    client = Client("Service", url, connections=connections, hint="Look there", proxy=proxy, clock=clock)
    try:
        yield client
    finally:
        client.cut()


def asking(path: str = "/") -> bytes:
    """A request."""
    return f"GET {path} HTTP/1.1\r\nhost: service\r\n\r\n".encode()


def saying(body: str, *headers: str, status: str = "200 OK") -> bytes:
    """An answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return ("\r\n".join(head) + "\r\n\r\n" + body).encode()


async def echo(caller: Caller) -> None:
    """Answer each question with the caller's number and the path: `1/path`."""
    while path := await caller.question():
        caller.say(saying(f"{caller.number}{path}"))
