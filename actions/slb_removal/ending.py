"""How the story of an announced reclaim, a maintenance or a failure ends.

Until then the run stays with the instance, and the message in the queue: a notice can be withdrawn, and
then everything is put back as it was. No event tells of a withdrawal. The lock does: an instance in reclaim
has the operation lock `Recycling`, and one that still runs without it after its time is not being reclaimed.

Putting back is decided once, durably: after that nothing is taken away again, whatever happens to the sink.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.slb_removal.options import SlbRemovalOptions
from actions.slb_removal.traffic import Traffic
from sink.action import Cloud, Instance, News, Outcome, ScalingMember, Status, Step, restored
from sink.errors import CloudError, TemporaryError, Throttled, Unreachable

_GRACE_SECONDS = 60.0
"""A reclaim may come a little late."""
_LONGEST_SECONDS = 900.0
"""How long after its time a reclaim that does not come is waited for."""
_LOOK_SECONDS = 15.0
_LOOKS = 60
"""How often a maintenance is looked at where no news comes of it."""
_PATIENCE_SECONDS = 900.0
"""How long putting back is tried: by then the run's own deadline has long passed."""
_AGAIN_SECONDS = 5.0
_FINAL = frozenset({"Executed", "Failed", "Avoided", "Canceled"})
_PUTTING_BACK = "putting_back"
_WITHDRAWN = "the interruption was withdrawn"


class Ending:
    """What becomes of one instance."""

    def __init__(
        self, facts: Mapping[str, Any], traffic: Traffic, cloud: Cloud, options: SlbRemovalOptions
    ) -> None:
        self._instance_id: str = facts["instance_id"]
        self.member: ScalingMember | None = restored(ScalingMember | None, facts["member"])  # type: ignore[arg-type]
        """Its place in a scaling group, if it has one."""
        self._facts = facts
        self._traffic = traffic
        self._cloud = cloud
        self._run = cloud.run
        self._options = options

    async def already(self) -> Outcome | None:
        """The end, where it was reached while the sink was down; None where there is still work before it."""
        if why := self._run.notes.get(_PUTTING_BACK):
            return await self._put_back(why)
        if self._facts["reclaim"] and self._seconds_late() > _GRACE_SECONDS:
            found, instance = await self._look()
            if found and instance is not None and self._is_withdrawn(instance):
                return await self._put_back(_WITHDRAWN)
        return None

    async def of_a_reclaim(self) -> Outcome:
        """Reclaimed as announced, or withdrawn and put back."""
        while True:
            found, instance = await self._look()
            if found and (instance is None or self._is_reclaimed(instance)):
                return Outcome.done(self._told_removal())
            if instance is not None and self._is_withdrawn(instance):
                return await self._put_back(_WITHDRAWN)
            if instance is not None and _is_locked(instance) and not self._saw_lock:
                await self._run.note(saw_lock=True)
            if self._seconds_late() > _LONGEST_SECONDS:
                minutes = _LONGEST_SECONDS / 60
                text = (
                    f"{self._told_removal()}; its reclaim was not seen within {minutes:g} minutes of its time"
                )
                return Outcome(Status.DONE, text, alarm=True)
            await self._run.next_news(self._instance_id, _LOOK_SECONDS)

    async def when_it_is_over(self) -> Outcome:
        """Maintained or recovered: its weights are given back once it runs again."""
        minutes = self._options.restore_within_minutes
        give_up_ms = self._run.notes["drained_ms"] + minutes * 60_000 / self._run.pace
        while self._run.now_ms() < give_up_ms:
            found, instance = await self._look()
            if found and instance is None:
                return Outcome.done("weight 0, and it was released")
            if instance is not None and _is_locked(instance):
                return Outcome.done("weight 0, and now it is being reclaimed")
            if instance is not None and instance.status == "Running" and await self._is_over():
                return await self._put_back("it is over")
            await self._run.next_news(self._instance_id, minutes * 60 / _LOOKS)
        return Outcome.failed(
            f"not over after {minutes:g} minutes: left at weight 0 in {self._traffic.group_ids}"
        )

    async def _put_back(self, why: str) -> Outcome:
        """As it was before, tried for longer than the run's own deadline: nobody else will do it."""
        if _PUTTING_BACK not in self._run.notes:
            await self._run.note(**{_PUTTING_BACK: why})
        give_up_ms = self._run.now_ms() + _PATIENCE_SECONDS * 1000 / self._run.pace
        while True:
            try:
                # Before the groups: Auto Scaling gives weights of its own to what comes back into service.
                if self.member is not None:
                    await self._traffic.leave_standby(self.member)
                await self._traffic.put_back()
                return Outcome.done(f"{why}: as before in {self._traffic.group_ids}")
            except (TemporaryError, Unreachable, Throttled) as error:
                if self._run.now_ms() > give_up_ms:
                    return Outcome.failed(f"{why}, but {error.message}")
                self._run.tell(Step("again later", error.message))
                await self._run.sleep(_AGAIN_SECONDS)

    async def _look(self) -> tuple[bool, Instance | None]:
        """Whether the cloud answered, and the instance. What is done is done: no error ends the story."""
        try:
            return True, await self._cloud.instance(self._instance_id)
        except CloudError:
            return False, None

    def _seconds_late(self) -> float:
        """How long the reclaim's time has passed, in the cloud's seconds; below 0 before it."""
        deadline_ms = self._run.deadline_ms
        since_ms = self._facts["planned_ms"] if deadline_ms is None else deadline_ms
        return (self._run.now_ms() - since_ms) / 1000 * self._run.pace

    def _is_reclaimed(self, instance: Instance) -> bool:
        """Stopped under the lock, or still stopped when its time is over: its owner may have stopped it."""
        is_due = _is_locked(instance) or self._seconds_late() > _GRACE_SECONDS
        return instance.status == "Stopped" and is_due

    @property
    def _saw_lock(self) -> bool:
        return bool(self._run.notes.get("saw_lock"))

    def _is_withdrawn(self, instance: Instance) -> bool:
        is_due = self._saw_lock or self._seconds_late() > _GRACE_SECONDS
        return instance.status == "Running" and not _is_locked(instance) and is_due

    async def _is_over(self) -> bool:
        """Tell whether news say so, or where they came while the sink was down, the platform's history."""
        if any(self._ends(one) for one in self._run.news(self._instance_id)):
            return True
        try:
            return any(self._ends(one) for one in await self._cloud.history(self._instance_id))
        except CloudError:
            return False

    def _ends(self, news: News) -> bool:
        # The history tells whole seconds.
        began_ms = self._facts["began_ms"] // 1000 * 1000
        return news.kind == self._facts["kind"] and news.status in _FINAL and news.event_time_ms >= began_ms

    def _told_removal(self) -> str:
        used_ms = self._run.notes["removed_ms"] - self._facts["began_ms"]
        seconds, fixed = used_ms / 1000 * self._run.pace, ", ".join(self._facts["fixed"])
        rest = f"; left in the master/slave groups {fixed}, which cannot be edited" if fixed else ""
        return f"removed from {self._traffic.group_ids} {seconds:.0f} s into the notice, and seen{rest}"


def _is_locked(instance: Instance) -> bool:
    return "recycling" in instance.locks
