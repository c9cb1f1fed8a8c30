"""One connection, over which one question at a time is asked and answered.

httptools parses: llhttp, Node's parser, which knows chunked bodies, interim answers and how a header is
smuggled. Whatever may leave the connection out of step ends it: a question given up, bytes that nobody
asked for, an answer that is no HTTP. So an answer never goes to the wrong question.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import NamedTuple, cast

import httptools

LARGEST_ANSWER = 16 << 20
"""Bytes of an answer, its head included. MNS's are 1 MB at most and SLS's to a PutLogs empty."""
_INTERIM = 200
"""Statuses below it announce another answer."""


class Answer(NamedTuple):
    """An answer that came in full."""

    status: int
    headers: Mapping[str, str]
    """By names in lower case."""
    body: bytes


class HungUpError(ConnectionError):
    """The other side closed the connection before the first byte of its answer."""


class Connection(asyncio.Protocol):
    """An open connection. `ask` it one thing after another, while `is_open`."""

    def __init__(self) -> None:
        self.is_open = False
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpResponseParser(self)
        self._question: asyncio.Future[Answer] | None = None
        self._has_begun = False
        self._size = 0

    async def ask(self, request: bytes, answer_seconds: float) -> Answer:
        """Send a request and wait so long for all of its answer. Raises OSError, TimeoutError included.

        Given up, by a cancellation or by time, it takes the connection with it.
        """
        if not self.is_open:
            raise HungUpError("the connection was closed")
        self._has_begun, self._size = False, 0
        question: asyncio.Future[Answer] = self._loop.create_future()
        self._question = question
        timer = self._loop.call_later(
            answer_seconds, self._fail, TimeoutError(f"{answer_seconds:g} s passed")
        )
        self._transport.write(request)
        try:
            return await question
        except asyncio.CancelledError:
            self._fail(ConnectionAbortedError("given up"))
            raise
        finally:
            self._question = None
            timer.cancel()

    def close(self) -> None:
        """Hang up at once."""
        self._fail(ConnectionAbortedError("closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast(asyncio.Transport, transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        """Some of an answer."""
        if not self._is_asked():
            self._fail(ConnectionError("an answer to no question"))
            return
        self._has_begun = True
        self._size += len(data)
        if self._size > LARGEST_ANSWER:
            self._fail(ConnectionError(f"an answer of more than {LARGEST_ANSWER:,} bytes"))
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(ConnectionError(f"no HTTP: {error!r}"))

    def connection_lost(self, error: Exception | None) -> None:
        """The other side has hung up, or the network did."""
        kind = ConnectionError if self._has_begun else HungUpError
        self._fail(kind(f"the connection was closed{f': {error}' if error else ''}"))

    def on_message_begin(self) -> None:
        """Parser: the next answer."""
        self._headers: dict[str, str] = {}
        self._body: list[bytes] = []
        if not self._is_asked():
            self._fail(ConnectionError("two answers to one question"))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Parser: one header."""
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, part: bytes) -> None:
        """Parser: some of the body."""
        self._body.append(part)

    def on_message_complete(self) -> None:
        """Parser: the answer is whole."""
        status = self._parser.get_status_code()
        if status < _INTERIM or self._question is None or self._question.done():
            return
        self.is_open = self.is_open and self._parser.should_keep_alive()
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._question.set_result(Answer(status, self._headers, body))
        if not self.is_open:
            self._transport.abort()

    def _is_asked(self) -> bool:
        return self._question is not None and not self._question.done()

    def _fail(self, error: OSError) -> None:
        """End the connection, and the question that waits with it."""
        if self.is_open:
            self.is_open = False
            self._transport.abort()
        if self._question is not None and not self._question.done():
            self._question.set_exception(error)
