"""What an action is.

    class Greet(Action):
        name = "greet"
        handles = ("Instance:StateChange",)
        permissions = ("ecs:DescribeInstances",)

        async def plan(self, event, cloud):
            return Plan("it runs") if event.state == "Running" else Skip("only Running is greeted")

        async def carry_out(self, plan, cloud):
            return Outcome.done("greeted")

`dispatch` calls `plan`, asks the guards, calls `carry_out`, and records what came of it. What they raise:

    TemporaryError, or a CloudError that may pass    tried again until its time is over: from `plan` on,
                                                     or from `carry_out` on once the plan was admitted
    PermanentError, or any other CloudError          failed for good
    anything else                                    a bug: logged with its traceback, recorded, final
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from sink.action.cloud import Cloud, Place
from sink.events import Event


class Status(StrEnum):
    """How a run ended."""

    DONE = "done"
    """The effect was seen, or was there already."""
    SKIPPED = "skipped"
    """No action was called for."""
    REFUSED = "refused"
    """It was called for, and a guard forbade it."""
    FAILED = "failed"
    SHADOW = "shadow"
    """It would have been carried out."""


@dataclass(frozen=True, slots=True)
class Skip:
    """No action, because of this reason: a sentence without its full stop, for people."""

    reason: str
    alarm: bool = False
    """Whether an operator should look at it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What an action would do. The ledger keeps it as JSON, and it is handed over after a restart."""

    reason: str
    """Why it is called for: a sentence without its full stop, for people."""
    places: tuple[Place, ...] = ()
    """Backends that it would take traffic from. The guards strike out those of groups that it would empty."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Whatever `carry_out` needs to know, as JSON has it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of carrying a plan out."""

    status: Status
    reason: str
    alarm: bool = False
    """Whether an operator should look at it."""

    @classmethod
    def done(cls, reason: str) -> Outcome:
        """The effect was seen."""
        return cls(Status.DONE, reason)

    @classmethod
    def failed(cls, reason: str, *, alarm: bool = True) -> Outcome:
        """There is no effect, and trying again is no use."""
        return cls(Status.FAILED, reason, alarm)


class Options(BaseModel):
    """What can be set for an action in `[action.NAME]`. Subclasses add fields, each with its docstring."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Action(ABC):
    """An action module. It is built once, and asked for many events at the same time."""

    name: ClassVar[str]
    """As in `[actions] enabled` and in the records' field `module`."""
    handles: ClassVar[Sequence[str]]
    """Kinds of events, with `*` as in file names: `Instance:SystemMaintenance.*`."""
    patience_seconds: ClassVar[float] = 900.0
    """How long a run without a deadline is tried again after errors that may pass."""
    permissions: ClassVar[Sequence[str]] = ()
    """RAM actions that it needs besides what the guards read."""
    Options: ClassVar[type[Options]] = Options

    def __init__(self, options: Any = None) -> None:
        self.options = options if options is not None else self.Options()

    def wants(self, event: Event) -> bool:
        """Tell whether it handles this event: what it does not is neither planned nor recorded."""
        return _is_one_of(event.kind, tuple(self.handles))

    def deadline_ms(self, event: Event) -> int | None:
        """When the time that the event leaves is over, in ms since 1970 at true speed; None for no hurry.

        A run that has not been admitted by then is skipped; one that was goes on to its own end.
        """
        return None

    @abstractmethod
    async def plan(self, event: Event, cloud: Cloud) -> Plan | Skip:
        """Decide. Reads only."""

    @abstractmethod
    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        """Give the orders, then see that they had their effect.

        It is called again after an error that may pass, and after a restart of the sink: so it begins by
        looking at what is.
        """


@lru_cache(maxsize=1024)
def _is_one_of(kind: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a pattern fits. Every event is asked about, and few kinds there are."""
    return any(fnmatchcase(kind, pattern) for pattern in patterns)
