"""Start an instance, and watch that it stays up.

Before the call the live state is read, and after it read again until the instance has run for a while:
only that counts. What StartInstance answers is sorted by `ANSWERS` (ECS API reference, "StartInstance"):

    benign      somebody else was quicker: watch as if it had been us
    pass        it may work later: tried again while there is time
    final       it will never work for this stop
    operator    it needs somebody: an alarm
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from actions.restart.options import RestartOptions
from sink.action import Cloud, Instance, Outcome
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

_LATER_SECONDS = 30.0
_LOOK_SECONDS = 5.0
_LAG_SECONDS = 10.0
_MINUTE_MS = 60_000
"""DescribeInstances tells StartTime to the minute."""


@dataclass(slots=True)
class _Watched:
    """What was seen of an instance since its start, in ms since 1970."""

    began_ms: int
    now_ms: int = 0
    status: str = ""
    running_since_ms: int | None = None

    def see(self, status: str, now_ms: int) -> None:
        if status == "Running" and self.running_since_ms is None:
            self.running_since_ms = now_ms
        self.status, self.now_ms = status, now_ms


class Start:
    """One start of one instance."""

    def __init__(self, instance_id: str, cloud: Cloud, options: RestartOptions) -> None:
        self._instance_id = instance_id
        self._cloud = cloud
        self._run = cloud.run
        self._options = options

    async def carry_out(self) -> Outcome:
        """Start and watch; after a restart of the sink, find out first how far it was."""
        instance = await self._cloud.instance(self._instance_id)
        if instance is None:
            return Outcome.failed("it was released before it could be started", alarm=False)
        if instance.locks:
            return Outcome.failed(f"locked meanwhile: {', '.join(instance.locks)}", alarm=False)
        if instance.status == "Stopped" and not self._was_started(instance):
            refused = await self._start()
            if refused is not None:
                return refused
        return await self._watch()

    def _was_started(self, instance: Instance) -> bool:
        """Tell whether the start that was begun before a restart of the sink had its effect.

        Then the instance stopped once more since, and that stop has an event, and a run, of its own.
        """
        begun_ms = self._run.begun(f"start {self._instance_id}")
        if begun_ms is None:
            return False
        started_ms = instance.started_at_ms
        if started_ms is not None and started_ms // _MINUTE_MS >= begun_ms // _MINUTE_MS:
            return True
        return self._seen("Starting", begun_ms) or self._seen("Running", begun_ms)

    def _seen(self, state: str, since_ms: int) -> bool:
        return any(
            one.kind == STATE_CHANGE and one.status == state and one.event_time_ms >= since_ms
            for one in self._run.news(self._instance_id)
        )

    async def _start(self) -> Outcome | None:
        """Give the order. An outcome only where it is refused for good."""
        try:
            await self._cloud.start(self._instance_id)
        except (Unreachable, Throttled):
            raise
        except CloudError as error:
            answer = ANSWERS.get(error.code, Answer.OPERATOR)
            if answer is Answer.PASS:
                raise TemporaryError(str(error), retry_after_seconds=_LATER_SECONDS) from error
            if answer is not Answer.BENIGN:
                return Outcome.failed(f"StartInstance: {error}", alarm=answer is Answer.OPERATOR)
        return None

    async def _watch(self) -> Outcome:
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
        ran_once = watched.running_since_ms is not None
        if watched.status == "gone" or (watched.status == "Stopped" and (ran_once or seconds > _LAG_SECONDS)):
            return Outcome.failed(f"it was started, and is {watched.status} again")
        if watched.status == "Running" and watched.running_since_ms is not None:
            up_after = self._seconds(watched.began_ms, watched.running_since_ms)
            if seconds - up_after >= self._options.stays_seconds:
                return Outcome.done(f"started: Running after {up_after:.0f} s, and stays")
        if seconds > self._options.watch_seconds:
            return Outcome.failed(f"it was started, and is {watched.status} after {seconds:.0f} s")
        return None

    def _seconds(self, since_ms: int, until_ms: int) -> float:
        """Seconds at the cloud's pace."""
        return (until_ms - since_ms) / 1000 * self._run.pace
