"""Faults on demand: what the real cloud does to its clients on a bad day.

A rule names the calls that it strikes and what happens to them. `POST /_local/faults` adds one
(`control.py`), `Cloud` asks `Faults.strike` for each request and carries the answer out. Rules are
tried in the order in which they came; the first that fits and is due strikes alone.

    {"match": "mns:BatchReceiveMessage", "status": 503, "code": "ServerBusy", "times": 3}
    {"match": "sls:*", "resource": "/logstores/events", "reset": true, "after_effect": true}
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from http.client import responses

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Fault(BaseModel):
    """One rule, in the form in which it is posted. Unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    match: str
    """Service and operation with `*` as in file names: `mns:SendMessage`, `sls:Get*`, `*`."""
    resource: str | None = None
    """Only requests whose host and path, `project.127.0.0.1/logstores/events`, contain this."""
    status: int | None = Field(default=None, ge=400, le=599)
    """Answer with this error, in the service's own shape."""
    code: str = "InternalError"
    message: str = ""
    delay_seconds: float = Field(default=0, ge=0)
    """Wait so long before the operation, with `after_effect` before its answer."""
    reset: bool = False
    """Close the connection without an answer."""
    truncate: int | None = Field(default=None, ge=0)
    """Close the connection after so many bytes of the body, of which Content-Length promises all."""
    after_effect: bool = False
    """Carry the operation out first: its answer is what gets lost."""
    times: int | None = Field(default=None, ge=1)
    """Strike so often, then never again; None is for ever."""
    every: int = Field(default=1, ge=1)
    """Strike each so-many-th request that fits."""

    @model_validator(mode="after")
    def _does_something(self) -> Fault:
        if not (self.status or self.delay_seconds or self.reset or self.truncate is not None):
            raise ValueError("a fault needs a status, delay_seconds, reset or truncate")
        return self

    @property
    def spares_effect(self) -> bool:
        """Whether the operation is carried out at all."""
        return self.after_effect or not (self.reset or self.status)

    @property
    def text(self) -> str:
        """The message, or the status in words."""
        return self.message or responses.get(self.status or 0, self.code)

    def fits(self, call: str, resource: str) -> bool:
        """Tell whether the rule concerns this call, `mns:SendMessage`, on this resource."""
        return fnmatchcase(call, self.match) and (self.resource or "") in resource


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
