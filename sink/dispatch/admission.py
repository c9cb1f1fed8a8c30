"""Whether a plan may be carried out now: the guards' verdict, reached under what was used up so far.

`LedgerAdmission` reads the use and writes the admission in one transaction, so that of two sinks racing for
the last slot one gets it. `sink.replay` has an admission of its own, over a use that it counts itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sink.action import GroupState, Plan, plain
from sink.guard import Guard, Refusal, Usage, servers_of
from sink.ledger import Admitted, Claim, Ledger, Use


@dataclass(slots=True)
class Verdict:
    """The guards' verdict on a plan. `judge` may be called again: the last call counts."""

    guard: Guard
    plan: Plan
    """What is wanted, and after `judge` what is left of it."""
    groups: Sequence[GroupState]
    refused: Refusal | None = None
    """Why nothing of it may be done."""
    refusals: Sequence[Refusal] = field(default=())
    """Why some places were struck out."""

    def judge(self, usage: Usage) -> bool:
        """Tell whether the plan, or what is left of it, may be carried out."""
        self.refusals = ()
        self.refused = self.guard.check_window(usage)
        if self.refused is None and self.plan.places:
            left, self.refusals = self.guard.narrow(self.plan, self.groups, usage)
            if left.places:
                self.plan = left
            else:
                self.refused = self.refusals[0]
        return self.refused is None

    @property
    def takes(self) -> dict[str, list[str]]:
        """The servers that the plan takes out, by group id."""
        groups = {place.group for place in self.plan.places}
        return {group.group_id: sorted(servers_of(self.plan, group)) for group in groups}


class Admission(Protocol):
    """Who knows what was used up, and may let a plan pass."""

    async def circuit(self) -> str | None:
        """Why the module's circuit is open; None while it is closed."""

    async def admit(self, verdict: Verdict, *, keep: bool) -> None:
        """Have the verdict judge; where it lets the plan pass, keep that, unless it is a shadow's."""


class LedgerAdmission:
    """Admission by the ledger, for one run. Windows are measured at the cloud's pace."""

    def __init__(self, ledger: Ledger, claim: Claim, guard: Guard, *, now_ms: int, pace: float) -> None:
        self._ledger = ledger
        self._claim = claim
        self._limits = guard.limits
        self._now_ms = now_ms
        self._pace = pace

    async def circuit(self) -> str | None:
        """Why the circuit is open. Instances that call for the module in a mass open it."""
        limits, module = self._limits, self._claim.module
        since_ms = self._now_ms - round(limits.mass_seconds * 1000 / self._pace)
        cooldown_seconds = limits.cooldown_minutes * 60 / self._pace
        standing = await self._ledger.standing(module, since_ms, cooldown_seconds=cooldown_seconds)
        if standing.circuit is not None:
            return standing.circuit.reason
        if standing.calling <= limits.mass_events:
            return None
        reason = (
            f"mass event: {standing.calling} instances call for {module} within {limits.mass_seconds:g} s"
        )
        await self._ledger.open_circuit(module, reason)
        return reason

    async def admit(self, verdict: Verdict, *, keep: bool) -> None:
        """Judge in the ledger's transaction; what passes is durable before anything is ordered by it."""

        def decide(use: Use) -> Admitted | None:
            passed = verdict.judge(Usage(use.actions, use.taken))
            return Admitted(plain(verdict.plan), verdict.takes) if passed and keep else None

        since_ms = self._now_ms - round(self._limits.window_minutes * 60_000 / self._pace)
        await self._ledger.admit(
            self._claim, decide, since_ms, [one.group.group_id for one in verdict.groups]
        )
