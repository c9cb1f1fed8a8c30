"""One recorded event and one module, decided again: a run of which nothing is carried out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, cast

from sink.action import Cloud, Earlier, News, Outcome, Status, Step, restored
from sink.dispatch import ADMITTED, Conduct, Module, Newsroom, Verdict, deadline_at_pace
from sink.errors import PermanentError
from sink.events import Event
from sink.guard import Usage
from sink.replay.decisions import ACT, UNKNOWN, Decision
from sink.replay.recorded import Answers, RecordedCloud, steps_of
from sink.replay.turns import Turns


@dataclass(slots=True)
class Used:
    """What a module has used up, as decided anew."""

    admitted: list[tuple[int, Event, str]] = field(default_factory=list)
    """When, for which event, and how it had ended then."""
    taken: list[tuple[int, str, str]] = field(default_factory=list)
    """When, from which group, which server."""
    calling: list[tuple[int, str]] = field(default_factory=list)
    failures: int = 0
    closed_again_ms: int = 0
    """When the circuit that was opened last has cooled down."""
    opened_because: str = ""

    @property
    def began_ms(self) -> int:
        """When the window began: with the first event that called for the module."""
        return self.calling[0][0] if self.calling else 0


class Past:
    """One event and one module, as they were: run and admission of a conduct that carries nothing out."""

    def __init__(
        self,
        event: Event,
        module: Module,
        record: Mapping[str, str],
        newsroom: Newsroom,
        used: Used,
        turns: Turns,
        pace: float,
    ) -> None:
        self._event = event
        self._module = module
        self._record = record
        self._newsroom = newsroom
        self._used = used
        self._turns = turns
        self.pace = pace
        self.notes: Mapping[str, Any] = {}
        self.deadline_ms = deadline_at_pace(module.action, event, pace)
        self._now_ms = int(record.get("started_at_ms") or event.event_time_ms or 0)
        self._answers = Answers.of(record)

    async def decide(self) -> Decision:
        """Conduct the run as a shadow, and read its outcome."""
        shadow = replace(self._module, mode="shadow")
        cloud = cast(Cloud, RecordedCloud(self, self._answers))
        conduct = Conduct(shadow, self._event, self, cloud, self, self, Random(0))
        return self._decision(await conduct.outcome())

    def _decision(self, outcome: Outcome) -> Decision:
        if outcome.status is Status.SHADOW:
            return Decision(ACT, outcome.reason)
        if outcome.status is Status.FAILED:
            return Decision(UNKNOWN, outcome.reason)
        return Decision(outcome.status.value, outcome.reason)

    # The run.

    def begun(self, order: str) -> int | None:
        """Nothing was."""
        return None

    def now_ms(self) -> int:
        """The clock of then."""
        return self._now_ms

    def news(self, instance_id: str) -> Sequence[News]:
        """As it was recorded; else what was received until then, within the window."""
        found = self._answers.first(f"news {instance_id}", None)
        return self._newsroom.of(instance_id) if found is None else restored(tuple[News, ...], found)

    async def next_news(self, instance_id: str, timeout_seconds: float) -> None:
        """Time passes."""
        await self.sleep(timeout_seconds)

    async def earlier(self, instance_id: str, since_ms: int) -> Sequence[Earlier]:
        """Runs of before the window by the record, those within it as decided anew."""
        known = restored(tuple[Earlier, ...], self._answers.first(f"earlier {instance_id}", []))
        before = [one for one in known if one.admitted_at_ms < self._used.began_ms]
        return before + [
            Earlier(one.event_key, at, status)
            for at, one, status in self._used.admitted
            if one.instance_id == instance_id and at >= since_ms
        ]

    async def sleep(self, seconds: float) -> None:
        """Time passes."""
        self._now_ms += round(max(0.0, seconds) * 1000 / self.pace)

    async def note(self, **facts: Any) -> None:
        """There is nothing to come back to."""
        self.notes = {**self.notes, **facts}

    async def intend(self, order: str) -> None:
        """No order is given here."""
        raise PermanentError(f"a plan gave an order: {order}")

    def tell(self, step: Step) -> None:
        """There is a record already."""

    # The admission.

    async def circuit(self) -> str | None:
        """The circuit as it would have been."""
        used, limits = self._used, self._module.guard.limits
        used.calling.append((self._now_ms, self._event.instance_id))
        if self._now_ms < used.closed_again_ms:
            return used.opened_because
        since_ms = self._now_ms - limits.mass_seconds * 1000 / self.pace
        calling = len({instance_id for at, instance_id in used.calling if at >= since_ms})
        if calling > limits.mass_events:
            self._open(f"mass event: {calling} instances call for {self._module.name}")
            return used.opened_because
        return None

    async def admit(self, verdict: Verdict, *, keep: bool) -> None:
        """Judge when it was judged then, by what was used up so far, and use it."""
        await self._turns.wait(*self._turn())
        window_ms = self._module.guard.limits.window_minutes * 60_000 / self.pace
        since_ms = self._now_ms - window_ms
        taken: dict[str, set[str]] = defaultdict(set)
        for at, group_id, server_id in self._used.taken:
            if at >= since_ms:
                taken[group_id].add(server_id)
        actions = sum(at >= since_ms for at, *_ in self._used.admitted)
        if verdict.judge(Usage(actions, {group_id: frozenset(ids) for group_id, ids in taken.items()})):
            self._use(verdict)

    def _turn(self) -> tuple[float, int]:
        """When it was judged then (ms), and its rank among those of the same millisecond.

        Whoever was refused anything came after the one who had taken it. A record without a deadline does not
        tell when it was admitted: then, no sooner than it comes to it by the clock of then.
        """
        steps = steps_of(self._record)
        struck_out = sum(step["step"].startswith("guard ") for step in steps)
        for step in steps:
            if step["step"] == ADMITTED:
                judged_ms = int(self._record.get("event_time_ms") or 0) + int(step.get("used_ms") or 0)
                return max(self._now_ms, judged_ms), struck_out
        return max(self._now_ms, int(self._record.get("finished_at_ms") or 0)), struck_out + 1

    def _use(self, verdict: Verdict) -> None:
        status = self._record.get("status", "")
        self._used.admitted.append((self._now_ms, self._event, status))
        for group_id, server_ids in verdict.takes.items():
            self._used.taken += [(self._now_ms, group_id, server_id) for server_id in server_ids]
        self._used.failures = self._used.failures + 1 if status == Status.FAILED else 0
        if self._used.failures >= self._module.guard.limits.max_failures:
            self._open(f"{self._used.failures} failures in a row")

    def _open(self, reason: str) -> None:
        cooldown_ms = round(self._module.guard.limits.cooldown_minutes * 60_000 / self.pace)
        self._used.closed_again_ms = self._now_ms + cooldown_ms
        self._used.opened_because, self._used.failures = reason, 0

    # Who is told.

    def bug(self, error: Exception) -> None:
        """An action that fails on what was recorded fails loudly."""
        raise error
