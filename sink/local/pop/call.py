"""One call of a POP operation: what a handler is given, and the tables that products are made of.

`service.py` has checked the signature and opened a moment of the account's fleet (`Scene`), in which the
handler reads and changes what there is; it either returns the answer's document or raises `PopError`, and
then nothing has happened. Parameters come flat: lists as `InstanceId.1`, structures as `Tag.1.Key`, and
some lists as JSON in a string.
"""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson

from sink.local.accounts import AccessKey
from sink.local.fleet.scene import Scene
from sink.local.pop.errors import PopError, invalid_parameter, missing_parameter
from sink.local.wire import Request

Document = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """An authenticated request for one operation, at one moment of the account's fleet."""

    operation: str
    key: AccessKey
    parameters: Mapping[str, str]
    scene: Scene
    request_id: str

    def text(self, name: str, default: str = "") -> str:
        """A parameter, or the default where it is missing or empty."""
        return self.parameters.get(name) or default

    def required(self, name: str) -> str:
        """A parameter that has to be there. Raises PopError MissingParameter."""
        value = self.parameters.get(name)
        if not value:
            raise missing_parameter(name)
        return value

    def number(self, name: str, default: int, allowed: range) -> int:
        """A whole number. Raises PopError InvalidParameter."""
        text = self.text(name, str(default))
        try:
            value = int(text)
        except ValueError as error:
            raise invalid_parameter(name, f"{text} is no number") from error
        if value not in allowed:
            raise invalid_parameter(name, f"{value} is not in {allowed[0]} to {allowed[-1]}")
        return value

    def flag(self, name: str) -> bool:
        """A parameter that is `true`, `True` (as Python's client writes it) or neither."""
        return self.text(name).lower() == "true"

    def listed(self, name: str) -> list[str]:
        """The values of `name.1`, `name.2`, …, in the order of their numbers."""
        return [self.parameters[one] for one in self._numbered(name) if self.parameters[one]]

    def structures(self, name: str) -> list[dict[str, str]]:
        """The fields of `name.1.Field`, `name.2.Field`, …, in the order of their numbers."""
        found: dict[int, dict[str, str]] = {}
        for full, value in self.parameters.items():
            head, _, field = full.removeprefix(f"{name}.").partition(".")
            if full.startswith(f"{name}.") and head.isdigit() and field:
                found.setdefault(int(head), {})[field] = value
        return [found[number] for number in sorted(found)]

    def json_list(self, name: str) -> list[str] | None:
        """A JSON array of texts in a string; None where it is not given. Raises PopError InvalidParameter."""
        text = self.parameters.get(name)
        if not text:
            return None
        try:
            values = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise invalid_parameter(name, f"{text} is no JSON array") from error
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            raise invalid_parameter(name, f"{text} is no JSON array of strings")
        return values

    def page(self, items: Sequence[T], largest: int = 100) -> list[T]:
        """The items of the page that PageNumber and PageSize ask for."""
        size = self.number("PageSize", min(10, largest), range(1, largest + 1))
        start = (self.number("PageNumber", 1, range(1, 1 << 31)) - 1) * size
        return list(items[start : start + size])

    @property
    def page_facts(self) -> dict[str, Any]:
        """How an answer says which page it is."""
        return {"PageNumber": int(self.text("PageNumber", "1")), "PageSize": int(self.text("PageSize", "10"))}

    def stretch(
        self, items: Iterable[T], key: Callable[[T], str], default: int = 10, largest: int = 100
    ) -> tuple[list[T], str]:
        """The items that NextToken and MaxResults ask for, sorted by key, and the token of what follows.

        A token names the last item that was shown, so that items which come and go shift no page.
        """
        size = self.number("MaxResults", default, range(1, largest + 1))
        shown = _read_token(self.text("NextToken"))
        left = sorted((one for one in items if key(one) > shown), key=key)
        more = len(left) > size
        return left[:size], urlsafe_b64encode(key(left[size - 1]).encode()).decode() if more else ""

    def _numbered(self, name: str) -> list[str]:
        numbers = [one.removeprefix(f"{name}.") for one in self.parameters if one.startswith(f"{name}.")]
        return [f"{name}.{number}" for number in sorted((one for one in numbers if one.isdigit()), key=int)]


def _read_token(token: str) -> str:
    try:
        return b64decode(token, altchars=b"-_", validate=True).decode()
    except ValueError as error:
        raise PopError(400, "InvalidNextToken", f"The specified NextToken {token} is not valid.") from error


Handler = Callable[[Call], Document]


def everything(call: Call) -> Iterable[str]:
    """Any resource of the product: of operations that RAM does not limit to single ones."""
    return ("*",)


@dataclass(frozen=True, slots=True)
class Operation:
    """How one operation is carried out, and what RAM has to allow for it."""

    carry_out: Handler
    resources: Callable[[Call], Iterable[str]] = everything
    """What it concerns, as in an ARN after the account: `instance/i-1`."""
    changes: bool = False
    """Whether it changes anything: such calls stand in ActionTrail, and repeat by their ClientToken."""
    ram_name: str = ""
    """RAM's name for it, where that is not the API's."""


@dataclass(frozen=True)
class Product:
    """One product of the vendor: its operations and its own way to deny them."""

    name: str
    """As in ARNs and RAM actions, `ecs`."""
    version: str
    operations: Mapping[str, Operation]
    denial: tuple[int, str, str] = (
        403,
        "Forbidden.RAM",
        "User not authorized to operate on the specified resource, or this API doesn't support RAM.",
    )

    def ram_action(self, operation: str) -> str:
        """What a policy calls an operation: `cms:QueryMetricLast` for DescribeMetricLast."""
        return f"{self.name}:{self.operations[operation].ram_name or operation}"


def request_parameters(request: Request) -> dict[str, str]:
    """Query and form, decoded."""
    pairs = parse_qsl(request.query, keep_blank_values=True)
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
    return dict(pairs)
