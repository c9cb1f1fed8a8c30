"""One call of an API and its answer, as values; and how answers are read.

Every part of this folder says what it wants as a `Call`; `gate.py` decides when it is made, `api.py` makes
it. A call carries the function that reads its answer, so that an answer which is not what the API
documents counts as none, and is asked for again, like one that never came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

Document = Mapping[str, Any]
T = TypeVar("T")

_READS = ("Describe", "List", "Lookup")


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One call. `parse` may raise KeyError, TypeError or ValueError for what no such API answers."""

    product: str
    """The API's own name: `ecs slb alb nlb ess cms actiontrail`."""
    action: str
    region_id: str
    parse: Callable[[Document], T]
    parameters: Mapping[str, str | int] = field(default_factory=dict)
    repeatable: bool = True
    """Whether it may be made again where nobody knows if the first one had its effect."""
    read_seconds: float = 10.0
    """How long an answer may take."""

    @property
    def line(self) -> Line:
        """The queue that it stands in."""
        return Line(self.product, self.region_id, self.action)


@dataclass(frozen=True, slots=True)
class Line:
    """What the vendor counts calls by: an API in a region."""

    product: str
    region_id: str
    action: str

    @property
    def changes(self) -> bool:
        """Tell whether it changes something: of such calls far fewer are allowed."""
        return not self.action.startswith(_READS)


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came back, and the vendor's name for the exchange."""

    value: T
    api: str = ""
    """Empty where nothing was called."""
    request_id: str = ""


def milliseconds(text: str) -> int | None:
    """The moment that an API writes as `2026-01-02T03:04Z`, with or without seconds; None for no text.

    >>> milliseconds("1970-01-01T00:01Z"), milliseconds("1970-01-01T00:00:01Z"), milliseconds("")
    (60000, 1000, None)
    """
    if not text:
        return None
    form = "%Y-%m-%dT%H:%MZ" if text.count(":") == 1 else "%Y-%m-%dT%H:%M:%SZ"
    return round(datetime.strptime(text, form).replace(tzinfo=UTC).timestamp() * 1000)


def numbered(name: str, values: list[str]) -> dict[str, str]:
    """A list as POP spells it.

    >>> numbered("InstanceId", ["i-1", "i-2"])
    {'InstanceId.1': 'i-1', 'InstanceId.2': 'i-2'}
    """
    return {f"{name}.{number}": value for number, value in enumerate(values, 1)}
