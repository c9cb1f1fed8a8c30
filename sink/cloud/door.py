"""What an action is handed: the contract `sink.action.Cloud`, bound to the run that it serves.

Every method becomes a step of the run, named so that the same question can be answered from the record again.
A read tells its value; one that failed is told as `failed`. An order is made durable before the call and
told after the answer, be it a refusal; one that was not answered is told as `failed` too, since nobody
knows its effect. What a call met on the way, quotas and edits of others, is told as `throttled`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sink.action import (
    Group,
    GroupState,
    Instance,
    News,
    Order,
    Place,
    Run,
    ScalingMember,
    Step,
    plain,
)
from sink.cloud.balancers import Balancers, Change
from sink.cloud.calls import Answer, Call
from sink.cloud.codes import passes
from sink.cloud.evidence import Evidence
from sink.cloud.gate import Gate
from sink.cloud.instances import Seen
from sink.cloud.membership import Membership
from sink.cloud.scaling import Scaling
from sink.cloud.turn import Turn
from sink.errors import CloudError, Missing, Unreachable

T = TypeVar("T")

_START_SECONDS = 20.0
"""StartInstance is the slowest of these calls: the SDK's own table gives it 46 s."""


class Door:
    """The cloud as one run may ask and order it. Keeps the contract `sink.action.Cloud`."""

    def __init__(
        self,
        run: Run,
        gate: Gate,
        membership: Membership,
        balancers: Balancers,
        scaling: Scaling,
        evidence: Evidence,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.run = run
        self._gate = gate
        self._membership = membership
        self._balancers = balancers
        self._scaling = scaling
        self._evidence = evidence
        self._clock = clock
        self._region_ids: dict[str, str] = {}

    async def instance(self, instance_id: str) -> Instance | None:
        """The instance as it is now."""
        return await self._read(f"instance {instance_id}", lambda turn: self._instance(instance_id, turn))

    async def cached_instance(self, instance_id: str) -> Instance | None:
        """The instance as it was last seen, if that was lately; else as it is now."""

        async def find(turn: Turn) -> Answer[Instance | None]:
            answer = await self._membership.cached_instance(instance_id, turn)
            return Answer(self._noted(answer.value), answer.api, answer.request_id)

        return await self._read(f"cached_instance {instance_id}", find)

    async def history(self, instance_id: str) -> Sequence[News]:
        """What the platform did to the instance within 30 days."""

        async def find(turn: Turn) -> Answer[tuple[News, ...]]:
            region_id = await self._region_id(instance_id, turn)
            return await self._evidence.history(instance_id, region_id, turn)

        return await self._read(f"history {instance_id}", find)

    async def orders(self, instance_id: str, since_ms: int) -> Sequence[Order]:
        """What somebody ordered it to do since then."""

        async def find(turn: Turn) -> Answer[tuple[Order, ...]]:
            region_id = await self._region_id(instance_id, turn)
            return await self._evidence.orders(instance_id, region_id, since_ms, turn)

        return await self._read(f"orders {instance_id}", find)

    async def scaling_member(self, instance_id: str) -> ScalingMember | None:
        """Its place in a scaling group."""
        return await self._read(
            f"scaling_member {instance_id}", lambda turn: self._membership.scaling_member(instance_id, turn)
        )

    async def places(self, instance_id: str) -> Sequence[Place]:
        """Every place where it serves."""

        async def find(turn: Turn) -> Answer[tuple[Place, ...]]:
            found = await self._membership.places(instance_id, turn)
            for product, error in found.unread:
                self.run.tell(Step(f"unread {product}", _told(error), _api(error), error.request_id))
            return Answer(found.places, found.api)

        return await self._read(f"places {instance_id}", find)

    async def group(self, group: Group, *, fresh: bool = True) -> GroupState:
        """A group as it is now, or unless `fresh`, as it was last seen."""
        read = self._membership.group if fresh else self._membership.cached_group
        return await self._read(f"group {group.group_id}", lambda turn: read(group, turn))

    async def connections(self, instance_id: str) -> int | None:
        """Its open TCP connections."""

        async def find(turn: Turn) -> Answer[int | None]:
            region_id = await self._region_id(instance_id, turn)
            return await self._evidence.connections(instance_id, region_id, turn)

        return await self._read(f"connections {instance_id}", find)

    async def start(self, instance_id: str) -> None:
        """StartInstance. It is never repeated unseen: Unreachable means that it may have been started."""

        async def start(turn: Turn) -> Answer[None]:
            call: Call[None] = Call(
                "ecs",
                "StartInstance",
                await self._region_id(instance_id, turn),
                lambda document: None,
                {"InstanceId": instance_id},
                repeatable=False,
                read_seconds=_START_SECONDS,
            )
            answer = await self._gate.ask(call, turn)
            self._membership.started(instance_id)
            return answer

        await self._order({f"start {instance_id}": "accepted"}, start)

    async def weigh(self, places: Sequence[Place], weight: int) -> None:
        """Give backends of one group this weight."""
        weighed = [Place(one.group, replace(one.backend, weight=weight)) for one in places]
        await self._edit("weigh", weighed, f"weigh {weight}")

    async def remove(self, places: Sequence[Place]) -> None:
        """Take backends out of one group."""
        await self._edit("remove", places, "remove")

    async def add(self, places: Sequence[Place]) -> None:
        """Put backends back into one group, with the weight that they carry."""
        await self._edit("add", places, "add")

    async def enter_standby(self, member: ScalingMember, instance_id: str) -> None:
        """Put an instance of a scaling group on standby."""
        await self._move("enter_standby", "Standby", member, instance_id, self._scaling.enter_standby)

    async def exit_standby(self, member: ScalingMember, instance_id: str) -> None:
        """Take it back into service."""
        await self._move("exit_standby", "InService", member, instance_id, self._scaling.exit_standby)

    async def _edit(self, change: Change, places: Sequence[Place], name: str) -> None:
        """Order a change of servers of one group. Nothing is ordered where there are none."""
        if not places:
            return
        group = places[0].group
        if any(one.group != group for one in places):
            raise ValueError(f"{name} takes the places of one group at a time")
        backends = [one.backend for one in places]
        orders = {
            f"{name} {group.group_id} {server_id}": plain(
                [one for one in backends if one.server_id == server_id]
            )
            for server_id in dict.fromkeys(one.server_id for one in backends)
        }
        await self._order(orders, lambda turn: self._balancers.order(change, group, backends, turn))

    async def _move(
        self,
        name: str,
        lifecycle_state: str,
        member: ScalingMember,
        instance_id: str,
        move: Callable[[ScalingMember, str, str, Turn], Awaitable[Answer[None]]],
    ) -> None:
        """Order ESS to move a member into another state."""

        async def work(turn: Turn) -> Answer[None]:
            region_id = await self._region_id(instance_id, turn)
            answer = await move(member, instance_id, region_id, turn)
            moved = ScalingMember(member.scaling_group_id, lifecycle_state)
            self._membership.moved(instance_id, region_id, moved)
            return answer

        await self._order({f"{name} {member.scaling_group_id} {instance_id}": lifecycle_state}, work)

    async def _instance(self, instance_id: str, turn: Turn) -> Answer[Instance | None]:
        answer = await self._membership.instance(instance_id, turn)
        return Answer(self._noted(answer.value), answer.api, answer.request_id)

    def _noted(self, seen: Seen | None) -> Instance | None:
        """The instance; where it is is remembered for what this run asks and orders next."""
        if seen is None:
            return None
        self._region_ids[seen.instance.instance_id] = seen.instance.region_id
        return seen.instance

    async def _region_id(self, instance_id: str, turn: Turn) -> str:
        """Where the instance is. Raises Missing if it is nowhere."""
        if instance_id not in self._region_ids:
            regions = self._membership.regions_of(instance_id)
            if len(regions) == 1:
                return regions[0]
            await self._instance(instance_id, turn)
        if instance_id not in self._region_ids:
            regions = ", ".join(self._membership.regions_of(instance_id))
            text = f"{instance_id} is in none of the regions {regions}"
            raise Missing("ECS DescribeInstances", "InvalidInstanceId.NotFound", text)
        return self._region_ids[instance_id]

    async def _read(self, name: str, work: Callable[[Turn], Awaitable[Answer[T]]]) -> T:
        """Ask, and tell the run what came of it."""
        turn, began = Turn(self.run.deadline_ms), self._clock()
        try:
            answer = await work(turn)
        except CloudError as error:
            self._tell_delays(turn)
            self._tell_failure(name, error, began)
            raise
        self._tell_delays(turn)
        self._tell(name, plain(answer.value), answer.api, answer.request_id, began)
        return answer.value

    async def _order(
        self, orders: Mapping[str, Any], work: Callable[[Turn], Awaitable[Answer[None]]]
    ) -> None:
        """Order, durably, and tell the run what came of it. `orders` are the steps and their results."""
        for order in orders:
            await self.run.intend(order)
        turn, began = Turn(self.run.deadline_ms), self._clock()
        try:
            answer = await work(turn)
        except CloudError as error:
            self._tell_delays(turn)
            for order in orders:
                if isinstance(error, Unreachable) and not passes(error):
                    self._tell_failure(order, error, began)
                else:
                    self._tell(order, _told(error), _api(error), error.request_id, began)
            raise
        self._tell_delays(turn)
        for order, result in orders.items():
            self._tell(order, result, answer.api, answer.request_id, began)

    def _tell(self, name: str, result: Any, api: str, request_id: str, began: float) -> None:
        self.run.tell(Step(name, result, api, request_id, round((self._clock() - began) * 1000)))

    def _tell_failure(self, name: str, error: CloudError, began: float) -> None:
        self._tell("failed", {"step": name, **_told(error)}, _api(error), error.request_id, began)

    def _tell_delays(self, turn: Turn) -> None:
        """Tell what put the calls of a step off, and for how long."""
        if turn.delays:
            self.run.tell(Step("throttled", dict(turn.delays), ms=round(turn.delayed_seconds * 1000)))


def _told(error: CloudError) -> dict[str, str]:
    return {"error": error.code, "message": error.message}


def _api(error: CloudError) -> str:
    """The API that an error comes from: `api.py` names product and action."""
    return error.service.partition(" ")[2]
