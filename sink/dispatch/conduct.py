"""One run from its event to its outcome: what is allowed, what is called for, what came of it.

    guards → plan → tags → admission → carry out → outcome

Every way out is an `Outcome`: a guard's no, the action's own, an error that stays, a bug. Errors that
may pass are waited out and the run begins anew, for as long as there is time. Only LostRun and LedgerError
leave: then the run is not ours to end, or its end could not be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from sink.action import Action, Cloud, GroupState, Instance, Outcome, Plan, Run, Skip, Status, Step
from sink.backoff import Backoff
from sink.config import Mode
from sink.dispatch.admission import Admission, Verdict
from sink.errors import (
    CloudError,
    LedgerError,
    LostRun,
    PermanentError,
    TemporaryError,
    Throttled,
    Unreachable,
)
from sink.events import Event
from sink.guard import Guard, Refusal, is_near_its_end, servers_of

ADMITTED = "admitted"
"""The step of a record that says what for: orders follow it."""
_YOUNG_SECONDS = 120.0
_LOOK_AGAIN_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Module:
    """An enabled action, with its mode and its guard."""

    action: Action
    guard: Guard = field(default_factory=Guard)
    mode: Mode = "live"

    @property
    def name(self) -> str:
        """The action's name."""
        return self.action.name


class Told(Protocol):
    """Who hears of what an operator should look at."""

    def bug(self, error: Exception) -> None:
        """Something raised that should not."""


@dataclass(slots=True)
class Conduct:
    """A run on its way. `outcome` takes it there, once."""

    module: Module
    event: Event
    run: Run
    cloud: Cloud
    admission: Admission
    told: Told
    random: Random
    admitted: Plan | None = None
    """The plan that was admitted, here or before a restart."""
    attempts: int = 0
    began_ms: int = field(init=False)

    def __post_init__(self) -> None:
        self.began_ms = self.run.now_ms()

    async def outcome(self) -> Outcome:
        """The end of the run. Raises LostRun and LedgerError only."""
        pauses = Backoff(1.0, 30.0, self.random)
        while True:
            self.attempts += 1
            try:
                return await self._attempt()
            except (LostRun, LedgerError):
                raise
            except TemporaryError as error:
                problem, pause = error.message, error.retry_after_seconds
            except (Unreachable, Throttled) as error:
                problem, pause = str(error), pauses.next_seconds()
            except (PermanentError, CloudError) as error:
                return Outcome.failed(str(error))
            except Exception as error:  # noqa: BLE001 - an action's bug ends its run, and nothing else
                self.told.bug(error)
                return Outcome.failed(f"a bug in {self.module.name}: {error!r}")
            if self.run.now_ms() + pause * 1000 / self.run.pace > self._give_up_at_ms():
                return Outcome.failed(f"no time left: {problem}")
            self.run.tell(Step("again later", problem))
            await self.run.sleep(pause)

    async def _attempt(self) -> Outcome:
        """One way through; a run that was admitted before a restart goes on where it was."""
        if self.admitted is not None:
            return await self.module.action.carry_out(self.admitted, self.cloud)
        if refusal := await self._forbidden():
            return _refused(refusal)
        if self._is_late():
            return Outcome(Status.SKIPPED, "deadline passed: it was received too late")
        if (untagged := await self._untagged()) is not None:
            return untagged
        decision = await self.module.action.plan(self.event, self.cloud)
        if isinstance(decision, Skip):
            return Outcome(Status.SKIPPED, decision.reason, decision.alarm)
        return await self._carry_out_what_is_allowed(decision)

    async def _forbidden(self) -> Refusal | None:
        """What forbids to act before anything of the instance is known."""
        guard = self.module.guard
        if refusal := guard.check_switch() or guard.check_event(self.event):
            return refusal
        reason = await self.admission.circuit()
        return Refusal("circuit", reason) if reason else None

    async def _untagged(self) -> Outcome | None:
        """Why the instance's owner does not want it; None where it is opted in."""
        instance = await self._instance()
        if instance is None:
            return Outcome(Status.SKIPPED, f"{self.event.instance_id} is not there any more")
        refusal = self.module.guard.check_tags(instance)
        if refusal is not None and refusal.guard == "tag" and self._tags_may_come(instance):
            raise TemporaryError(refusal.reason, retry_after_seconds=_LOOK_AGAIN_SECONDS)
        return _refused(refusal) if refusal else None

    async def _instance(self) -> Instance | None:
        """The instance: as it is, or in a hurry as it was lately, if that is enough to go on."""
        if self.run.deadline_ms is not None:
            cached = await self.cloud.cached_instance(self.event.instance_id)
            if cached is not None and self.module.guard.check_tags(cached) is None:
                return cached
        return await self.cloud.instance(self.event.instance_id)

    def _tags_may_come(self, instance: Instance) -> bool:
        """Tags come up to a minute after the instance; an older one that has none was not opted in."""
        waited_ms = (self.run.now_ms() - self.began_ms) * self.run.pace
        age_ms = (self.run.now_ms() - (instance.created_at_ms or 0)) * self.run.pace
        patience_ms = self.module.guard.limits.tag_retry_seconds * 1000
        return waited_ms < patience_ms and age_ms < patience_ms + _YOUNG_SECONDS * 1000

    async def _carry_out_what_is_allowed(self, plan: Plan) -> Outcome:
        """Admit the plan, or as much of it as the guards let pass, and carry that out."""
        verdict = Verdict(self.module.guard, plan, await self._groups(plan))
        shadow = self.module.mode == "shadow"
        await self.admission.admit(verdict, keep=not shadow)
        for refusal in verdict.refusals:
            self.run.tell(Step(f"guard {refusal.guard}", refusal.reason))
        if verdict.refused:
            return _refused(verdict.refused)
        if shadow:
            return Outcome(Status.SHADOW, verdict.plan.reason)
        self.admitted = verdict.plan
        self.run.tell(Step(ADMITTED, verdict.plan.reason))
        return await self.module.action.carry_out(self.admitted, self.cloud)

    async def _groups(self, plan: Plan) -> list[GroupState]:
        """The groups that the plan takes from; read anew where one server more or less decides."""
        states = []
        for group in dict.fromkeys(place.group for place in plan.places):
            state = await self.cloud.group(group, fresh=False)
            if is_near_its_end(state, servers_of(plan, group)):
                state = await self.cloud.group(group)
            states.append(state)
        return states

    def _is_late(self) -> bool:
        return self.run.deadline_ms is not None and self.run.now_ms() >= self.run.deadline_ms

    def _give_up_at_ms(self) -> float:
        if self.run.deadline_ms is not None:
            return self.run.deadline_ms
        return self.began_ms + self.module.action.patience_seconds * 1000 / self.run.pace


def _refused(refusal: Refusal) -> Outcome:
    return Outcome(Status.REFUSED, f"{refusal.guard}: {refusal.reason}")


def deadline_at_pace(action: Action, event: Event, pace: float) -> int | None:
    """The deadline of an event in a cloud that lives so many times faster than life, ms since 1970."""
    deadline_ms = action.deadline_ms(event)
    if deadline_ms is None or event.event_time_ms is None:
        return deadline_ms
    return event.event_time_ms + round((deadline_ms - event.event_time_ms) / pace)
