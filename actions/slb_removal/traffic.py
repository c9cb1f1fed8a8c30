"""An instance's traffic in all groups of a plan, at once: away, and back.

A group that fails holds up no other. A drain that fails is no end: the group may still be left. What failed
otherwise is raised together when all others are done. `serving.py` is what happens in one group.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

from actions.slb_removal.options import SlbRemovalOptions
from actions.slb_removal.serving import Serving
from sink.action import Cloud, Place, ScalingMember
from sink.errors import CloudError, Missing, PermanentError, TemporaryError, Throttled, Unreachable

_LOOK_SECONDS = 10.0
"""How often connections are asked for: CloudMonitor counts them once a minute, and many runs may ask."""
_AGAIN_SECONDS = 2.0

Failures = Mapping[str, Exception]
"""What went wrong, by the id of the group."""


class Traffic:
    """The traffic of one instance in the groups where a plan allows to touch it."""

    def __init__(
        self, instance_id: str, places: Sequence[Place], cloud: Cloud, options: SlbRemovalOptions
    ) -> None:
        self._instance_id = instance_id
        self._cloud = cloud
        self._run = cloud.run
        self._options = options
        servers = {instance_id, *(one.backend.server_id for one in places)}
        self._servings = [
            Serving(group, [one.backend for one in places if one.group == group], servers, cloud)
            for group in dict.fromkeys(one.group for one in places)
        ]

    @property
    def group_ids(self) -> str:
        """The groups, for people."""
        return ", ".join(one.group.group_id for one in self._servings)

    async def drain(self, until_ms: float | None = None, member: ScalingMember | None = None) -> Failures:
        """Weight 0 in every group, seen, and beside that a member put on standby; what failed.

        What has not come about by `until_ms` is given up, so that nothing holds up the removal.
        """
        works = self._in_every_group(Serving.drain)
        if member is not None:
            works[member.scaling_group_id] = self._stand_by(member)
        failures = await self._together(works, until_ms)
        if "drained_ms" not in self._run.notes:
            await self._run.note(drained_ms=self._run.now_ms())
        return failures

    async def wait_until_idle(self, until_ms: float | None) -> None:
        """Wait until its connections have ended, their time is over, or `until_ms`."""
        over_ms = self._run.notes["drained_ms"] + self._options.drain_seconds * 1000 / self._run.pace
        if until_ms is not None:
            over_ms = min(over_ms, until_ms)
        while (left_ms := over_ms - self._run.now_ms()) > 0 and not await self._is_idle():
            await self._run.sleep(min(_LOOK_SECONDS, left_ms / 1000 * self._run.pace))

    async def remove(self) -> None:
        """Out of every group, seen. Raises what went wrong, once every group was tried."""
        failures = await self._together(self._in_every_group(Serving.remove))
        if failures:
            raise _as_one(failures, self._rest("removed from", failures))
        if "removed_ms" not in self._run.notes:
            await self._run.note(removed_ms=self._run.now_ms())

    async def put_back(self) -> None:
        """As it was in every group, seen. Raises what went wrong, once every group was tried."""
        failures = await self._together(self._in_every_group(Serving.put_back))
        if failures:
            raise _as_one(failures, self._rest("put back into", failures))

    async def leave_standby(self, member: ScalingMember) -> None:
        """Into service again, if it was ordered out of it by this run and is still a member."""
        if self._run.begun(f"enter_standby {member.scaling_group_id} {self._instance_id}") is None:
            return
        # Missing: Auto Scaling has let go of it, and there is no service to come back to, but its groups.
        with suppress(Missing):
            await self._cloud.exit_standby(member, self._instance_id)

    async def _stand_by(self, member: ScalingMember) -> None:
        if member.lifecycle_state == "InService" and not self._run.notes.get("on_standby"):
            await self._cloud.enter_standby(member, self._instance_id)
            await self._run.note(on_standby=True)

    async def _is_idle(self) -> bool:
        """Tell whether its connections have ended; where nobody can tell, its time is waited out."""
        try:
            left = await self._cloud.connections(self._instance_id)
        except CloudError:
            return False
        return left is not None and left <= self._options.idle_connections

    def _rest(self, done: str, failures: Failures) -> str:
        return f"{done} {len(self._servings) - len(failures)} of {len(self._servings)} groups"

    def _in_every_group(self, work: Callable[[Serving], Awaitable[None]]) -> dict[str, Awaitable[None]]:
        return {one.group.group_id: work(one) for one in self._servings}

    async def _together(
        self, works: Mapping[str, Awaitable[None]], until_ms: float | None = None
    ) -> Failures:
        """Work on all at once; what went wrong where. A group that is there no more needs no work."""
        tasks = {name: asyncio.ensure_future(work) for name, work in works.items()}
        left = None if until_ms is None else max(0.0, (until_ms - self._run.now_ms()) / 1000)
        try:
            await asyncio.wait(tasks.values(), timeout=left)
        finally:
            for task in tasks.values():
                task.cancel()
        results = await asyncio.gather(*tasks.values(), return_exceptions=True)
        return {
            name: failure
            for name, result in zip(tasks, results, strict=True)
            if (failure := _failure(result)) is not None
        }


def _failure(result: BaseException | None) -> Exception | None:
    """What this end of a work counts for. Raises what is no matter of one group: a lost run, a bug."""
    if isinstance(result, asyncio.CancelledError):
        return TemporaryError("it took too long", retry_after_seconds=_AGAIN_SECONDS)
    if result is None or isinstance(result, Missing):
        return None
    if isinstance(result, CloudError | TemporaryError):
        return result
    raise result


def told(failures: Failures) -> str:
    """What went wrong where, for people."""
    return "; ".join(f"{group_id}: {error}" for group_id, error in failures.items())


def _as_one(failures: Failures, rest: str) -> TemporaryError | PermanentError:
    """One error for all groups that failed; it may pass if any of them may."""
    text = f"{told(failures)}; {rest}"
    if any(isinstance(error, TemporaryError | Unreachable | Throttled) for error in failures.values()):
        return TemporaryError(text, retry_after_seconds=_AGAIN_SECONDS)
    return PermanentError(text)
