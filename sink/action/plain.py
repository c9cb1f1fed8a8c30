"""Values of the contract as JSON, and back: plans in the ledger, results of steps in the records."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def plain(value: Any) -> Any:
    """The value as JSON has it: dataclasses as objects, tuples as lists.

    >>> from sink.action import News
    >>> plain((News("Instance:StateChange", "Stopped", 5),))[0]["status"]
    'Stopped'
    """
    return _adapter(Any).dump_python(value, mode="json")


def restored(kind: type[T], value: Any) -> T:
    """The value of this type that `plain` made JSON of. Raises ValueError for what it did not make.

    >>> restored(tuple[int, ...], [1, 2])
    (1, 2)
    """
    result: T = _adapter(kind).validate_python(value)
    return result
