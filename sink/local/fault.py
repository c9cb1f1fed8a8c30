"""One rule of `faults.py`, as it is posted: which calls it strikes, how often, and what happens to them.

`control.py` loads this when the first rule is posted: a cloud that is well needs no pydantic.
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
