"""One call of an SLS operation: what a handler is given, and how it answers.

`service.py` has checked the signature and found the route and, where the path stands inside a project,
the project. Answers keep to what official clients need: only 200 is success, header names are lower
case, and an empty body carries no JSON content type, which Node's client would try to parse.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson

from sink.local.sls.errors import parameter_invalid, post_body_invalid
from sink.local.wire import Request, Response

LARGEST_PAGE = 500
T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """An authenticated request for one operation. `names` are the variables of the route's path."""

    request: Request
    account_id: str
    project_id: int
    names: Mapping[str, str]

    @cached_property
    def parameters(self) -> dict[str, str]:
        """The query, decoded; `+` is a space, since Python's client writes it so."""
        return dict(parse_qsl(self.request.query, keep_blank_values=True))

    def document(self) -> dict[str, Any]:
        """The body as a JSON object. Raises `SlsError`: PostBodyInvalid."""
        document = self.json()
        if not isinstance(document, dict):
            raise post_body_invalid("The request body is not valid JSON object.")
        return document

    def json(self) -> Any:
        """The body as JSON of any kind. Raises `SlsError`: PostBodyInvalid."""
        try:
            return orjson.loads(self.request.body)
        except orjson.JSONDecodeError as error:
            raise post_body_invalid(f"The request body is not valid JSON object: {error}.") from error

    def required(self, name: str) -> str:
        """A parameter that has to be there. Raises `SlsError`: ParameterInvalid."""
        value = self.parameters.get(name)
        if not value:
            raise parameter_invalid(f"{name} does not exist in the parameters of the request.")
        return value

    def number(self, name: str, default: int, allowed: range) -> int:
        """A whole number from the query, `default` if there is none. Raises `SlsError`: ParameterInvalid."""
        text = self.parameters.get(name) or str(default)
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or int(text) not in allowed:
            limits = f"[{allowed[0]}-{allowed[-1]}]"
            raise parameter_invalid(f"{name} : {text} pair is invalid, it should be in {limits}.")
        return int(text)


Handler = Callable[[Call], Awaitable[Response]]


class Scope(Enum):
    """Which hosts an operation is called on."""

    PROJECT = "a project's host"
    ACCOUNT = "the bare endpoint"
    ANY = "either"


@dataclass(frozen=True)
class Route:
    """One operation: where it stands, what the vendor calls it, who answers it.

    `template` is a path with `{variables}`. SLS hangs several operations on one path and tells them
    apart by a parameter; `when` names it with the values that mean this operation.
    """

    method: str
    template: str
    operation: str
    handler: Handler
    when: tuple[str, ...] = ()
    scope: Scope = Scope.PROJECT


def done() -> Response:
    """The success that says nothing more."""
    return Response(200)


def answer(document: Any, headers: Mapping[str, str] | None = None) -> Response:
    """A success with a JSON body."""
    return Response(200, {"content-type": "application/json", **(headers or {})}, orjson.dumps(document))


def page(call: Call, items: list[Any], name: str) -> Response:
    """A list as SLS shows a page of it: `count` on the page, `total`, and the items under a name."""
    chosen = page_of(call, items)
    return answer({"count": len(chosen), "total": len(items), name: chosen})


def page_of(call: Call, items: list[T]) -> list[T]:
    """The page of a list that `offset` and `size` ask for, at most 500 items."""
    offset = call.number("offset", 0, range(1 << 31))
    size = call.number("size", 100, range(1 << 31))
    return items[offset : offset + min(size, LARGEST_PAGE)]
