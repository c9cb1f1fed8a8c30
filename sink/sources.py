"""An MNS queue as the pipeline's `Source`. The only module that imports `mns`.

The SDK is synchronous and one client must not be shared between threads ("not thread safe", its README;
half the calls failed when tried), so a queue has *lanes*: a client with a thread of its own. Receivers
wait on lanes of theirs, so that deletes never stand behind a long poll.

Bodies are taken as they are (`set_encoding(False)`): the SDK's own decoding drops a whole batch for one
body that is not base64.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from mns.account import Account
from mns.mns_exception import MNSExceptionBase, MNSServerException
from mns.mns_http import MNSHTTPConnection, MNSHTTPSConnection
from mns.queue import Message as SdkMessage
from mns.queue import Queue, QueueMeta

from sink.credentials import Provider
from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.lease import Message

BATCH = 16
"""What MNS takes and gives in one call, at most."""

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 10
"""How long an answer may take beyond the long poll that was asked for."""
_DEFAULT_LEASE_SECONDS = 30.0
"""MNS's default visibility timeout: assumed until the first message tells the queue's own."""

T = TypeVar("T")


class MnsSource:
    """A queue, for one event loop. Keeps the contract of `pipeline.Source`."""

    def __init__(
        self,
        endpoint: str,
        queue: str,
        provider: Provider,
        *,
        receivers: int = 1,
        settlers: int = 2,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = queue
        self._clock = clock
        self._wall_clock = wall_clock
        self._lease_seconds = _DEFAULT_LEASE_SECONDS
        self._receiving = _Lanes(Lane(endpoint, queue, provider) for _ in range(receivers))
        self._settling = _Lanes(Lane(endpoint, queue, provider) for _ in range(settlers))

    async def receive(self, wait_seconds: int) -> Sequence[Message]:
        """At most 16 messages; [] where none came in so many seconds."""
        try:
            received = await self._receiving.run(lambda lane: lane.receive(wait_seconds))
        except Missing as error:
            if error.code == "MessageNotExist":
                return []
            raise
        return [self._message(message) for message in received]

    async def delete(self, messages: Sequence[Message]) -> int:
        """Delete at most 16; returns how many handles were void."""
        handles = [message.handle for message in messages]
        return await self._settling.run(lambda lane: lane.delete(handles))

    async def prolong(self, message: Message, seconds: int) -> None:
        """Hide a message for so long from now."""
        began = self._clock()
        message.handle = await self._settling.run(lambda lane: lane.hide(message.handle, seconds))
        message.held_until = began + seconds

    async def waiting(self) -> int:
        """Messages in the queue: visible, hidden and delayed."""
        return await self._settling.run(lambda lane: lane.count())

    async def send(self, bodies: Sequence[str]) -> None:
        """Put at most 16 bodies into the queue, as they are."""
        await self._settling.run(lambda lane: lane.send(bodies))

    async def create(self, visibility_seconds: int) -> None:
        """Create the queue as the sink wants it; one that is there already is left as it is.

        Messages of 64 KB, and kept for 6 days: one less than SLS's window of 7, so that an event that waited
        out an outage still goes in under its own time.
        """
        await self._settling.run(lambda lane: lane.create(visibility_seconds))

    def cut_short(self) -> None:
        """End every `receive` that waits."""
        self._receiving.cut()

    def close(self) -> None:
        """End all lanes, their threads and connections: at once, but for a connect under way."""
        self._receiving.close()
        self._settling.close()

    def _message(self, sdk: SdkMessage) -> Message:
        """Take over what the SDK received.

        The lease is counted from now, by its length and on our own clock, because NextVisibleTime is on the
        server's. Only a first delivery tells that length: it began at FirstDequeueTime.
        """
        if int(sdk.dequeue_count) == 1:
            self._lease_seconds = (int(sdk.next_visible_time) - int(sdk.first_dequeue_time)) / 1000
        return Message(
            queue=self.name,
            message_id=sdk.message_id,
            handle=sdk.receipt_handle,
            body=sdk.message_body,
            dequeue_count=int(sdk.dequeue_count),
            received_at_ms=round(self._wall_clock() * 1000),
            lease_seconds=self._lease_seconds,
            held_until=self._clock() + self._lease_seconds,
        )


class Lane:
    """One SDK client. Not thread safe, and synchronous: `_Lanes` gives each a thread."""

    def __init__(self, endpoint: str, queue: str, provider: Provider) -> None:
        self._account = Account(endpoint, credentials_provider=provider)
        self._connection = self._own_connection()
        self._queue: Queue = self._account.get_queue(queue)
        self._queue.set_encoding(False)
        self._batch = BATCH

    def receive(self, wait_seconds: int) -> list[SdkMessage]:
        """Receive a batch, or singly for a while after an answer that the SDK could not read.

        One message that breaks the SDK's XML parser would else hide its fifteen neighbours for ever.
        """
        self._connection.answer_within(wait_seconds + _ANSWER_SECONDS)
        try:
            received = self._queue.batch_receive_message(self._batch, wait_seconds)
        except MNSExceptionBase as error:
            self._batch = 1 if error.type == "RespDataDamaged" else self._batch
            raise
        self._batch = BATCH
        return list(received)

    def delete(self, handles: Sequence[str]) -> int:
        """Delete; a partial failure is an answer, not an error: those messages come again."""
        try:
            self._queue.batch_delete_message(list(handles))
        except MNSServerException as error:
            if error.sub_errors:
                return len(error.sub_errors)
            if error.type in ("ReceiptHandleError", "MessageNotExist"):
                return len(handles)
            raise
        return 0

    def hide(self, handle: str, seconds: int) -> str:
        """Hide for so long from now; returns the new handle."""
        return str(self._queue.change_message_visibility(handle, seconds).receipt_handle)

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


class _Lanes:
    """Some lanes, and who may use one next."""

    def __init__(self, lanes: Iterable[Lane]) -> None:
        self._lanes = [(lane, ThreadPoolExecutor(1)) for lane in lanes]
        self._free: asyncio.Queue[tuple[Lane, ThreadPoolExecutor]] = asyncio.Queue()
        for lane in self._lanes:
            self._free.put_nowait(lane)

    async def run(self, call: Callable[[Lane], T]) -> T:
        """Call on the next free lane, in its thread."""
        lane, thread = await self._free.get()
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, _mapped, call, lane)
        finally:
            self._free.put_nowait((lane, thread))

    def cut(self) -> None:
        for lane, _ in self._lanes:
            lane.cut()

    def close(self) -> None:
        self.cut()
        for lane, thread in self._lanes:
            thread.submit(lane.close)
            thread.shutdown()


class _Cuttable(Protocol):
    """What `_cuttable` makes of the SDK's connection."""

    def answer_within(self, seconds: float) -> None:
        """Wait so long for each answer from now on, instead of for ever."""

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
        _answer_seconds: float = _ANSWER_SECONDS

        def connect(self) -> None:
            if self._is_cut:
                raise ConnectionAbortedError("this client was stopped")
            self.timeout = self.connection_timeout = _CONNECT_SECONDS
            super().connect()
            self.sock.settimeout(self._answer_seconds)

        def answer_within(self, seconds: float) -> None:
            self._answer_seconds = seconds
            if self.sock is not None:
                self.sock.settimeout(seconds)

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
        raise error_of(error) from error
    except Exception as error:
        raise Unreachable(
            "MNS", type(error).__name__, f"no answer of MNS's: {error}", _CHECK_ENDPOINT
        ) from error


def error_of(error: MNSExceptionBase) -> CloudError:
    """Our exception for the SDK's, by the table of MNS's error codes (its page "Error codes")."""
    kind, hint = _KINDS.get(error.type, (Rejected, ""))
    if kind is Rejected and not isinstance(error, MNSServerException):
        kind = Unreachable
    return kind("MNS", error.type, str(error.message).strip(), hint, getattr(error, "request_id", "") or "")


_CHECK_KEYS = "Check the AccessKey and its permissions (mns:ReceiveMessage and the like) on this queue"
_CHECK_ENDPOINT = "Check [mns] endpoint and the network"

_KINDS: dict[str, tuple[type[CloudError], str]] = {
    "MessageNotExist": (Missing, ""),
    "QueueNotExist": (Missing, "Create the queue, or correct [mns] queues"),
    "QueueDeletedRecently": (Missing, "MNS takes a deleted queue's name again after a minute"),
    "AccessDenied": (Denied, _CHECK_KEYS),
    "InvalidAccessKeyId": (Denied, _CHECK_KEYS),
    "SignatureDoesNotMatch": (Denied, "The AccessKey secret does not belong to the key"),
    "InvalidSecurityToken": (Denied, "The STS token is wrong or has expired"),
    "SecurityTokenExpired": (Denied, "The STS token has expired"),
    "TimeExpired": (Denied, "Set this machine's clock: it is off by more than MNS allows"),
    "InvalidDateHeader": (Denied, "Set this machine's clock"),
    "QpsLimitExceeded": (Throttled, ""),
    "InternalError": (Unreachable, ""),
    "InternalServerError": (Unreachable, ""),
    "ServiceUnavailable": (Unreachable, ""),
    "NetWorkException": (Unreachable, _CHECK_ENDPOINT),
    "RespDataDamaged": (
        Unreachable,
        "Something between here and MNS answered in its place, or broke the answer",
    ),
}
"""A code that is not here is a refusal of the very request, or, made by the SDK itself, of the way there."""
