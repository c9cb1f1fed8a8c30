"""Move an instance's traffic away, and back: one group by itself, all groups at once.

Every step begins by looking where it may have been taken before (after a restart of the sink, or by somebody
else), and ends by looking whether it had its effect: RemoveVServerGroupBackendServers passes over a pair
of server and port that it does not know with a 200. A group that fails holds up no other; what failed is
raised together when all others are done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from actions.slb_removal.options import SlbRemovalOptions
from sink.action import Backend, Cloud, Group, GroupState, Place, ScalingMember, plain, restored
from sink.errors import CloudError, Missing, PermanentError, TemporaryError, Throttled, Unreachable

_LOOK_SECONDS = 2.0
_LOOKS = 6
"""How often a group is read for an effect that may lag behind its order."""
_AGAIN_SECONDS = 2.0
_NOT_RUNNING = "ObtainIpFail"
"""CLB gives no weight to a server that does not run: nothing reaches it either."""


class Traffic:
    """The traffic of one instance in the groups where a plan allows to touch it."""

    def __init__(
        self, instance_id: str, places: Sequence[Place], cloud: Cloud, options: SlbRemovalOptions
    ) -> None:
        self._instance_id = instance_id
        self._cloud = cloud
        self._run = cloud.run
        self._options = options
        self._places = {group: [one for one in places if one.group == group] for group in _groups(places)}

    @property
    def group_ids(self) -> str:
        """The groups, for people."""
        return ", ".join(group.group_id for group in self._places)

    async def stand_by(self, member: ScalingMember) -> None:
        """Put it on standby in its scaling group; where that is refused, its traffic is moved anyway."""
        if member.lifecycle_state == "InService" and not self._run.notes.get("on_standby"):
            with suppress(CloudError):
                await self._cloud.enter_standby(member, self._instance_id)
                await self._run.note(on_standby=True)

    async def drain(self) -> None:
        """Weight 0 in every group, seen."""
        await self._in_every_group(self._drain)
        if "drained_ms" not in self._run.notes:
            await self._run.note(drained_ms=self._run.now_ms())

    async def wait_until_idle(self, began_ms: int) -> None:
        """Wait until its connections have ended, their time is over, or the notice's share is used."""
        until_ms = self._run.notes["drained_ms"] + self._options.drain_seconds * 1000 / self._run.pace
        if self._run.deadline_ms is not None:
            until_ms = min(
                until_ms, began_ms + self._options.drain_share * (self._run.deadline_ms - began_ms)
            )
        while self._run.now_ms() < until_ms:
            if await self._is_idle():
                return
            left_seconds = (until_ms - self._run.now_ms()) / 1000 * self._run.pace
            await self._run.sleep(min(_LOOK_SECONDS, left_seconds))

    async def remove(self) -> None:
        """Take it out of every group, seen."""
        await self._in_every_group(self._remove)

    async def put_back(self) -> None:
        """Every backend where it was, with the weight that it had, seen."""
        await self._in_every_group(self._put_back)

    async def _is_idle(self) -> bool:
        """Tell whether its connections have ended; where nobody can tell, its time is waited out."""
        try:
            left = await self._cloud.connections(self._instance_id)
        except CloudError:
            return False
        return left is not None and left <= self._options.idle_connections

    async def _drain(self, group: Group) -> None:
        places = self._places[group]
        if any(self._run.begun(f"weigh 0 {group.group_id} {self._instance_id}") for _ in places):
            places = self._of(await self._cloud.group(group))
        heavy = [one for one in places if one.backend.weight > 0]
        try:
            if heavy:
                await self._cloud.weigh(heavy, 0)
        except CloudError as error:
            if error.code != _NOT_RUNNING:
                raise
            return
        await self._see(group, lambda found: all(one.weight == 0 for one in found), "is at weight 0")

    async def _remove(self, group: Group) -> None:
        """Take out whatever of it the group has: ports may have changed since the plan was made."""
        there = self._of(await self._cloud.group(group))
        if there:
            await self._remember(group, there)
            await self._cloud.remove(there)
        await self._see(group, lambda found: not found, "is gone")

    async def _remember(self, group: Group, there: Sequence[Place]) -> None:
        """Note what is about to be removed, with the weights of the plan: those in the group are 0 by now."""
        weights = {_port(one.backend): one.backend.weight for one in self._places[group]}
        kept = [replace(one.backend, weight=weights.get(_port(one.backend), 100)) for one in there]
        await self._run.note(**{f"removed {group.group_id}": plain(kept)})

    async def _put_back(self, group: Group) -> None:
        wanted = self._wanted(group)
        there = {_port(one): one for one in (await self._cloud.group(group)).of(self._instance_id)}
        missing = [one for one in wanted if _port(one) not in there]
        if missing:
            await self._cloud.add([Place(group, one) for one in missing])
        for one in wanted:
            if _port(one) in there and there[_port(one)].weight != one.weight:
                await self._cloud.weigh([Place(group, one)], one.weight)
        await self._see(group, lambda found: _weights(wanted).items() <= _weights(found).items(), "is back")

    def _wanted(self, group: Group) -> list[Backend]:
        """The backends as they were: what was removed, or where nothing was, those of the plan."""
        removed: Any = self._run.notes.get(f"removed {group.group_id}")
        if removed is None:
            return [one.backend for one in self._places[group]]
        return list(restored(tuple[Backend, ...], removed))

    async def _see(self, group: Group, holds: Callable[[Sequence[Backend]], bool], what: str) -> None:
        """Read the group until this holds of the instance's backends; an effect may lag behind its order."""
        for _ in range(_LOOKS):
            state = await self._cloud.group(group)
            if holds(state.of(self._instance_id)):
                return
            await self._run.sleep(_AGAIN_SECONDS)
        raise TemporaryError(
            f"{group.group_id} was edited, but does not show that {self._instance_id} {what}",
            retry_after_seconds=_AGAIN_SECONDS,
        )

    def _of(self, state: GroupState) -> list[Place]:
        return [Place(state.group, one) for one in state.of(self._instance_id)]

    async def _in_every_group(self, work: Callable[[Group], Awaitable[None]]) -> None:
        """Work on all groups at once. A group that is there no more needs no work."""
        results = await asyncio.gather(*(work(group) for group in self._places), return_exceptions=True)
        failures = [
            (group, result)
            for group, result in zip(self._places, results, strict=True)
            if result is not None and not isinstance(result, Missing)
        ]
        if failures:
            raise _together(failures)


def _together(failures: Sequence[tuple[Group, BaseException]]) -> BaseException:
    """One error for all groups that failed; it may pass if any of them may."""
    bug = next((one for _, one in failures if not isinstance(one, CloudError | TemporaryError)), None)
    if bug is not None:
        return bug
    text = "; ".join(f"{group.group_id}: {error}" for group, error in failures)
    if any(isinstance(error, TemporaryError | Unreachable | Throttled) for _, error in failures):
        return TemporaryError(text, retry_after_seconds=_AGAIN_SECONDS)
    return PermanentError(text)


def _groups(places: Sequence[Place]) -> list[Group]:
    return list(dict.fromkeys(one.group for one in places))


def _port(backend: Backend) -> tuple[str, int]:
    return backend.address, backend.port


def _weights(backends: Sequence[Backend]) -> dict[tuple[str, int], int]:
    return {_port(one): one.weight for one in backends}
