"""Which of MNS's operations a request line calls, in the vendor's names.

Parameter names are compared without regard to case, since @alicloud/mns spells some of them
differently; empty path segments are skipped, since it also sends `//queues/…` for an endpoint that ends
in a slash. The first row that fits wins, so rows with more conditions stand first.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sink.local.wire import Request


@dataclass(frozen=True, slots=True)
class Route:
    """One row: `*` in the shape stands for a name; all `parameters` must be given, not `false`;
    the body's root element must have this name, if one is given."""

    method: str
    shape: str
    operation: str
    parameters: frozenset[str] = frozenset()
    root: str = ""


ROOT = re.compile(rb"(?s)(?:\xef\xbb\xbf)?(?>\s+|<\?.*?\?>|<!--.*?-->)*+<(?:[^\s<>/:]+:)?([^\s<>/:]+)")
ROUTES = (
    Route("PUT", "", "SetAccountAttributes", frozenset({"accountmeta"})),
    Route("GET", "", "GetAccountAttributes", frozenset({"accountmeta"})),
    Route("POST", "commonbuy/openservice", "OpenService"),
    Route("GET", "queues", "ListQueue"),
    Route("PUT", "queues/*", "SetQueueAttributes", frozenset({"metaoverride"})),
    Route("PUT", "queues/*", "CreateQueue"),
    Route("GET", "queues/*", "GetQueueAttributes"),
    Route("DELETE", "queues/*", "DeleteQueue"),
    Route("POST", "queues/*/messages", "BatchSendMessage", root="Messages"),
    Route("POST", "queues/*/messages", "SendMessage"),
    Route("GET", "queues/*/messages", "BatchPeekMessage", frozenset({"peekonly", "numofmessages"})),
    Route("GET", "queues/*/messages", "PeekMessage", frozenset({"peekonly"})),
    Route("GET", "queues/*/messages", "BatchReceiveMessage", frozenset({"numofmessages"})),
    Route("GET", "queues/*/messages", "ReceiveMessage"),
    Route("DELETE", "queues/*/messages", "DeleteMessage", frozenset({"receipthandle"})),
    Route("DELETE", "queues/*/messages", "BatchDeleteMessage"),
    Route("PUT", "queues/*/messages", "ChangeMessageVisibility"),
    Route("GET", "topics", "ListTopic"),
    Route("PUT", "topics/*", "SetTopicAttributes", frozenset({"metaoverride"})),
    Route("PUT", "topics/*", "CreateTopic"),
    Route("GET", "topics/*", "GetTopicAttributes"),
    Route("DELETE", "topics/*", "DeleteTopic"),
    Route("POST", "topics/*/messages", "PublishMessage"),
    Route("GET", "topics/*/subscriptions", "ListSubscriptionByTopic"),
    Route("PUT", "topics/*/subscriptions/*", "SetSubscriptionAttributes", frozenset({"metaoverride"})),
    Route("PUT", "topics/*/subscriptions/*", "Subscribe"),
    Route("GET", "topics/*/subscriptions/*", "GetSubscriptionAttributes"),
    Route("DELETE", "topics/*/subscriptions/*", "Unsubscribe"),
)


def segments(request: Request) -> list[str]:
    """The path's segments, decoded."""
    return [unquote(segment) for segment in request.path.split("/") if segment]


def parameters(request: Request) -> dict[str, str]:
    """The query's parameters by lower-case name."""
    return {name.lower(): value for name, value in request.parameters.items()}


def operation(request: Request) -> str:
    """Name the operation that the request calls; `Unknown` if there is none."""
    parts = segments(request)
    shape = "/".join("*" if place % 2 else part for place, part in enumerate(parts))
    if parts[:1] == ["commonbuy"]:
        shape = "/".join(parts)
    given = {name for name, value in parameters(request).items() if value.lower() != "false"}
    fitting = (route for route in ROUTES if _fits(route, request, shape, given))
    return next((route.operation for route in fitting), "Unknown")


def _fits(route: Route, request: Request, shape: str, given: set[str]) -> bool:
    return (
        route.method == request.method
        and route.shape == shape
        and route.parameters <= given
        and route.root in ("", _root(request.body))
    )


def _root(body: bytes) -> str:
    """The name of a document's root, without parsing all of it; empty if there is none."""
    match = ROOT.match(body)
    return match[1].decode("utf-8", "replace") if match else ""
