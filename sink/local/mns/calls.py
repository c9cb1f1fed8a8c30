"""One call of an MNS operation, and the answers that all operations share.

`MnsService` makes a `Call` of every authenticated request; `queue_api`, `message_api` and `topic_api` each
map operation names to handlers that take one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

from sink.local.mns import xml
from sink.local.mns.attributes import bounded
from sink.local.mns.errors import MnsError, schema_violation
from sink.local.mns.resources import Resource
from sink.local.wire import Request, Response

MAXIMUM_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request: whose it is, the names in its path, its parameters by lower-case name."""

    request: Request
    account_id: str
    names: Sequence[str]
    parameters: Mapping[str, str]

    def document(self, root: str) -> Element:
        """The body as XML with this root. Raises MalformedXML, or InvalidArgument for another root."""
        try:
            element = xml.parse(self.request.body)
        except ParseError as error:
            raise MnsError(
                400, "MalformedXML", f"The XML you provided was not well-formed: {error}."
            ) from error
        if xml.name(element) != root:
            raise schema_violation(f"the element {xml.name(element)}, where {root} should be")
        return element

    def optional_values(self, root: str) -> dict[str, str]:
        """The children of the body's root; none if there is no body."""
        return xml.values(self.document(root)) if self.request.body.strip() else {}

    @property
    def prefix(self) -> str:
        """What the names in a listing have to start with."""
        return self.request.headers.get("x-mns-prefix", "")

    @property
    def with_meta(self) -> bool:
        """Whether a listing shows attributes, too."""
        return self.request.headers.get("x-mns-with-meta", "").lower() == "true"

    def url(self, *segments: str) -> str:
        """The address of a resource, at the host that the client called."""
        return f"http://{self.request.headers.get('host', '')}/{'/'.join(segments)}"


Handler = Callable[[Call], Awaitable[Response]]


def document_response(status: int, tag: str, content: str) -> Response:
    """An XML document."""
    return Response(status, body=xml.document(tag, content))


def location_response(created: bool, url: str) -> Response:
    """201 for a new resource, 204 for one that was there already. Python's SDK wants Location with both."""
    return Response(201 if created else 204, {"location": url})


def list_response(
    call: Call, kind: str, found: Sequence[Resource], content: Callable[[Resource], str]
) -> Response:
    """One page of a listing, `<Queues><Queue>…`, as the `x-mns-` headers ask for.

    NextMarker is absent on the last page: an empty one breaks Python's SDK.
    """
    headers = call.request.headers
    marker = headers.get("x-mns-marker", "")
    size = bounded("x-mns-ret-number", headers.get("x-mns-ret-number", "1000"), (1, MAXIMUM_PAGE, "items"))
    rest = [resource for resource in found if resource.name >= marker]
    items = "".join(f"<{kind}>{content(resource)}</{kind}>" for resource in rest[:size])
    following = xml.elements({"NextMarker": rest[size].name}) if len(rest) > size else ""
    return document_response(200, f"{kind}s", items + following)
