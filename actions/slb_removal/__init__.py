"""Take an instance out of its load balancers before it is reclaimed.

    weight 0 in every group → wait until its connections fall → remove → see that it is gone
                            → reclaimed: done · withdrawn: put back as it was

A reclaim is announced five minutes ahead. `traffic.py` moves traffic away and back, group by group, and
looks each time at what came of it; `ending.py` knows how the story ended; `options.py` is what can be set.
On maintenance and host failures, where that is switched on, an instance is not removed: its weight is
0 until it runs again.
"""

from __future__ import annotations

from typing import Any, ClassVar

from actions.slb_removal.ending import Ending
from actions.slb_removal.options import SlbRemovalOptions
from actions.slb_removal.traffic import Traffic
from sink.action import Action, Cloud, Outcome, Place, Plan, ScalingMember, Skip, plain, restored
from sink.events import INTERRUPTION, Event

__all__ = ["NOTICE_SECONDS", "SlbRemoval", "SlbRemovalOptions"]

NOTICE_SECONDS = 300
"""From the notice to the reclaim (ECS documentation, "Preemptible instances"). No event tells it."""
_MAINTENANCE = "Instance:SystemMaintenance.*"
_FAILURE = "Instance:SystemFailure.*"


class SlbRemoval(Action):
    """Takes a preemptible instance out of every group that it serves in."""

    name = "slb_removal"
    handles = (INTERRUPTION, _MAINTENANCE, _FAILURE)
    permissions = (
        "slb:SetBackendServers",
        "slb:RemoveBackendServers",
        "slb:AddBackendServers",
        "slb:SetVServerGroupAttribute",
        "slb:RemoveVServerGroupBackendServers",
        "slb:AddVServerGroupBackendServers",
        "alb:UpdateServerGroupServersAttribute",
        "alb:RemoveServersFromServerGroup",
        "alb:AddServersToServerGroup",
        "nlb:UpdateServerGroupServersAttribute",
        "nlb:RemoveServersFromServerGroup",
        "nlb:AddServersToServerGroup",
        "ess:EnterStandby",
        "ess:ExitStandby",
        "cms:QueryMetricLast",
    )
    Options: ClassVar[type[SlbRemovalOptions]] = SlbRemovalOptions
    options: SlbRemovalOptions

    def wants(self, event: Event) -> bool:
        """An interruption that is no masked test, and what is switched on besides."""
        if event.kind == INTERRUPTION:
            return "*" not in str(event.content.get("action", ""))
        wanted = self.options.maintenance if "Maintenance" in event.kind else self.options.failures
        return wanted and super().wants(event) and event.status == "Executing"

    def deadline_ms(self, event: Event) -> int | None:
        """The end of an interruption's notice."""
        if event.kind != INTERRUPTION or event.event_time_ms is None:
            return None
        return event.event_time_ms + NOTICE_SECONDS * 1000

    async def plan(self, event: Event, cloud: Cloud) -> Plan | Skip:
        """Find every place where the instance serves."""
        instance_id = event.instance_id
        member = await cloud.scaling_member(instance_id)
        if member is not None and self.options.scaling_groups == "leave":
            return Skip(f"scaling group: {member.scaling_group_id} takes care of it")
        found = [one for one in await cloud.places(instance_id) if self._is_ours(one)]
        places = tuple(one for one in found if one.group.kind != "master_slave")
        fixed = sorted({one.group.group_id for one in found if one.group.kind == "master_slave"})
        if not places:
            only = (
                f", but for the master/slave groups {', '.join(fixed)}, which cannot be edited"
                if fixed
                else ""
            )
            return Skip(f"it serves behind no balancer{only}")
        facts: dict[str, Any] = {
            "instance_id": instance_id,
            "began_ms": event.event_time_ms if event.event_time_ms is not None else cloud.run.now_ms(),
            "reclaim": event.kind == INTERRUPTION,
            "kind": event.kind,
            "member": plain(member),
            "groups": len({one.group for one in places}),
            "fixed": fixed,
        }
        what = "it is about to be reclaimed" if facts["reclaim"] else f"{event.kind} is being executed"
        return Plan(f"{what}, and serves in {_counted(facts['groups'], 'group')}", places, facts)

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        """Move its traffic away, and see how the story ends."""
        traffic = Traffic(plan.facts["instance_id"], plan.places, cloud, self.options)
        ending = Ending(plan.facts, traffic, cloud, self.options)
        if not plan.facts["reclaim"]:
            await traffic.drain()
            return await ending.when_it_is_over()
        member = restored(ScalingMember | None, plan.facts["member"])  # type: ignore[arg-type]
        whole = len({one.group for one in plan.places}) == plan.facts["groups"]
        if member is not None and whole and self.options.scaling_groups == "standby":
            await traffic.stand_by(member)
        await traffic.drain()
        await traffic.wait_until_idle(plan.facts["began_ms"])
        await traffic.remove()
        return await ending.of_a_reclaim(member)

    def _is_ours(self, place: Place) -> bool:
        return not self.options.groups or place.group.group_id in self.options.groups


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
