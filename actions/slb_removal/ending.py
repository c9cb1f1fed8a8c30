"""How the story of an announced reclaim, a maintenance or a failure ends.

Until then the run stays with the instance, and the message in the queue: a notice can be withdrawn, and
then everything is put back as it was. No event tells of a withdrawal. The lock does: an instance in reclaim
has the operation lock `Recycling`, and one that still runs without it after its time is not being reclaimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.slb_removal.options import SlbRemovalOptions
from actions.slb_removal.traffic import Traffic
from sink.action import Cloud, Instance, Outcome, ScalingMember
from sink.errors import Throttled, Unreachable

_GRACE_SECONDS = 60.0
"""A reclaim may come a little late."""
_LONGEST_SECONDS = 900.0
"""How long after its time a reclaim that does not come is waited for."""
_LOOK_SECONDS = 15.0
_FINAL = frozenset({"Executed", "Failed", "Avoided", "Canceled"})


class Ending:
    """What becomes of one instance."""

    def __init__(
        self, facts: Mapping[str, Any], traffic: Traffic, cloud: Cloud, options: SlbRemovalOptions
    ) -> None:
        self._instance_id: str = facts["instance_id"]
        self._facts = facts
        self._traffic = traffic
        self._cloud = cloud
        self._run = cloud.run
        self._options = options

    async def of_a_reclaim(self, member: ScalingMember | None) -> Outcome:
        """Reclaimed as announced, or withdrawn and put back."""
        removed = self._told_removal()
        deadline_ms = self._run.deadline_ms or self._run.now_ms()
        saw_lock = False
        while True:
            found, instance = await self._look()
            seconds_late = (self._run.now_ms() - deadline_ms) / 1000 * self._run.pace
            if found:
                if instance is None or instance.status in ("Stopping", "Stopped"):
                    return Outcome.done(removed)
                locked = "recycling" in instance.locks
                if not locked and (saw_lock or seconds_late > _GRACE_SECONDS):
                    return await self._withdraw(member)
                saw_lock = saw_lock or locked
            if seconds_late > _LONGEST_SECONDS:
                return Outcome.done(
                    f"{removed}; the reclaim did not come within {seconds_late / 60:.0f} minutes"
                )
            await self._run.next_news(self._instance_id, _LOOK_SECONDS)

    async def when_it_is_over(self) -> Outcome:
        """Maintained or recovered: its weights are given back once it runs again."""
        give_up_ms = (
            self._run.notes["drained_ms"] + self._options.restore_within_minutes * 60_000 / self._run.pace
        )
        while self._run.now_ms() < give_up_ms:
            found, instance = await self._look()
            if found and instance is None:
                return Outcome.done("weight 0, and it was released")
            if instance is not None and instance.status == "Running" and self._is_over():
                await self._traffic.put_back()
                return Outcome.done(f"weight 0 while it lasted, and back in {self._traffic.group_ids}")
            await self._run.next_news(self._instance_id, _LOOK_SECONDS)
        minutes = self._options.restore_within_minutes
        return Outcome.failed(
            f"not over after {minutes:g} minutes: left at weight 0 in {self._traffic.group_ids}"
        )

    async def _withdraw(self, member: ScalingMember | None) -> Outcome:
        await self._traffic.put_back()
        if member is not None and self._run.notes.get("on_standby"):
            await self._cloud.exit_standby(member, self._instance_id)
        return Outcome.done(f"the interruption was withdrawn: put back into {self._traffic.group_ids}")

    async def _look(self) -> tuple[bool, Instance | None]:
        """Whether the cloud answered, and the instance. What is done is done: no error ends the story."""
        try:
            return True, await self._cloud.instance(self._instance_id)
        except (Unreachable, Throttled):
            return False, None

    def _is_over(self) -> bool:
        began_ms = self._facts["began_ms"]
        return any(
            one.kind == self._facts["kind"] and one.status in _FINAL and one.event_time_ms >= began_ms
            for one in self._run.news(self._instance_id)
        )

    def _told_removal(self) -> str:
        seconds = (self._run.now_ms() - self._facts["began_ms"]) / 1000 * self._run.pace
        fixed = self._facts["fixed"]
        rest = (
            f"; left in the master/slave groups {', '.join(fixed)}, which cannot be edited" if fixed else ""
        )
        return f"removed from {self._traffic.group_ids} {seconds:.0f} s into the notice, and seen{rest}"
