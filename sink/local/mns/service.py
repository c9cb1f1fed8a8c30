"""MNS, the queue service ("Simple Message Queue, formerly MNS"), for unchanged official SDKs.

`Cloud` opens it, hands it requests, and lets the fleet enqueue by `deliver`. One exchange: authenticate,
find the operation in `routes`, call its handler, and dress whatever comes out as the vendor does. Every
answer carries `x-mns-request-id` and an XML content type; @alicloud/mns leaves bodies of any other type
unparsed, Python's SDK fails without the request id.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from sink.local.accounts import Accounts
from sink.local.mns import routes
from sink.local.mns.attributes import QUEUE_DEFAULTS, TOPIC_DEFAULTS
from sink.local.mns.calls import Call, Handler
from sink.local.mns.database import open_database
from sink.local.mns.delivery import Delivery
from sink.local.mns.errors import MnsError, error_response
from sink.local.mns.message_api import MessageApi
from sink.local.mns.messages import Messages
from sink.local.mns.polling import Arrivals, LongPoll
from sink.local.mns.queue_api import QueueApi
from sink.local.mns.resources import Resources
from sink.local.mns.signature import authenticate
from sink.local.mns.topic_api import TopicApi
from sink.local.mns.topics import SUBSCRIPTION_DEFAULTS
from sink.local.wire import Clock, Request, Response

VERSION = "2015-06-06"


class MnsService:
    """MNS as a `wire.Service`. Its state is the file `mns.db` in the data folder."""

    name = "mns"

    _database: sqlite3.Connection
    _delivery: Delivery
    _handlers: Mapping[str, Handler]

    def __init__(self, data: Path, accounts: Accounts, clock: Clock) -> None:
        self._data = data
        self._accounts = accounts
        self._clock = clock

    async def __aenter__(self) -> MnsService:
        self._database = open_database(self._data / "mns.db")
        queues = self._resources("Queue", QUEUE_DEFAULTS)
        messages = Messages(self._database, self._clock)
        arrivals = Arrivals()
        long_poll = LongPoll(messages, arrivals, self._clock)
        self._delivery = Delivery(queues, messages, arrivals)
        topics = self._resources("Topic", TOPIC_DEFAULTS)
        subscriptions = self._resources("Subscription", SUBSCRIPTION_DEFAULTS)
        self._handlers = {
            **QueueApi(self._database, queues, messages, arrivals).handlers(),
            **MessageApi(queues, messages, arrivals, long_poll).handlers(),
            **TopicApi(topics, subscriptions, self._delivery, self._clock).handlers(),
        }
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def accepts(self, request: Request) -> bool:
        """Queues, topics and the account, or anything that is signed or addressed as MNS."""
        headers = request.headers
        return (
            routes.segments(request)[:1] in (["queues"], ["topics"])
            or "accountmeta" in routes.parameters(request)
            or "x-mns-version" in headers
            or headers.get("authorization", "").startswith("MNS ")
            or ".mns." in request.host
        )

    def operation(self, request: Request) -> str:
        """Name the operation, `BatchReceiveMessage`."""
        return routes.operation(request)

    async def answer(self, request: Request) -> Response:
        """Authenticate, carry out, dress."""
        try:
            response = await self._carry_out(request)
        except MnsError as error:
            return self.refusal(request, error.status, error.code, error.message)
        return dressed(response, secrets.token_hex(12).upper())

    def refusal(self, request: Request, status: int, code: str, message: str) -> Response:
        """Render MNS's `<Error>` document."""
        request_id = secrets.token_hex(12).upper()
        host = request.headers.get("host", "")
        return dressed(error_response(status, code, message, request_id, host), request_id)

    def send(self, account_id: str, queue_name: str, body: str) -> None:
        """Put a message into a queue from inside this process, waking whoever waits for one.

        Raises `MnsError` QueueNotExist.
        """
        self._delivery.send(account_id, queue_name, body)

    def _resources(self, kind: str, defaults: Mapping[str, Any]) -> Resources:
        return Resources(kind, defaults, self._database, self._clock)

    async def _carry_out(self, request: Request) -> Response:
        key = authenticate(request, self._accounts, self._clock())
        operation = self.operation(request)
        handler = self._handlers.get(operation)
        if handler is None:
            what = f"{request.method} {request.path}"
            text = f"Http request URL format invalid: {what} is no operation that is emulated here."
            raise MnsError(400, "InvalidRequestURL", text)
        if not key.may(f"mns:{operation}", request.path):
            text = (
                f"The specified resource is denied by policy: this needs mns:{operation} on {request.path}."
            )
            raise MnsError(403, "AccessDenied", text)
        names = routes.segments(request)[1::2]
        return await handler(Call(request, key.account_id, names, routes.parameters(request)))


def dressed(response: Response, request_id: str) -> Response:
    """Add the headers that every answer of MNS has."""
    headers = {
        "content-type": "text/xml;charset=utf-8",
        "x-mns-request-id": request_id,
        "x-mns-version": VERSION,
    }
    return Response(response.status, {**headers, **response.headers}, response.body)
