"""An action's record, read for people: what it asked and did, and how the seconds of a notice were used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson

from sink.cli.explain.timeline import span

_BAR_COLUMNS = 40
_ORDERS = ("start", "weigh ", "remove ", "add ", "enter_standby ", "exit_standby ")
_VERDICTS = {
    "done": "done",
    "skipped": "no action, because",
    "refused": "no action, because",
    "failed": "failed",
    "shadow": "would have acted",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as it is shown, or several alike that followed each other."""

    took_ms: int
    step: str
    result: str
    api: str
    is_order: bool


def headline(record: Mapping[str, str]) -> str:
    """How it ended, and why.

    >>> headline({"module": "restart", "status": "refused", "reason": "tag: i-1 has none"})
    'restart: no action, because tag: i-1 has none'
    """
    verdict = _VERDICTS.get(record.get("status", ""), record.get("status", ""))
    joint = " " if verdict.endswith("because") else ": "
    return f"{record.get('module', '')}: {verdict}{joint}{record.get('reason', '')}"


def timing(record: Mapping[str, str]) -> str:
    """How long it took, in which attempt, by which sink."""
    began, ended = record.get("started_at_ms"), record.get("finished_at_ms")
    told = [f"took {span((int(ended) - int(began)) / 1000)}"] if began and ended else []
    if record.get("attempt", "1") != "1":
        told.append(f"attempt {record['attempt']}")
    return ", ".join([*told, f"by {record.get('sink_id', 'an unknown sink')}"])


def steps_of(record: Mapping[str, str]) -> Sequence[Mapping[str, Any]]:
    """The steps; none where the field was cut off or is no list."""
    try:
        steps = orjson.loads(record.get("steps", "[]"))
    except orjson.JSONDecodeError:
        return []
    return [one for one in steps if isinstance(one, dict)] if isinstance(steps, list) else []


def shown(record: Mapping[str, str]) -> list[Shown]:
    """The steps as they are shown: without the instance that all of them are about, and polls as one.

    >>> (one,) = shown({"instance_id": "i-1", "steps": '[{"step": "start i-1", "result": "accepted"}]'})
    >>> one.step, one.result
    ('start', 'accepted')
    """
    own = f" {record.get('instance_id', '')}"
    runs = groupby(steps_of(record), key=lambda one: (str(one.get("step", "")), str(one.get("api", ""))))
    return [_joined(step.replace(own, ""), api, list(alike)) for (step, api), alike in runs]


def _joined(step: str, api: str, alike: Sequence[Mapping[str, Any]]) -> Shown:
    is_order = step.startswith(_ORDERS)
    results = ["" if is_order and isinstance(one.get("result"), list) else _brief(one) for one in alike]
    first, last = results[0], results[-1]
    result = first if first == last else f"{first} → {last}"
    if len(alike) > 1 and api:
        result = f"{result}, asked {len(alike)} times".lstrip(", ")
    return Shown(sum(int(one.get("ms") or 0) for one in alike), step, result, api, is_order)


def _brief(step: Mapping[str, Any]) -> str:
    """What came of a step in a few words."""
    result = step.get("result")
    if isinstance(result, list):
        return f"{len(result)} found"
    if isinstance(result, Mapping):
        if isinstance(backends := result.get("backends"), list):
            return f"{len({one['server_id'] for one in backends})} servers"
        told = (result.get(name) for name in ("status", "lifecycle_state", "message"))
        return str(next((one for one in told if one), ""))
    return "" if result is None else str(result)


def notice_bar(record: Mapping[str, str]) -> list[str]:
    """A notice as a bar: what was used of it until the last order was answered, with the orders' moments.

    Empty for a record of something else than a notice.

    >>> print(*notice_bar({"notice_ms": "300000", "budget_used_ms": "150000"}), sep="\\n")
    ████████████████████░░░░░░░░░░░░░░░░░░░░  2 min 30 s of 5 min used
    """
    if not record.get("notice_ms", "").isdigit() or not int(record["notice_ms"]):
        return []
    notice_ms, used_ms = int(record["notice_ms"]), int(record.get("budget_used_ms", 0))
    columns = min(_BAR_COLUMNS, round(_BAR_COLUMNS * used_ms / notice_ms))
    orders = _orders_by_column(steps_of(record), notice_ms)
    bar = "█" * columns + "░" * (_BAR_COLUMNS - columns)
    lines = [f"{bar}  {span(used_ms / 1000)} of {span(notice_ms / 1000)} used"]
    if orders:
        marks = "".join("▲" if column in orders else " " for column in range(_BAR_COLUMNS)).rstrip()
        first = [f"{span(ms / 1000)} {kind}" for ms, kind in _first_of_each(orders)]
        lines += [marks, " · ".join(first)]
    return lines


def _orders_by_column(steps: Sequence[Mapping[str, Any]], notice_ms: int) -> dict[int, list[tuple[int, str]]]:
    """When orders were answered and what they were, by their place in the bar."""
    found: dict[int, list[tuple[int, str]]] = {}
    for step in steps:
        name, used_ms = str(step.get("step", "")), step.get("used_ms")
        if name.startswith(_ORDERS) and isinstance(used_ms, int) and 0 <= used_ms <= notice_ms:
            column = min(_BAR_COLUMNS - 1, _BAR_COLUMNS * used_ms // notice_ms)
            found.setdefault(column, []).append((used_ms, " ".join(name.split()[: _words(name)])))
    return found


def _words(order: str) -> int:
    """How many words say what an order is, without its object: `weigh 0`, `remove`."""
    return 2 if order.startswith("weigh ") else 1


def _first_of_each(orders: Mapping[int, Sequence[tuple[int, str]]]) -> list[tuple[int, str]]:
    first: dict[str, int] = {}
    for used_ms, kind in sorted(one for column in orders.values() for one in column):
        first.setdefault(kind, used_ms)
    return [(used_ms, kind) for kind, used_ms in first.items()]
