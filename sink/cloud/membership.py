"""Where an instance serves, and who it is: from memory while that is fresh, else by reading everything.

An interruption leaves five minutes, and finding the groups of an instance takes a call for every group that
there is. So the background keeps reading all instances, groups and scaling groups, at the lowest priority
and at a part of the quota, and an edit of ours corrects what is known at once.

What is known is good enough while it is warm, and if the groups were read after the instance was first
seen: a new instance may have joined a group since. Otherwise they are read now, once for all that wait.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from sink.action import Backend, Group, GroupState, Place, ScalingMember
from sink.action.cloud import Product
from sink.cloud.balancers import Balancers, Change
from sink.cloud.cache import Cache
from sink.cloud.calls import Answer
from sink.cloud.codes import UNKNOWN_HOST
from sink.cloud.instances import Instances, Seen
from sink.cloud.refreshing import Part, Report
from sink.cloud.scaling import Scaling
from sink.cloud.turn import Turn
from sink.errors import CloudError, Denied

_SHORTEST_PAUSE_SECONDS = 2.0
"""However fast the cloud lives, reading all of it all the time is no use."""


_FIRST_CALLS: dict[Product, str] = {
    "clb": "DescribeLoadBalancers",
    "alb": "ListServerGroups",
    "nlb": "ListServerGroups",
}


@dataclass(frozen=True, slots=True)
class CacheState:
    """What the memory holds, for people and for health checks."""

    refreshed_at_ms: int | None
    """When the oldest of its parts was read; None while one has never been."""
    instances: int
    groups: int
    error: CloudError | None
    """Why a part could not be read when it was last tried."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where an instance serves."""

    places: tuple[Place, ...]
    unread: tuple[tuple[Product, CloudError], ...] = ()
    """Products that could not be looked into."""
    api: str = ""
    """What was called first; empty if all of it was known."""


class Membership:
    """The memory and what keeps it fresh, for all `regions` and `products`."""

    def __init__(
        self,
        cache: Cache,
        instances: Instances,
        balancers: Balancers,
        scaling: Scaling,
        *,
        regions: Sequence[str],
        products: Sequence[Product],
        refresh_seconds: float,
        pace: float,
        now_ms: Callable[[], int],
    ) -> None:
        self._cache = cache
        self._instances = instances
        self._balancers = balancers
        self._scaling = scaling
        self._regions = tuple(regions)
        self._products = tuple(products)
        self._now_ms = now_ms
        pause = max(refresh_seconds / pace, min(refresh_seconds, _SHORTEST_PAUSE_SECONDS))
        make = partial(Part, pause_seconds=pause, now_ms=now_ms)
        self._instance_parts = {
            region: make(f"instances of {region}", partial(self._read_instances, region))
            for region in regions
        }
        self._member_parts = {
            region: make(f"scaling groups of {region}", partial(self._read_members, region))
            for region in regions
        }
        self._group_parts = {
            (product, region): make(f"{product} of {region}", partial(self._read_groups, product, region))
            for region in regions
            for product in products
        }

    @property
    def state(self) -> CacheState:
        """What the memory holds."""
        began = [one.began_ms for one in self._parts]
        return CacheState(
            refreshed_at_ms=None if None in began else min(one for one in began if one is not None),
            instances=self._cache.instance_count,
            groups=self._cache.group_count,
            error=next((one.error for one in self._parts if one.error is not None), None),
        )

    async def refresh(self, turn: Turn) -> None:
        """Read everything now. Raises the first CloudError, once all parts have been tried."""
        await _all(one.refresh(turn) for one in self._parts)

    def start(self, report: Report) -> list[asyncio.Task[None]]:
        """Begin to keep everything fresh; the tasks that do."""
        return [asyncio.create_task(one.keep_fresh(report), name=one.name) for one in self._parts]

    def stop(self) -> None:
        """End the readings that are under way."""
        for one in self._parts:
            one.stop()

    def regions_of(self, instance_id: str) -> Sequence[str]:
        """Where an instance is: its region if it is known, else everywhere it could be."""
        seen = self._cache.instance(instance_id)
        return (seen.instance.region_id,) if seen is not None else self._regions

    async def instance(self, instance_id: str, turn: Turn) -> Answer[Seen | None]:
        """The instance as it is now."""
        regions = self.regions_of(instance_id)
        answers = await asyncio.gather(*(self._instances.find(instance_id, one, turn) for one in regions))
        answer = next((one for one in answers if one.value is not None), answers[0])
        if answer.value is not None:
            self._cache.keep_instance(answer.value)
        return answer

    async def cached_instance(self, instance_id: str, turn: Turn) -> Answer[Seen | None]:
        """The instance as it was last seen, if that was lately; else as it is now."""
        seen = self._cache.instance(instance_id)
        if seen is not None and self._instance_parts[seen.instance.region_id].is_warm:
            return Answer(seen)
        return await self.instance(instance_id, turn)

    async def scaling_member(self, instance_id: str, turn: Turn) -> Answer[ScalingMember | None]:
        """Its place in a scaling group, as it was last seen, if that was lately."""
        regions = self.regions_of(instance_id)
        if all(self._covers(self._member_parts[one], instance_id) for one in regions):
            return Answer(self._cache.member(instance_id))
        answers = await asyncio.gather(*(self._scaling.find(instance_id, one, turn) for one in regions))
        return next((one for one in answers if one.value is not None), answers[0])

    async def places(self, instance_id: str, turn: Turn) -> Found:
        """Every place where an instance serves, of all products.

        A product that is denied, or that is nowhere, is left out, unless there is nothing else: what can be
        done for the others is worth doing, and the step says what was not looked into.
        """
        seen = (await self.cached_instance(instance_id, turn)).value
        regions = (seen.instance.region_id,) if seen is not None else self._regions
        due = [
            (product, part)
            for product in self._products
            for region in regions
            if not self._covers(part := self._group_parts[product, region], instance_id)
        ]
        read = await asyncio.gather(*(_look_into(part, turn) for _, part in due))
        unread = [(product, error) for (product, _), error in zip(due, read, strict=True) if error]
        found = self._cache.places(seen.aliases if seen is not None else {instance_id})
        if unread and not found:
            raise unread[0][1]
        return Found(found, tuple(unread), _FIRST_CALLS[due[0][0]] if due else "")

    async def group(self, group: Group, turn: Turn) -> Answer[GroupState]:
        """A group as it is now."""
        answer = await self._balancers.read(group, turn)
        self._cache.keep_group(answer.value)
        return answer

    async def cached_group(self, group: Group, turn: Turn) -> Answer[GroupState]:
        """A group as it was last seen, if that was lately; else as it is now."""
        state = self._cache.group(group)
        part = self._group_parts.get((group.product, group.region_id))
        if state is not None and part is not None and part.is_warm:
            return Answer(state)
        return await self.group(group, turn)

    def took_effect(
        self, change: Change, group: Group, backends: Sequence[Backend], state: GroupState | None
    ) -> None:
        """An edit of ours was carried out; the group then, where it was read for that."""
        self._cache.correct(change, group, backends, self._now_ms())
        if state is not None:
            self._cache.keep_group(state)

    def started(self, instance_id: str) -> None:
        """An instance was started by us: its state is another by now."""
        self._cache.forget_instance(instance_id)

    def moved(self, instance_id: str, region_id: str, member: ScalingMember) -> None:
        """ESS was ordered to move a member, and changes its weights."""
        seen = self._cache.instance(instance_id)
        self._cache.keep_member(region_id, instance_id, member)
        self._cache.doubt(seen.aliases if seen is not None else {instance_id}, self._now_ms())

    @property
    def _parts(self) -> list[Part]:
        return [*self._instance_parts.values(), *self._member_parts.values(), *self._group_parts.values()]

    def _covers(self, part: Part, instance_id: str) -> bool:
        """Tell whether a part was read lately, and after the instance was there."""
        since_ms = self._cache.known_since_ms(instance_id)
        return (
            part.is_warm and since_ms is not None and part.began_ms is not None and part.began_ms >= since_ms
        )

    async def _read_instances(self, region_id: str, turn: Turn, began_ms: int) -> None:
        self._cache.keep_instances(region_id, await self._instances.all(region_id, turn), began_ms)

    async def _read_members(self, region_id: str, turn: Turn, began_ms: int) -> None:
        self._cache.keep_members(region_id, await self._scaling.all(region_id, turn))

    async def _read_groups(self, product: Product, region_id: str, turn: Turn, began_ms: int) -> None:
        states = await self._balancers.scan(product, region_id, turn)
        self._cache.keep_groups(product, region_id, states, began_ms)


async def _look_into(part: Part, turn: Turn) -> CloudError | None:
    """Read it; why it cannot be looked into, if that stays so. Raises what may pass."""
    if (nowhere := part.lately_nowhere) is not None:
        return nowhere
    try:
        await part.refresh(turn)
    except CloudError as error:
        if isinstance(error, Denied) or error.code == UNKNOWN_HOST:
            return error
        raise
    return None


async def _all(work: Iterable[Awaitable[None]]) -> None:
    """Wait for all, then raise the first error."""
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
