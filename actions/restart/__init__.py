"""Start again what stopped without anybody having meant it to.

`Stopped` says nothing of why: owners stop instances, so do arrears, locks, reclaims and the platform itself.
`causes.py` is the table of everything that explains a stop; only what none of its rows explains is started.
`starting.py` starts it, and watches that it stays up. `options.py` is what can be set.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import ClassVar

from actions.restart.causes import Decision, Facts, Wait, explain
from actions.restart.options import RestartOptions
from actions.restart.starting import Start
from sink.action import Action, Cloud, Outcome, Plan, Skip, Status
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
    permissions = ("ecs:DescribeInstanceHistoryEvents", "ecs:StartInstance", "actiontrail:LookupEvents")
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
        if not event.has_instance:
            return Skip(f"{event.instance_id!r} is no instance id: a test event?")
        at_ms = event.event_time_ms if event.event_time_ms is not None else cloud.run.now_ms()
        facts = await self._look(event.instance_id, at_ms, cloud)
        decision = explain(facts) or explain(await self._with_history(facts, event.instance_id, cloud))
        return _skip_or_wait(decision) or Plan(
            "nothing explains this stop: a crash, or a shutdown from inside",
            facts={
                "instance_id": event.instance_id,
                "stopped_at_ms": at_ms,
                "started_at_ms": facts.instance and facts.instance.started_at_ms,
            },
        )

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        """Start the instance, if it is still that stop, and watch until it stays up."""
        instance_id, at_ms = plan.facts["instance_id"], plan.facts["stopped_at_ms"]
        facts = await self._look(instance_id, at_ms, cloud)
        start = Start(instance_id, cloud, self.options)
        if not start.had_effect(facts, plan.facts["started_at_ms"]):
            if skip := _skip_or_wait(explain(facts)):
                return Outcome(Status.SKIPPED, f"meanwhile {skip.reason}", skip.alarm)
            if refused := await start.order():
                return refused
        return await start.watch()

    async def _look(self, instance_id: str, at_ms: int, cloud: Cloud) -> Facts:
        """What the live state and the events of late tell."""
        return Facts(
            at_ms=at_ms,
            now_ms=cloud.run.now_ms(),
            pace=cloud.run.pace,
            options=self.options,
            instance=await cloud.instance(instance_id),
            news=cloud.run.news(instance_id),
        )

    async def _with_history(self, facts: Facts, instance_id: str, cloud: Cloud) -> Facts:
        """The facts with all that has to be asked for."""
        window_ms = round(self.options.attempts_window_minutes * _MINUTE_MS / facts.pace)
        asked_since_ms = facts.at_ms - round(self.options.order_minutes * _MINUTE_MS / facts.pace)
        history, member, earlier, orders = await asyncio.gather(
            cloud.history(instance_id),
            cloud.scaling_member(instance_id),
            cloud.run.earlier(instance_id, facts.now_ms - window_ms),
            cloud.orders(instance_id, asked_since_ms) if self.options.consult_actiontrail else _nothing(),
        )
        return replace(facts, news=(*facts.news, *history), member=member, earlier=earlier, orders=orders)


def _skip_or_wait(decision: Decision) -> Skip | None:
    """A decision without its waiting, which is done here. Raises TemporaryError for it."""
    if isinstance(decision, Wait):
        raise TemporaryError(decision.reason, retry_after_seconds=decision.seconds)
    return decision


async def _nothing() -> tuple[()]:
    return ()
