"""Start again what stopped without anybody having meant it to.

`Stopped` says nothing of why: owners stop instances, so do arrears, locks, reclaims and the platform itself.
`causes.py` is the table of everything that explains a stop; only what none of its rows explains is started.
`starting.py` starts it, and watches that it stays up. `options.py` is what can be set.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar

from actions.restart.causes import Facts, Wait, explain
from actions.restart.options import RestartOptions
from actions.restart.starting import Start
from sink.action import Action, Cloud, Outcome, Plan, Skip
from sink.errors import TemporaryError
from sink.events import STATE_CHANGE, Event

__all__ = ["Restart", "RestartOptions"]

FAILURES = ("Instance:InstanceFailure.Reboot", "Instance:SystemFailure.Reboot")
"""After these the platform starts the instance by itself; it is looked after where that failed."""
_MINUTE_MS = 60_000


class Restart(Action):
    """Starts an instance whose stop nothing explains, and watches until it runs."""

    name = "restart"
    handles = (STATE_CHANGE, *FAILURES)
    permissions = (
        "ecs:DescribeInstances",
        "ecs:DescribeInstanceHistoryEvents",
        "ecs:StartInstance",
        "ess:DescribeScalingInstances",
        "actiontrail:LookupEvents",
    )
    patience_seconds = 3600.0
    Options: ClassVar[type[RestartOptions]] = RestartOptions
    options: RestartOptions

    def wants(self, event: Event) -> bool:
        """A stop, or the end of the platform's own restart."""
        if event.kind == STATE_CHANGE:
            return event.state == "Stopped"
        return event.kind in FAILURES and event.status in ("Executed", "Failed")

    async def plan(self, event: Event, cloud: Cloud) -> Plan | Skip:
        """Look for what explains the stop: first where nothing has to be asked, then everywhere."""
        facts = Facts(
            at_ms=event.event_time_ms if event.event_time_ms is not None else cloud.run.now_ms(),
            now_ms=cloud.run.now_ms(),
            pace=cloud.run.pace,
            options=self.options,
            instance=await cloud.instance(event.instance_id),
            news=cloud.run.news(event.instance_id),
        )
        decision = explain(facts)
        if decision is None:
            decision = explain(await self._with_history(facts, event.instance_id, cloud))
        if isinstance(decision, Wait):
            raise TemporaryError(decision.reason, retry_after_seconds=decision.seconds)
        return decision or Plan(
            "nothing explains this stop: a crash, or a shutdown from inside",
            facts={"instance_id": event.instance_id},
        )

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        """Start the instance, and watch until it stays up."""
        return await Start(plan.facts["instance_id"], cloud, self.options).carry_out()

    async def _with_history(self, facts: Facts, instance_id: str, cloud: Cloud) -> Facts:
        """The facts with all that has to be asked for."""
        window_ms = round(self.options.attempts_window_minutes * _MINUTE_MS / facts.pace)
        asked_since_ms = facts.at_ms - round(self.options.order_minutes * _MINUTE_MS / facts.pace)
        history, member, earlier, orders = await asyncio.gather(
            cloud.history(instance_id),
            cloud.scaling_member(instance_id),
            cloud.run.earlier(instance_id, facts.now_ms - window_ms),
            cloud.orders(instance_id, asked_since_ms) if facts.trail_is_due else _nothing(),
        )
        return replace(facts, news=(*facts.news, *history), member=member, earlier=earlier, orders=orders)


async def _nothing() -> tuple[()]:
    return ()
