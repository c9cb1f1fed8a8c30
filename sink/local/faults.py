"""Faults on demand: what the real cloud does to its clients on a bad day.

A rule names the calls that it strikes and what happens to them. `POST /_local/faults` adds one
(`control.py`), `Cloud` asks `Faults.strike` for each request and carries the answer out. Rules are
tried in the order in which they came; the first that fits and is due strikes alone.

    {"match": "mns:BatchReceiveMessage", "status": 503, "code": "ServerBusy", "times": 3}
    {"match": "sls:*", "resource": "/logstores/events", "reset": true, "after_effect": true}
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sink.local.fault import Fault


class Faults:
    """The rules in force, and how often each has met a request it fits."""

    def __init__(self) -> None:
        self._met: dict[Fault, int] = {}

    def add(self, fault: Fault) -> None:
        """Put a rule in force. A rule that is in force already starts anew."""
        self._met[fault] = 0

    def clear(self) -> None:
        """End all rules."""
        self._met.clear()

    def all(self) -> list[Fault]:
        """The rules in force."""
        return list(self._met)

    def strike(self, call: str, resource: str) -> Fault | None:
        """Count this request, and return the rule that strikes it."""
        fitting = [fault for fault in self._met if fault.fits(call, resource)]
        return next((fault for fault in fitting if self._due(fault)), None)

    def _due(self, fault: Fault) -> bool:
        self._met[fault] += 1
        strikes, rest = divmod(self._met[fault], fault.every)
        return rest == 0 and (fault.times is None or strikes <= fault.times)
