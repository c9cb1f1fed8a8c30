"""One call: its request sent, its answer read, every failure one of ours.

The official SDK spends two milliseconds of the interpreter on a call, in a thread, while an interruption is
on its way; and it repeats some calls by itself, some of them unsafely. So `rpc.py` writes the requests and
`sink.wire` carries them, through a proxy where the environment names one. One call is one request, but
for a connection that had been closed before it was used again, and then only where repeating does no harm.
"""

from __future__ import annotations

import socket
from typing import TypeVar

import orjson

from sink.cloud.calls import Answer, Call, Document
from sink.cloud.codes import STRANGE, UNKNOWN_HOST, kind_of
from sink.cloud.endpoints import Endpoints, url_of
from sink.cloud.rpc import Requests
from sink.credentials import HeldKeys, Provider
from sink.errors import CloudError
from sink.wire import NO_ANSWER, Client, proxy_for, told
from sink.wire import Answer as HttpAnswer

_NO_SUCH_NAME = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
"""How a resolver says that there is no such name, or no address for it."""

T = TypeVar("T")


class Api:
    """Makes calls, for one event loop. Raises CloudError and nothing else.

    To each host at most so many `connections` are open.
    """

    def __init__(self, endpoints: Endpoints, provider: Provider, *, connections: int = 8) -> None:
        self._endpoints = endpoints
        self._keys = HeldKeys(provider)
        self._connections = connections
        self._requests = Requests()
        self._clients: dict[str, Client] = {}

    async def __call__(self, call: Call[T]) -> Answer[T]:
        """Make a call once, and read its answer."""
        service = f"{call.product.upper()} {call.action}"
        url = url_of(self._endpoints, call.product, call.region_id)
        request = self._requests.write(call, url, await self._keys.get())
        try:
            answer = await self._client(url).exchange(request, call.read_seconds, again=call.repeatable)
        except OSError as error:
            raise _failed_on_the_way(service, error) from error
        with self._keys.judged():
            return _read(call, service, answer)

    def close(self) -> None:
        """Close all connections; calls under way raise Unreachable."""
        for client in self._clients.values():
            client.cut()

    def _client(self, url: str) -> Client:
        if url not in self._clients:
            self._clients[url] = Client("POP", url, connections=self._connections, proxy=proxy_for(url))
        return self._clients[url]


def _failed_on_the_way(service: str, error: OSError) -> CloudError:
    is_nowhere = isinstance(error, socket.gaierror) and error.errno in _NO_SUCH_NAME
    code = UNKNOWN_HOST if is_nowhere else NO_ANSWER
    kind, hint = kind_of(code, 0)
    return kind(service, code, told(error), hint)


def _read(call: Call[T], service: str, answer: HttpAnswer) -> Answer[T]:
    """Read an answer. One that the API does not document is no answer."""
    try:
        document = orjson.loads(answer.body)
        if answer.status != 200 or str(document.get("Success", True)).lower() == "false":
            raise _refusal(service, answer.status, document)
        return Answer(call.parse(document), call.action, document["RequestId"])
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        kind, hint = kind_of(STRANGE, 0)
        text = f"no answer of its own: HTTP {answer.status}, {error!r} in {answer.body[:200]!r}"
        raise kind(service, STRANGE, text, hint) from error


def _refusal(service: str, status: int, document: Document) -> CloudError:
    """CloudMonitor refuses with status 200, and often with the status as its code."""
    code = str(document["Code"])
    if status == 200:
        status = int(code) if code.isdigit() else 400
    kind, hint = kind_of(code, status)
    return kind(service, code, _discreet(document.get("Message", "")), hint, document.get("RequestId", ""))


def _discreet(text: object) -> str:
    """The text without the string that was signed: it holds the key's id and its token."""
    return str(text).partition("server string to sign")[0].strip()
