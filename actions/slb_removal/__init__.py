"""Take an instance out of its load balancers before it is reclaimed.

    weight 0 in every group → wait until its connections fall → remove → see that it is gone
                            → reclaimed: done · withdrawn: put back as it was

A reclaim is announced five minutes ahead. `traffic.py` moves traffic away and back in all groups at once,
`serving.py` in one, looking each time at what came of it; `ending.py` knows how the story ended;
`options.py` is what can be set.
On maintenance and host failures, where that is switched on, an instance is not removed: its weight is
0 until it runs again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from actions.slb_removal.ending import Ending
from actions.slb_removal.options import SlbRemovalOptions
from actions.slb_removal.traffic import Traffic, told
from sink.action import Action, Cloud, Outcome, Place, Plan, ScalingMember, Skip, plain
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
        "ecs:DescribeInstanceHistoryEvents",
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
        member, found = await asyncio.gather(
            self._scaling_member(event.instance_id, cloud), cloud.places(event.instance_id)
        )
        if member is not None and self.options.scaling_groups == "leave":
            return Skip(f"scaling group: {member.scaling_group_id} takes care of it")
        ours = [one for one in found if self._is_ours(one)]
        places = tuple(one for one in ours if one.group.kind != "master_slave")
        fixed = sorted({one.group.group_id for one in ours if one.group.kind == "master_slave"})
        if not places:
            return _no_place(found, fixed)
        is_reclaim, planned_ms = event.kind == INTERRUPTION, cloud.run.now_ms()
        facts: dict[str, Any] = {
            "instance_id": event.instance_id,
            "planned_ms": planned_ms,
            "began_ms": event.event_time_ms if event.event_time_ms is not None else planned_ms,
            "reclaim": is_reclaim,
            "kind": event.kind,
            "member": plain(member),
            "groups": _group_count(found),
            "fixed": fixed,
        }
        what = "it is about to be reclaimed" if is_reclaim else f"{event.kind} is being executed"
        count = _group_count(places)
        return Plan(f"{what}, and serves in {count} group{'' if count == 1 else 's'}", places, facts)

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        """Move its traffic away, and see how the story ends."""
        traffic = Traffic(plan.facts["instance_id"], plan.places, cloud, self.options)
        ending = Ending(plan.facts, traffic, cloud, self.options)
        if (outcome := await ending.already()) is not None:
            return outcome
        if not plan.facts["reclaim"]:
            return await self._weigh_meanwhile(traffic, ending)
        until_ms = self._removal_at_ms(plan, cloud)
        # A drain that failed stands in the record, and is made up for by the removal or fails with it.
        # Standby takes the weights of all groups: not where the plan leaves one out.
        is_whole = _group_count(plan.places) == plan.facts["groups"]
        await traffic.drain(until_ms, ending.member if is_whole else None)
        await traffic.wait_until_idle(until_ms)
        await traffic.remove()
        return await ending.of_a_reclaim()

    async def _weigh_meanwhile(self, traffic: Traffic, ending: Ending) -> Outcome:
        """Weight 0 while it lasts. Where a group failed, the others are not left at 0 for that."""
        failures = await traffic.drain()
        outcome = await ending.when_it_is_over()
        if not failures:
            return outcome
        return Outcome.failed(f"{outcome.reason}; but weight 0 failed in {told(failures)}")

    async def _scaling_member(self, instance_id: str, cloud: Cloud) -> ScalingMember | None:
        if self.options.scaling_groups == "remove":
            return None
        return await cloud.scaling_member(instance_id)

    def _removal_at_ms(self, plan: Plan, cloud: Cloud) -> float | None:
        """When it is removed at the latest, in ms since 1970."""
        planned_ms: int = plan.facts["planned_ms"]
        if cloud.run.deadline_ms is None:
            return None
        return planned_ms + self.options.drain_share * (cloud.run.deadline_ms - planned_ms)

    def _is_ours(self, place: Place) -> bool:
        return not self.options.groups or place.group.group_id in self.options.groups


def _group_count(places: Iterable[Place]) -> int:
    return len({one.group for one in places})


def _no_place(found: Sequence[Place], fixed: Sequence[str]) -> Skip:
    """Why there is nothing to do. That it stays where nobody can take it out is for an operator."""
    if fixed:
        only = f"but for the master/slave groups {', '.join(fixed)}, which cannot be edited"
        return Skip(f"it serves behind no balancer, {only}", alarm=True)
    if found:
        return Skip("it serves in none of the groups in [action.slb_removal] groups")
    return Skip("it serves behind no balancer")
