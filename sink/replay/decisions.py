"""Decisions, then and now, and how they compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sink.action import Status
from sink.dispatch import ADMITTED
from sink.events import Event
from sink.replay.recorded import steps_of

ACT, UNKNOWN, NOTHING = "act", "unknown", "not recorded"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided: `act`, `skipped`, `refused`; `unknown` where the records do not tell."""

    verdict: str
    reason: str

    @property
    def cause(self) -> str:
        """The reason's head, without what varies from case to case."""
        return self.reason.split(":")[0] if self.verdict in ("skipped", "refused") else ""


@dataclass(frozen=True, slots=True)
class Compared:
    """A decision then and now."""

    event: Event
    module: str
    then: Decision
    now: Decision

    @property
    def differs(self) -> bool:
        """Tell whether today's settings decide otherwise, as far as the records tell."""
        return UNKNOWN not in (self.now.verdict, self.then.verdict) and (
            (self.then.verdict, self.then.cause) != (self.now.verdict, self.now.cause)
        )


def decided_then(record: Mapping[str, str] | None) -> Decision:
    """What was decided then, by the record."""
    if record is None:
        return Decision(NOTHING, "the module was off, or its record is not in the window")
    status, reason = record["status"], record["reason"]
    if status in (Status.SKIPPED, Status.REFUSED):
        return Decision(status, reason)
    acted = status in (Status.DONE, Status.SHADOW) or any(
        step["step"] == ADMITTED for step in steps_of(record)
    )
    return Decision(ACT, reason) if acted else Decision(UNKNOWN, reason)
