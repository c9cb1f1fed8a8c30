"""A small cloud to act on: an embedded one, whatever stands in it, and a run that keeps its steps.

`Scene` sets up instances, balancers and groups by the vendor's own calls; `scene.opened()` is the cloud as
actions meet it. Both live `PACE` times as fast as life. A run here is in memory, and keeps what it was told.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from sink.action import Backend, Earlier, Group, News, Place, Step
from sink.cloud import RATES, AlibabaCloud, Endpoints, Rate
from sink.credentials import LOCAL_KEYS, Provider
from sink.local.fleets import FleetPlan
from tests.conftest import RunningCloud
from tests.faults import requests
from tests.local.conftest import CloudProcess, running_cloud
from tests.local.pop_client import REGION, Api, Stage, acs_client

PACE = 20.0
QUICK = {product: Rate(10_000, 10_000) for product in RATES}
"""No quota of ours, where a test is about something else."""


@dataclass
class MemoryRun:
    """A run without a ledger. Keeps the contract `sink.action.Run`."""

    deadline_ms: int | None = None
    pace: float = PACE
    steps: list[Step] = field(default_factory=list)
    orders: dict[str, int] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    def begun(self, order: str) -> int | None:
        return self.orders.get(order)

    def now_ms(self) -> int:
        return round(time.time() * 1000)

    def news(self, instance_id: str) -> Sequence[News]:
        return ()

    async def next_news(self, instance_id: str, timeout_seconds: float) -> None:
        raise NotImplementedError

    async def earlier(self, instance_id: str, since_ms: int) -> Sequence[Earlier]:
        return ()

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError

    async def note(self, **facts: Any) -> None:
        self.notes |= facts

    async def intend(self, order: str) -> None:
        self.orders.setdefault(order, self.now_ms())

    def tell(self, step: Step) -> None:
        self.steps.append(step)

    def told(self, name: str) -> list[Step]:
        """The steps of this name."""
        return [one for one in self.steps if one.step == name]


@contextmanager
def living(data: Path, pace: float) -> Iterator[Scene]:
    """An embedded cloud that lives so fast, without anything in it."""
    plan = FleetPlan(0, pace, "ecs-events", Random(1))
    with running_cloud(data / "cloud", fleet=plan) as cloud:
        yield Scene(cloud, pace)


def everything_at(url: str) -> Endpoints:
    """Every product at one URL."""
    return Endpoints(ecs=url, slb=url, alb=url, nlb=url, ess=url, cms=url, actiontrail=url)


def in_(seconds: float) -> int:
    """A deadline so far ahead."""
    return round((time.time() + seconds) * 1000)


@dataclass(frozen=True)
class Scene:
    """What stands in an embedded cloud, put there by the vendor's own calls."""

    cloud: RunningCloud | CloudProcess
    pace: float = PACE

    @property
    def url(self) -> str:
        return self.cloud.url

    @asynccontextmanager
    async def opened(
        self, keys: Provider = LOCAL_KEYS, *, rates: Mapping[str, Rate] = QUICK, **options: Any
    ) -> AsyncIterator[AlibabaCloud]:
        """The cloud as actions meet it, without a background unless told otherwise."""
        options = {"keep_warm": False, "random": Random(7), "pace": self.pace, **options}
        url = options.pop("url", self.url)
        endpoints = options.pop("endpoints", everything_at(url))
        async with AlibabaCloud(endpoints, keys, REGION, rates=rates, **options) as cloud:
            yield cloud

    @property
    def stage(self) -> Stage:
        return Stage(self.url)

    def api(self, product: str) -> Api:
        return Api(self.url, product, acs_client())

    def instance(self, **wishes: Any) -> str:
        """A running instance; its id."""
        return self.stage.instance(**wishes)

    def instances(self, number: int, **wishes: Any) -> list[str]:
        """Running instances; their ids."""
        return [self.instance(**wishes) for _ in range(number)]

    def balancer(self) -> str:
        """A CLB balancer; its id."""
        balancer_id: str = self.api("slb")("CreateLoadBalancer", RegionId=REGION)["LoadBalancerId"]
        return balancer_id

    def vserver_group(self, balancer_id: str, *servers: tuple[str, int], **fields: Any) -> Group:
        """A VServer group of these servers and ports, all of weight 100 unless told otherwise."""
        backends = [{"ServerId": one, "Port": port, **fields} for one, port in servers]
        wanted: dict[str, Any] = {"LoadBalancerId": balancer_id}
        if servers:
            wanted["BackendServers"] = json.dumps(backends)
        group_id = self.api("slb")("CreateVServerGroup", wanted)["VServerGroupId"]
        return Group("clb", "vserver", group_id, balancer_id, REGION)

    def default_group(self, balancer_id: str, *servers: str) -> Group:
        """The default group of a balancer, of these servers."""
        backends = json.dumps([{"ServerId": one, "Weight": 100} for one in servers])
        self.api("slb")("AddBackendServers", LoadBalancerId=balancer_id, BackendServers=backends)
        self.let_settle()
        return Group("clb", "default", balancer_id, balancer_id, REGION)

    def listener(self, group: Group, port: int = 80) -> None:
        """A listener that sends to a group."""
        wanted: dict[str, Any] = {
            "LoadBalancerId": group.balancer_id,
            "ListenerPort": port,
            "BackendServerPort": port,
        }
        if group.kind == "vserver":
            wanted["VServerGroupId"] = group.group_id
        self.api("slb")("CreateLoadBalancerTCPListener", wanted)

    def pair(self, balancer_id: str, master: str, slave: str, port: int = 3306) -> Group:
        """A master/slave group."""
        servers = [
            {"ServerId": master, "Port": port, "ServerType": "Master"},
            {"ServerId": slave, "Port": port, "ServerType": "Slave"},
        ]
        group_id = self.api("slb")(
            "CreateMasterSlaveServerGroup",
            LoadBalancerId=balancer_id,
            MasterSlaveBackendServers=json.dumps(servers),
        )["MasterSlaveServerGroupId"]
        return Group("clb", "master_slave", group_id, balancer_id, REGION)

    def server_group(self, product: Any, *servers: tuple[str, int]) -> Group:
        """A server group of ALB or NLB."""
        api = self.api(product)
        group_id = api("CreateServerGroup", ServerGroupName="web", VpcId="vpc-1")["ServerGroupId"]
        for start in range(0, len(servers), 40):
            named: dict[str, Any] = {"ServerGroupId": group_id}
            for number, (server_id, port) in enumerate(servers[start : start + 40], 1):
                named |= {
                    f"Servers.{number}.ServerId": server_id,
                    f"Servers.{number}.ServerType": "Ecs",
                    f"Servers.{number}.Port": port,
                    f"Servers.{number}.Weight": 100,
                }
            api("AddServersToServerGroup", named)
            self.let_settle()
        return Group(product, "server_group", group_id, group_id, REGION)

    def scaling_group(self, *instance_ids: str) -> str:
        """A scaling group of these instances; its id."""
        ess = self.api("ess")
        group_id: str = ess("CreateScalingGroup", RegionId=REGION, MinSize=0, MaxSize=100)["ScalingGroupId"]
        for one in instance_ids:
            ess("AttachInstances", {"ScalingGroupId": group_id, "InstanceId.1": one})
            self.let_settle()
        return group_id

    def let_settle(self) -> None:
        """Let the time pass in which a balancer is busy with an edit."""
        self.forward(1.1 / self.pace)

    def forward(self, seconds: float) -> None:
        """Let so much time pass in the cloud."""
        assert isinstance(self.cloud, RunningCloud)
        self.cloud.clock.forward(seconds)

    def asked(self, operation: str) -> int:
        """How often an operation was called."""
        return len(requests(self.url, operation))


def place(group: Group, server_id: str, port: int = 80, weight: int = 100) -> Place:
    """A backend of a group, as a group's reading shows it."""
    kind = "ecs" if group.product == "clb" else "Ecs"
    return Place(group, Backend(server_id, 0 if group.kind == "default" else port, weight, type=kind))


def weights(backends: Sequence[Backend]) -> dict[tuple[str, int], int]:
    """Weights by server and port."""
    return {(one.server_id, one.port): one.weight for one in backends}
