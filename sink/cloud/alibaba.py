"""The cloud of an account: what everything in this folder is put together to.

`cli` makes one `AlibabaCloud` and `dispatch` asks it for a door for each run. It is the same on Alibaba Cloud
and on the embedded one: only endpoints, keys and pace differ.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from types import TracebackType
from typing import Self

from sink.action import Backend, Cloud, Group, GroupState, Run
from sink.action.cloud import Product
from sink.cloud.api import Api
from sink.cloud.balancers import Balancers, Change
from sink.cloud.cache import Cache
from sink.cloud.door import Door
from sink.cloud.endpoints import Endpoints
from sink.cloud.evidence import Evidence
from sink.cloud.gate import AT_ONCE, Gate
from sink.cloud.instances import Instances
from sink.cloud.membership import CacheState, Membership
from sink.cloud.rates import RATES, Rate
from sink.cloud.refreshing import NoReport, Report
from sink.cloud.scaling import Scaling
from sink.cloud.turn import Turn
from sink.credentials import Provider

PRODUCTS: tuple[Product, ...] = ("clb", "alb", "nlb")

PERMISSIONS = (
    "ecs:DescribeInstances",
    "slb:DescribeLoadBalancers",
    "slb:DescribeLoadBalancerAttribute",
    "slb:DescribeVServerGroups",
    "slb:DescribeVServerGroupAttribute",
    "slb:DescribeMasterSlaveServerGroups",
    "slb:DescribeMasterSlaveServerGroupAttribute",
    "slb:DescribeHealthStatus",
    "alb:ListServerGroups",
    "alb:ListServerGroupServers",
    "nlb:ListServerGroups",
    "nlb:ListServerGroupServers",
    "ess:DescribeScalingInstances",
)
"""RAM actions that the guards' and the cache's reads need, besides what an action declares."""

_RAM_NAMES: dict[Product, str] = {"clb": "slb", "alb": "alb", "nlb": "nlb"}


def needed(permissions: Iterable[str], products: Sequence[Product]) -> list[str]:
    """Those of the RAM actions that are asked for where only these balancers are looked into.

    >>> needed(["ecs:StartInstance", "slb:AddBackendServers", "nlb:ListServerGroups"], ["clb"])
    ['ecs:StartInstance', 'slb:AddBackendServers']
    """
    left_out = {_RAM_NAMES[product] for product in PRODUCTS if product not in products}
    return [one for one in permissions if one.partition(":")[0] not in left_out]


class AlibabaCloud:
    """The cloud as actions meet it, for one event loop. An async context manager.

    While it is open, the background reads instances, groups and scaling groups every `refresh_seconds` (at
    the cloud's pace), unless `keep_warm` is off: then they are read when somebody needs them.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        provider: Provider,
        region: str,
        *,
        regions: Sequence[str] = (),
        products: Sequence[Product] = PRODUCTS,
        pace: float = 1.0,
        rates: Mapping[str, Rate] = RATES,
        refresh_seconds: float = 30.0,
        keep_warm: bool = True,
        report: Report | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
        random: Random | None = None,
    ) -> None:
        random = random or Random()
        self._api = Api(endpoints, provider, connections=AT_ONCE)
        self._gate = Gate(
            self._api, rates=rates, pace=pace, clock=clock, wall_clock=wall_clock, random=random
        )
        self._balancers = Balancers(self._gate, self._note_edit, pace=pace, random=random)
        self._scaling = Scaling(self._gate)
        self._evidence = Evidence(self._gate)
        self._membership = Membership(
            Cache(),
            Instances(self._gate),
            self._balancers,
            self._scaling,
            regions=list(dict.fromkeys([region, *regions])),
            products=products,
            refresh_seconds=refresh_seconds,
            pace=pace,
            now_ms=self._gate.now_ms,
        )
        self._keep_warm = keep_warm
        self._report = report or NoReport()
        self._clock = clock
        self._background: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        if self._keep_warm:
            self._background = self._membership.start(self._report)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._background:
            task.cancel()
        self._membership.stop()
        await asyncio.gather(*self._background, return_exceptions=True)
        self._gate.close()
        self._api.close()

    def _note_edit(
        self, change: Change, group: Group, backends: Sequence[Backend], state: GroupState | None
    ) -> None:
        self._membership.took_effect(change, group, backends, state)

    def hush(self) -> None:
        """Have the background be silent for a moment: a run in a hurry begins."""
        self._gate.hush()

    def door(self, run: Run) -> Cloud:
        """What an action is handed for this run: its deadline orders the calls, its record gets the steps."""
        return Door(
            run,
            self._gate,
            self._membership,
            self._balancers,
            self._scaling,
            self._evidence,
            clock=self._clock,
        )

    @property
    def cache(self) -> CacheState:
        """What is known of instances and groups, and since when."""
        return self._membership.state

    async def refresh(self) -> None:
        """Read instances, groups and scaling groups now. Raises CloudError where one cannot be read."""
        await self._membership.refresh(Turn())
