"""Start an instance, and watch that it stays up.

After the order the live state is read until the instance has run for a while: only that counts. What
StartInstance answers is sorted by `ANSWERS` (ECS API reference, "StartInstance"):

    benign      it is not Stopped any more, somebody else was quicker: look again
    pass        it may work later: tried again while there is time
    final       it will never work for this stop
    operator    it needs somebody: an alarm
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from actions.restart.causes import Facts
from actions.restart.options import RestartOptions
from sink.action import Cloud, Outcome
from sink.errors import CloudError, TemporaryError, Throttled, Unreachable
from sink.events import STATE_CHANGE


class Answer(Enum):
    """What a refusal of StartInstance means."""

    BENIGN = "benign"
    PASS = "pass"
    FINAL = "final"
    OPERATOR = "operator"


ANSWERS: Mapping[str, Answer] = MappingProxyType(
    {
        code: answer
        for answer, codes in (
            (Answer.BENIGN, "IncorrectInstanceStatus"),
            (
                Answer.PASS,
                "InstanceNotReady OperationConflict InternalError ServiceUnavailable OperationDenied.NoStock",
            ),
            (
                Answer.FINAL,
                "InvalidInstanceId.NotFound InvalidInstanceId.NotSupport InstanceLockedForSecurity "
                "InstanceExpired InstanceExpiredOrInArrears",
            ),
            (
                Answer.OPERATOR,
                "QuotaExceed.ElasticQuota InsufficientBalance DiskError DiskInArrears "
                "OperationDenied.SpotPriceLowerThanPublicPrice",
            ),
        )
        for code in codes.split()
    }
)
"""A code that is not here needs somebody to look at it."""

_PAUSES: Mapping[Answer, float] = MappingProxyType({Answer.BENIGN: 3.0, Answer.PASS: 30.0})
"""Seconds until the next try."""
_UP = ("Pending", "Starting", "Running")
_LOOK_SECONDS = 5.0
_LAG_SECONDS = 10.0


@dataclass(slots=True)
class _Watched:
    """What was seen of an instance since its start, in ms since 1970."""

    began_ms: int
    now_ms: int = 0
    status: str = ""
    ran: bool = False
    running_since_ms: int | None = None

    def see(self, status: str, now_ms: int) -> None:
        if status != "Running":
            self.running_since_ms = None
        elif self.running_since_ms is None:
            self.ran, self.running_since_ms = True, now_ms
        self.status, self.now_ms = status, now_ms


class Start:
    """One start of one instance."""

    def __init__(self, instance_id: str, cloud: Cloud, options: RestartOptions) -> None:
        self._instance_id = instance_id
        self._cloud = cloud
        self._run = cloud.run
        self._options = options

    def had_effect(self, facts: Facts, started_at_ms: int | None) -> bool:
        """Tell whether the start was ordered before a restart of the sink, or before an error, and worked.

        `started_at_ms` is when the instance had last been started by the time of the plan. If it is Stopped
        now and was started since, it stopped once more, and that stop has an event, and a run, of its own.
        """
        begun_ms = self._run.begun(f"start {self._instance_id}")
        instance = facts.instance
        if begun_ms is None or instance is None:
            return False
        if instance.status != "Stopped":
            return instance.status in _UP
        return instance.started_at_ms != started_at_ms or any(
            one.kind == STATE_CHANGE and one.status in _UP and one.event_time_ms >= begun_ms
            for one in facts.news
        )

    async def order(self) -> Outcome | None:
        """Give the order; an outcome only where it is refused for good. Raises TemporaryError else."""
        try:
            await self._cloud.start(self._instance_id)
        except CloudError as error:
            answer = ANSWERS.get(error.code)
            if answer is None and isinstance(error, (Unreachable, Throttled)):
                raise
            if answer is not None and answer in _PAUSES:
                raise TemporaryError(str(error), retry_after_seconds=_PAUSES[answer]) from error
            return Outcome.failed(f"StartInstance: {error}", alarm=answer is not Answer.FINAL)
        return None

    async def watch(self) -> Outcome:
        """Look, at each of its events and now and then, until it has run for a while or will not."""
        watched = _Watched(self._run.now_ms())
        while True:
            instance = await self._cloud.instance(self._instance_id)
            watched.see(instance.status if instance else "gone", self._run.now_ms())
            if outcome := self._verdict(watched):
                return outcome
            await self._run.next_news(self._instance_id, _LOOK_SECONDS)

    def _verdict(self, watched: _Watched) -> Outcome | None:
        """How it ended; None while it may yet go either way. The state may lag behind the order at first."""
        seconds = self._seconds(watched.began_ms, watched.now_ms)
        if watched.status == "gone":
            return Outcome.failed("it was started, and released", alarm=False)
        if watched.status == "Stopped" and (watched.ran or seconds > _LAG_SECONDS):
            return Outcome.failed("it was started, and is Stopped again")
        if watched.running_since_ms is not None:
            up_after = self._seconds(watched.began_ms, watched.running_since_ms)
            stays = seconds - up_after >= self._options.stays_seconds
            return Outcome.done(f"started: Running after {up_after:.0f} s, and stays") if stays else None
        if seconds > self._options.watch_seconds:
            return Outcome.failed(f"it was started, and is {watched.status} after {seconds:.0f} s")
        return None

    def _seconds(self, since_ms: int, until_ms: int) -> float:
        """Seconds at the cloud's pace."""
        return (until_ms - since_ms) / 1000 * self._run.pace
