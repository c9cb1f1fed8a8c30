"""Groups of every kind on the embedded cloud, and runs that see to something while an action waits.

Groups are made by the vendor's calls; servers are put in and read as the sink does it, since that waits while
a balancer is busy.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from actions.slb_removal import SlbRemoval, SlbRemovalOptions
from sink.action import Action, Backend, Cloud, Group, GroupState, Outcome, Place, Plan, Skip, Step
from sink.cloud import AlibabaCloud
from sink.dispatch.conduct import deadline_at_pace
from sink.events import Event
from sink.testing import Carried, EmbeddedCloud, TestRun, embedded_cloud
from sink.testing.cloud import REGION_ID

SPEED = 20.0
"""At which the five minutes of a notice are fifteen seconds: time enough on a busy machine."""


@pytest.fixture(scope="module")
def balancers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancers]:
    """A cloud for all tests of a file: each has instances and groups of its own."""
    with embedded_cloud(tmp_path_factory.mktemp("cloud"), speed=SPEED) as cloud:
        yield Balancers(cloud)


@dataclass(frozen=True)
class Balancers:
    """The balancers of an embedded cloud."""

    cloud: EmbeddedCloud

    def spot(self, **fields: Any) -> str:
        """A preemptible instance that is locked, as one is after its notice; its id."""
        fields = {"spot_strategy": "SpotAsPriceGo", "operation_locks": ["Recycling"], **fields}
        return self.cloud.place(**fields)

    def balancer(self) -> str:
        """A CLB balancer; its id."""
        return str(self.cloud.api("slb")("CreateLoadBalancer")["LoadBalancerId"])

    def vserver(self, *servers: tuple[str, int, int]) -> Group:
        """A VServer group of these servers, ports and weights, and a neighbour that serves."""
        balancer_id = self.balancer()
        made = self.cloud.api("slb")("CreateVServerGroup", LoadBalancerId=balancer_id)
        group = Group("clb", "vserver", made["VServerGroupId"], balancer_id, REGION_ID)
        return self._filled(group, servers)

    def default(self, instance_id: str, weight: int = 100) -> Group:
        """The default group of a balancer, of this server and a neighbour that serves."""
        balancer_id = self.balancer()
        group = Group("clb", "default", balancer_id, balancer_id, REGION_ID)
        return self._filled(group, [(instance_id, 0, weight)])

    def server_group(self, product: Any, *servers: tuple[str, int, int]) -> Group:
        """A server group of ALB or NLB, of these and a neighbour that serves."""
        made = self.cloud.api(product)("CreateServerGroup", ServerGroupName="web", VpcId="vpc-1")
        group_id = made["ServerGroupId"]
        return self._filled(Group(product, "server_group", group_id, group_id, REGION_ID), servers)

    def everywhere(self, instance_id: str) -> list[Group]:
        """A group of every kind that can be edited, with several ports and weights."""
        return [
            self.default(instance_id, 90),
            self.vserver((instance_id, 80, 100), (instance_id, 8080, 30)),
            self.server_group("alb", (instance_id, 80, 70), (instance_id, 8080, 20)),
            self.server_group("nlb", (instance_id, 22, 60)),
        ]

    def pair(self, master: str) -> Group:
        """A master/slave group."""
        balancer_id, slave = self.balancer(), self.cloud.place()
        servers = ", ".join(
            f'{{"ServerId": "{one}", "Port": 3306, "ServerType": "{kind}"}}'
            for one, kind in ((master, "Master"), (slave, "Slave"))
        )
        made = self.cloud.api("slb")(
            "CreateMasterSlaveServerGroup",
            LoadBalancerId=balancer_id,
            MasterSlaveBackendServers=f"[{servers}]",
        )
        return Group("clb", "master_slave", made["MasterSlaveServerGroupId"], balancer_id, REGION_ID)

    def scaling_group(self, instance_id: str) -> str:
        """A scaling group with this member; its id."""
        ess = self.cloud.api("ess")
        made = ess("CreateScalingGroup", RegionId=REGION_ID, MinSize=0, MaxSize=10)
        ess("AttachInstances", **{"ScalingGroupId": made["ScalingGroupId"], "InstanceId.1": instance_id})
        return str(made["ScalingGroupId"])

    def lifecycle_state(self, instance_id: str) -> str:
        """Of a member of a scaling group."""
        shown = self.cloud.api("ess")(
            "DescribeScalingInstances", **{"RegionId": REGION_ID, "InstanceId.1": instance_id}
        )
        return str(shown["ScalingInstances"]["ScalingInstance"][0]["LifecycleState"])

    def weights(self, group: Group, instance_id: str) -> dict[int, int]:
        """The instance's weights in a group, by port."""

        async def read(door: Cloud) -> GroupState:
            return await door.group(group)

        return {one.port: one.weight for one in self.by_door(read).of(instance_id)}

    def serving(self, groups: Sequence[Group], instance_id: str) -> list[dict[int, int]]:
        """The instance's weights in some groups."""
        return [self.weights(one, instance_id) for one in groups]

    def by_door(self, work: Callable[[Cloud], Any]) -> Any:
        """Do something as the sink would."""

        async def within() -> Any:
            async with self.cloud.connected() as vendor:
                return await work(vendor.door(TestRun(pace=SPEED)))

        return asyncio.run(within())

    def _filled(self, group: Group, servers: Sequence[tuple[str, int, int]]) -> Group:
        neighbour = (self.cloud.place(), servers[0][1], 100)
        places = [place(group, *one) for one in (*servers, neighbour)]
        self.by_door(lambda door: door.add(places))
        return group


def place(group: Group, server_id: str, port: int, weight: int) -> Place:
    """A backend of a group."""
    return Place(group, Backend(server_id, port, weight, type="ecs" if group.product == "clb" else "Ecs"))


class Watched(TestRun):
    """A run that has something happen each time when it waits for news: after all else is done."""

    def __init__(self, *happenings: Callable[[], object], **settings: Any) -> None:
        super().__init__(**settings)
        self._happenings = list(happenings)
        self.on_wait: Callable[[], object] | None = None
        """Called when the happenings are used up, each time."""
        self.on_order: Callable[[str], object] | None = None
        """Called before each order."""

    async def intend(self, order: str) -> None:
        """Let something happen before the order is given; what it raises stands in its way."""
        if self.on_order is not None:
            await asyncio.to_thread(self.on_order, order)
        await super().intend(order)

    async def next_news(self, instance_id: str, timeout_seconds: float) -> None:
        """Let the next thing happen; then wait as any run."""
        happening = self._happenings.pop(0) if self._happenings else self.on_wait
        if happening is None:
            await super().next_news(instance_id, timeout_seconds)
        else:
            await asyncio.to_thread(happening)


def watched(action: Action, event: Event, *happenings: Callable[[], object], **settings: Any) -> Watched:
    """A run of this action on this event."""
    deadline_ms = deadline_at_pace(action, event, SPEED)
    run = Watched(*happenings, pace=SPEED, deadline_ms=deadline_ms, **settings)
    run.hear(event)
    return run


class Lagging:
    """A cloud whose groups are read as they were before some orders, so many times after each."""

    def __init__(self, vendor: AlibabaCloud, run: TestRun, orders: Collection[str], looks: int) -> None:
        self.run = run
        self._door = vendor.door(run)
        self._orders = orders
        self._looks = looks
        self._stale: dict[Group, list[GroupState]] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in self._orders:
            return getattr(self._door, name)
        return partial(self._unseen, getattr(self._door, name))

    async def group(self, group: Group, *, fresh: bool = True) -> GroupState:
        """The group, perhaps as it was."""
        stale = self._stale.get(group)
        return stale.pop() if stale else await self._door.group(group, fresh=fresh)

    async def _unseen(self, order: Callable[..., Any], places: Sequence[Place], *more: int) -> None:
        before = await self._door.group(places[0].group)
        await order(places, *more)
        self._stale[before.group] = [before] * self._looks


def planned(one: Balancers, action: Action, event: Event) -> Plan | Skip:
    """What an action plans for an event."""

    async def plan() -> Plan | Skip:
        async with one.cloud.connected() as vendor:
            return await action.plan(event, vendor.door(watched(action, event)))

    return asyncio.run(plan())


def plan_of(one: Balancers, action: Action, event: Event) -> Plan:
    """The plan of an action that makes one."""
    plan = planned(one, action, event)
    assert isinstance(plan, Plan), plan.reason
    return plan


def removal(**options: Any) -> SlbRemoval:
    """The action, which waits for no connections unless told to."""
    return SlbRemoval(SlbRemovalOptions(**{"drain_seconds": 0.0, **options}))


def late(action: Action, event: Event) -> Watched:
    """A run by a clock of its own, in which hours of waiting pass in no time."""
    return watched(action, event, now_ms=time.time_ns() // 1_000_000)


def ended(carried: Carried) -> Outcome:
    """How a run ended that had something to do."""
    assert carried.outcome is not None
    return carried.outcome


def steps_of(run: TestRun, beginning: str) -> list[Step]:
    """The steps whose name begins like this."""
    return [one for one in run.steps if one.step.startswith(beginning)]
