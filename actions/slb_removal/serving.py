"""One instance in one group: its traffic taken away, the instance taken out, and both put back.

Every step looks at the group until its effect is there, and orders what is still to be done: an effect may
lag behind its order, a port may have changed since the plan was made, and CLB passes over a pair of server
and port that it does not know with a 200. What was done before a restart of the sink, or by somebody else,
is seen and not ordered again. `Traffic` has one of these for each group of a plan.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sink.action import Backend, Cloud, Group, GroupState, Place, plain, restored
from sink.errors import Rejected, TemporaryError

_LOOKS = 6
"""How often a group is read for an effect that may lag behind its order."""
_AGAIN_SECONDS = 2.0
_NOT_RUNNING = "ObtainIpFail"
"""CLB gives no weight to a server that does not run: nothing reaches it either."""

_Key = tuple[str, str, int]
"""What tells two backends of one group apart: server, address, port."""


class Serving:
    """An instance's backends in one group. `planned` are those that the plan found there."""

    def __init__(
        self, group: Group, planned: Sequence[Backend], servers: Iterable[str], cloud: Cloud
    ) -> None:
        self.group = group
        self._planned = planned
        self._servers = frozenset(servers)
        """Its id and those of its network interfaces: balancers know it by either."""
        self._cloud = cloud
        self._run = cloud.run

    async def drain(self) -> None:
        """Weight 0 on all of its ports, seen.

        The first order goes by the plan, unread: it is the one that counts. Looking finds the rest.
        """
        first = [] if self._has_begun() else [one for one in self._planned if one.weight > 0]
        try:
            if first:
                await self._cloud.weigh(self._places(first), 0)
            await self._until_none(self._heavy, self._weigh_down, "has weight 0", ordered=first)
        except Rejected as error:
            if error.code != _NOT_RUNNING:
                raise

    async def remove(self) -> None:
        """Out of the group, whatever its ports are by now, seen."""
        await self._until_none(self._there, self._take_out, "is gone")

    async def put_back(self) -> None:
        """What was removed is added, and what was drained has the weight that it had, seen."""
        await self._until_none(self._missing, self._add, "is back")
        await self._until_none(self._light, self._weigh_up, "has its weight again")

    def _has_begun(self) -> bool:
        orders = (f"weigh 0 {self.group.group_id} {one}" for one in self._servers)
        return any(self._run.begun(one) is not None for one in orders)

    def _there(self, state: GroupState) -> list[Backend]:
        return [one for one in state.backends if one.server_id in self._servers]

    def _heavy(self, state: GroupState) -> list[Backend]:
        return [one for one in self._there(state) if one.weight > 0]

    def _missing(self, state: GroupState) -> list[Backend]:
        there = {_key(one) for one in state.backends}
        return [one for one in self._removed if _key(one) not in there]

    def _light(self, state: GroupState) -> list[Backend]:
        """Those to be weighed, with the weight that they had; not what somebody else has weighed since."""
        before = self._weights()
        ours = {_key(one) for one in self._removed}
        found = [(one, before.get(_key(one), 0)) for one in self._there(state)]
        return [
            replace(one, weight=weight)
            for one, weight in found
            if weight not in (0, one.weight) and (one.weight == 0 or _key(one) in ours)
        ]

    async def _weigh_down(self, backends: Sequence[Backend]) -> None:
        """Order weight 0 for backends that the plan did not know; their weights are noted before."""
        await self._remember("weights", backends)
        await self._cloud.weigh(self._places(backends), 0)

    async def _take_out(self, backends: Sequence[Backend]) -> None:
        """Order the removal; noted before is what is removed, with the weights from before the drain."""
        before = self._weights()
        await self._remember(
            "removed", [replace(one, weight=before.get(_key(one), one.weight)) for one in backends]
        )
        await self._cloud.remove(self._places(backends))

    async def _add(self, backends: Sequence[Backend]) -> None:
        await self._cloud.add(self._places(backends))

    async def _weigh_up(self, backends: Sequence[Backend]) -> None:
        for weight in sorted({one.weight for one in backends}):
            await self._cloud.weigh(self._places([one for one in backends if one.weight == weight]), weight)

    @property
    def _removed(self) -> Sequence[Backend]:
        """What this run has removed, before a restart too."""
        return self._noted("removed")

    def _weights(self) -> dict[_Key, int]:
        """The weights from before this run."""
        return {_key(one): one.weight for one in (*self._planned, *self._noted("weights"), *self._removed)}

    def _noted(self, name: str) -> Sequence[Backend]:
        noted: Any = self._run.notes.get(f"{name} {self.group.group_id}", ())
        return restored(tuple[Backend, ...], noted)

    async def _remember(self, name: str, backends: Sequence[Backend]) -> None:
        """Note backends besides those noted; of one that is noted already the first is the truth."""
        noted = self._noted(name)
        known = {_key(one) for one in noted}
        new = [one for one in backends if _key(one) not in known]
        if new:
            await self._run.note(**{f"{name} {self.group.group_id}": plain([*noted, *new])})

    async def _until_none(
        self,
        left: Callable[[GroupState], Sequence[Backend]],
        order: Callable[[Sequence[Backend]], Awaitable[None]],
        what: str,
        ordered: Sequence[Backend] = (),
    ) -> None:
        """Order what is left to do, each backend once, until the group shows that nothing is."""
        known = {_key(one) for one in ordered}
        for _ in range(_LOOKS):
            backends = left(await self._cloud.group(self.group))
            if not backends:
                return
            new = [one for one in backends if _key(one) not in known]
            if new:
                await order(new)
                known |= {_key(one) for one in new}
            else:
                await self._run.sleep(_AGAIN_SECONDS)
        raise TemporaryError(
            f"it was edited, but does not show that the instance {what}", retry_after_seconds=_AGAIN_SECONDS
        )

    def _places(self, backends: Iterable[Backend]) -> list[Place]:
        return [Place(self.group, one) for one in backends]


def _key(backend: Backend) -> _Key:
    return backend.server_id, backend.address, backend.port
