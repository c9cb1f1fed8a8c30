"""A service, and some connections to it that stay open.

Every failure on the way is `Unreachable` with the code `NO_ANSWER`: the callers decide what is tried again.
One thing is tried again here, for nobody can know it before: a connection that was kept open may have been
closed by the other side, and then a fresh one is asked.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from urllib.parse import urlsplit

from sink.errors import Unreachable
from sink.wire.connection import Answer, Connection, HungUpError
from sink.wire.proxy import Proxy, tunnel

NO_ANSWER = "NoAnswer"
"""The code of an `Unreachable` that no service gave."""
_CONNECT_SECONDS = 5.0
_KEPT_SECONDS = 50.0
"""Unused for longer, a connection is not trusted: a firewall may have forgotten it without a word."""
_PORTS = {"http": 80, "https": 443}


class Client:
    """At most so many `connections` to the host of `url`, for one event loop.

    `service` and `hint` go into the errors. Certificates are verified against the system's store, of the host
    itself also where a `proxy` leads to it.
    """

    def __init__(
        self,
        service: str,
        url: str,
        *,
        connections: int,
        hint: str = "",
        proxy: Proxy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        parts = urlsplit(url)
        self._service = service
        self._hint = hint
        self._proxy = proxy
        self._clock = clock
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        self._turns = asyncio.Semaphore(connections)
        self._idle: deque[tuple[Connection, float]] = deque()
        self._all: set[Connection] = set()
        self._connecting: set[asyncio.Timeout] = set()
        self._is_cut = False

    async def ask(self, request: bytes, answer_seconds: float = 10.0) -> Answer:
        """Send a whole request and wait so long for its answer. Raises Unreachable.

        Waits first for a connection, where all are in use.
        """
        try:
            return await self.exchange(request, answer_seconds)
        except OSError as error:
            raise Unreachable(self._service, NO_ANSWER, told(error), self._hint) from error

    async def exchange(self, request: bytes, answer_seconds: float = 10.0, *, again: bool = True) -> Answer:
        """As `ask`, but the failure is raised as it is: OSError.

        Not `again`: the request is sent once, whatever connection it is sent over.
        """
        async with self._turns:
            kept = self._kept()
            if kept is not None:
                try:
                    return await self._ask_over(kept, request, answer_seconds)
                except HungUpError:
                    if not again:
                        raise
            return await self._ask_over(await self._connect(), request, answer_seconds)

    def cut(self) -> None:
        """End every question now; whatever is asked from here on raises Unreachable."""
        self._is_cut = True
        for deadline in self._connecting:
            if not deadline.expired():
                deadline.reschedule(0)
        for connection in list(self._all):
            connection.close()
        self._all.clear()
        self._idle.clear()

    async def _ask_over(self, connection: Connection, request: bytes, answer_seconds: float) -> Answer:
        try:
            return await connection.ask(request, answer_seconds)
        finally:
            self._keep(connection)

    def _kept(self) -> Connection | None:
        """The connection used last: the others grow old, and are let go."""
        while self._idle:
            connection, used = self._idle.pop()
            if connection.is_open and self._clock() - used < _KEPT_SECONDS:
                return connection
            connection.close()
            self._all.discard(connection)
        return None

    def _keep(self, connection: Connection) -> None:
        if connection.is_open:
            self._idle.append((connection, self._clock()))
        else:
            self._all.discard(connection)

    async def _connect(self) -> Connection:
        self._refuse_if_cut()
        deadline = asyncio.timeout(_CONNECT_SECONDS)
        self._connecting.add(deadline)
        try:
            async with deadline:
                connection = await self._open()
        except TimeoutError as error:
            self._refuse_if_cut()
            raise TimeoutError(f"no connection within {_CONNECT_SECONDS:g} s") from error
        finally:
            self._connecting.discard(deadline)
        self._all.add(connection)
        self._refuse_if_cut()
        return connection

    async def _open(self) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            if self._proxy is not None:
                return await tunnel(self._proxy, Connection, self._host, self._port, self._tls)
            _, connection = await loop.create_connection(Connection, self._host, self._port, ssl=self._tls)
        except UnicodeError as error:
            raise OSError(f"{self._host!r} is no name of a host") from error
        return connection

    def _refuse_if_cut(self) -> None:
        """Raise ConnectionAbortedError after `cut`, which could not close what was not open yet."""
        if self._is_cut:
            self.cut()
            raise ConnectionAbortedError("this client was stopped")


def told(error: OSError) -> str:
    """What failed on the way, in words."""
    return f"no answer: {str(error) or type(error).__name__}"
