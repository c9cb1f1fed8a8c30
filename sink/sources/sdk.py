"""The calls that are made once in a while, by the official SDK. The only module that imports `mns`.

The SDK is synchronous and one client must not be shared between threads ("not thread safe", its README;
half the calls failed when tried), so calls run in *lanes*: a client with a thread of its own. `queue.py`
makes them at the first such call.

Bodies are sent as they are (`set_encoding(False)`): whether base64 or not is the sender's.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from mns.account import Account
from mns.mns_exception import MNSExceptionBase, MNSServerException
from mns.mns_http import MNSHTTPConnection, MNSHTTPSConnection
from mns.queue import Message as SdkMessage
from mns.queue import Queue, QueueMeta

from sink.credentials import Provider
from sink.errors import CloudError, Rejected, Unreachable
from sink.sources.errors import CHECK_ENDPOINT, error_of

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 10

T = TypeVar("T")


class Lane:
    """One SDK client. Not thread safe, and synchronous: `_Lanes` gives each a thread."""

    def __init__(self, endpoint: str, queue: str, provider: Provider) -> None:
        self._account = Account(endpoint, credentials_provider=provider)
        self._connection = self._own_connection()
        self._queue: Queue = self._account.get_queue(queue)
        self._queue.set_encoding(False)

    def count(self) -> int:
        """Visible, hidden and delayed messages together."""
        meta = self._queue.get_attributes()
        return sum(int(n) for n in (meta.active_messages, meta.inactive_messages, meta.delay_messages))

    def send(self, bodies: Sequence[str]) -> None:
        """Send a batch; a partial failure raises what the first refused one was refused for."""
        self._queue.batch_send_message([SdkMessage(body) for body in bodies])

    def create(self, visibility_seconds: int) -> None:
        """Create the queue unless it is there."""
        meta = QueueMeta(vis_timeout=visibility_seconds, max_msg_size=65536, msg_ttl=6 * 86400)
        try:
            self._queue.create(meta)
        except MNSServerException as error:
            if error.type != "QueueAlreadyExist":
                raise

    def cut(self) -> None:
        """Break the connection under a call that waits, and refuse any further one. From another thread."""
        self._connection.cut()

    def close(self) -> None:
        """Close the connection. In the lane's own thread, when no call is under way."""
        self._connection.close()

    def _own_connection(self) -> _Cuttable:
        """Put a connection of ours under the client: with a timeout on https too, and one that can be cut."""
        client = self._account.get_client()
        connection = _cuttable(client.host, secure=client.is_https)
        client.http.conn = connection
        return connection


class Lanes:
    """At most so many lanes, each made when all others are in use."""

    def __init__(self, endpoint: str, queue: str, provider: Provider, most: int) -> None:
        self._place = endpoint, queue, provider
        self._turns = asyncio.Semaphore(most)
        self._all: list[tuple[Lane, ThreadPoolExecutor]] = []
        self._free: list[tuple[Lane, ThreadPoolExecutor]] = []

    async def run(self, call: Callable[[Lane], T]) -> T:
        """Call on a free lane, in its thread. Raises CloudError."""
        async with self._turns:
            lane, thread = self._free.pop() if self._free else self._open()
            try:
                return await asyncio.get_running_loop().run_in_executor(thread, _mapped, call, lane)
            finally:
                self._free.append((lane, thread))

    def close(self) -> None:
        """End every call, thread and connection: at once, but for a connect under way."""
        for lane, _ in self._all:
            lane.cut()
        for lane, thread in self._all:
            thread.submit(lane.close)
            thread.shutdown()

    def _open(self) -> tuple[Lane, ThreadPoolExecutor]:
        self._all.append((Lane(*self._place), ThreadPoolExecutor(1)))
        return self._all[-1]


class _Cuttable(Protocol):
    """What `_cuttable` makes of the SDK's connection."""

    def cut(self) -> None:
        """Break it now, for good."""

    def close(self) -> None:
        """Close the socket."""


def _cuttable(host: str, *, secure: bool) -> _Cuttable:
    """The SDK's own connection, with timeouts, and with an end that comes when we say so.

    Closing the socket under a waiting call is not enough: the SDK opens another and asks again.
    """
    base = MNSHTTPSConnection if secure else MNSHTTPConnection

    class Connection(base):  # type: ignore[misc, valid-type]
        _is_cut = False

        def connect(self) -> None:
            if self._is_cut:
                raise ConnectionAbortedError("this client was stopped")
            self.timeout = self.connection_timeout = _CONNECT_SECONDS
            super().connect()
            self.sock.settimeout(_ANSWER_SECONDS)

        def cut(self) -> None:
            self._is_cut = True
            if self.sock is not None:
                with suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)

    connection: _Cuttable = Connection(host)
    return connection


def _mapped(call: Callable[[Lane], T], lane: Lane) -> T:
    """Call, and turn whatever the SDK raises into ours.

    On an answer that is not MNS's (a proxy's page, half a document) the SDK trips in many ways: KeyError,
    ExpatError, AttributeError. They all mean that the service was not reached.
    """
    try:
        return call(lane)
    except CloudError:
        raise
    except MNSExceptionBase as error:
        raise ours(error) from error
    except Exception as error:
        raise Unreachable(
            "MNS", type(error).__name__, f"no answer of MNS's: {error}", CHECK_ENDPOINT
        ) from error


def ours(error: MNSExceptionBase) -> CloudError:
    """Our exception for the SDK's. A code of its own that the table does not know is a fault on the way."""
    unlisted = Rejected if isinstance(error, MNSServerException) else Unreachable
    request_id = getattr(error, "request_id", "") or ""
    return error_of(error.type, str(error.message).strip(), request_id, unlisted=unlisted)
