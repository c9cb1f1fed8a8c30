"""What explains a stop: the decision table of `restart`.

Rows are tried from the top, and the first that fits decides: the stop is explained, or it is too early to
tell. What no row explains is a crash or a shutdown from inside, of which no API and no event gives a
reason. The order is that of harm: what must on no account be started comes before what merely need not be.

Pure: facts in, decision out. A fact that was not asked for is empty, and explains nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from actions.restart.options import RestartOptions
from sink.action import Earlier, Instance, News, Order, ScalingMember, Skip
from sink.events import INTERRUPTION, STATE_CHANGE

_STOPPING_SECONDS = 5.0
_LOOK_AGAIN_SECONDS = 30.0
_RELEASE_MS = 600_000
"""An instance that is released within ten minutes is not worth a start."""
_STARTED_BY_PLATFORM = (
    "Instance:SystemFailure.Reboot",
    "Instance:SystemFailure.Redeploy",
    "Instance:InstanceFailure.Reboot",
    "Instance:SystemMaintenance.",
)
_ORDERS_TO_STOP = frozenset({"StopInstance", "StopInstances", "DeleteInstance", "DeleteInstances", "Release"})
_ROUNDED_MS = 2_000
"""ActionTrail's times are whole seconds, at whatever pace."""
_ORDERS_TO_REBOOT = frozenset({"RebootInstance", "RebootInstances"})


@dataclass(frozen=True, slots=True)
class Wait:
    """Too early to tell: look again after so many seconds, at the cloud's pace."""

    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a stop. Times are ms since 1970."""

    at_ms: int
    """When the instance stopped."""
    now_ms: int
    pace: float
    options: RestartOptions
    instance: Instance | None
    news: Sequence[News] = ()
    """Its events, as received and from the platform's history, in any order."""
    orders: Sequence[Order] = ()
    member: ScalingMember | None = None
    earlier: Sequence[Earlier] = field(default=())
    """Earlier starts within the window, oldest first."""

    @property
    def trail_is_late_by(self) -> float:
        """Seconds at the cloud's pace until ActionTrail is asked."""
        return self.options.actiontrail_delay_seconds - self.seconds_since(self.at_ms)

    def seconds_since(self, at_ms: int) -> float:
        """Seconds since then, at the cloud's pace."""
        return (self.now_ms - at_ms) / 1000 * self.pace

    def seconds_before_stop(self, at_ms: int) -> float:
        """Seconds from then until the stop, at the cloud's pace; negative for what came after it."""
        return (self.at_ms - at_ms) / 1000 * self.pace

    def was_started_after(self, at_ms: int) -> bool:
        """Tell whether the instance was started between then and the stop.

        `Starting` is certain; `Running` may be told late.
        """
        started_ms = self.instance.started_at_ms if self.instance else None
        return (started_ms is not None and started_ms > at_ms) or any(
            one.kind == STATE_CHANGE and one.status == "Starting" and at_ms < one.event_time_ms <= self.at_ms
            for one in self.news
        )

    def standing_order(self, names: frozenset[str]) -> Order | None:
        """The last of such orders before the stop, unless the instance was started again after it."""
        standing = [
            one
            for one in self.orders
            if one.name in names
            and one.at_ms <= self.at_ms + _ROUNDED_MS
            and not self.was_started_after(one.at_ms + _ROUNDED_MS)
        ]
        return max(standing, key=lambda one: (one.at_ms, one.name, one.by), default=None)

    def lately(self, kind: str) -> Iterator[News]:
        """The events of a kind, named whole or by its beginning, that came since shortly before the stop."""
        since_seconds = self.options.order_minutes * 60
        for one in self.news:
            if one.kind.startswith(kind) and self.seconds_before_stop(one.event_time_ms) <= since_seconds:
                yield one


Decision = Skip | Wait | None


def explain(facts: Facts) -> Decision:
    """The first row that fits; None where nothing explains the stop."""
    return next((decision for row in TABLE if (decision := row(facts)) is not None), None)


def _it_is_over(facts: Facts) -> Decision:
    later = {one.status for one in facts.news if one.kind == STATE_CHANGE and one.event_time_ms > facts.at_ms}
    over = next((state for state in ("Deleted", "Running", "Starting") if state in later), None)
    if over:
        return Skip(f"it was seen {over} after this stop")
    started_ms = facts.instance.started_at_ms if facts.instance else None
    if started_ms is not None and started_ms > facts.at_ms:
        return Skip("it was started after this stop")
    return None


def _it_is_gone(facts: Facts) -> Decision:
    return Skip("it is not there any more") if facts.instance is None else None


def _it_was_reclaimed(facts: Facts) -> Decision:
    noticed = any(facts.lately(INTERRUPTION)) or "recycling" in _locks(facts)
    return Skip("spot reclaim: a preemptible instance in reclaim is not started") if noticed else None


def _it_is_locked(facts: Facts) -> Decision:
    locks = _locks(facts)
    return Skip(f"locked: {', '.join(locks)}") if locks else None


def _its_time_is_over(facts: Facts) -> Decision:
    instance = facts.instance
    if instance is None:
        return None
    if instance.expires_at_ms is not None and instance.expires_at_ms <= facts.now_ms:
        return Skip("expired: its subscription is over")
    release_ms = instance.auto_release_at_ms
    if release_ms is not None and release_ms <= facts.now_ms + _RELEASE_MS / facts.pace:
        return Skip("about to be released: its automatic release is due")
    return None


def _its_creation_failed(facts: Facts) -> Decision:
    failed = any(facts.lately("Instance:SystemFailure.Delete"))
    return Skip("failed creation: the platform takes it back") if failed else None


def _its_owner_wants_it_stopped(facts: Facts) -> Decision:
    stopped = any(facts.lately("Instance:SystemFailure.Stop"))
    return Skip("recovery mode: after a host failure its owner wants it stopped") if stopped else None


def _it_runs(facts: Facts) -> Decision:
    status = facts.instance.status if facts.instance else ""
    if status in ("Running", "Starting", "Pending"):
        return Skip(f"it is {status} already")
    return Wait("it is still Stopping", _STOPPING_SECONDS) if status == "Stopping" else None


def _the_platform_is_at_it(facts: Facts) -> Decision:
    by_age = sorted(facts.news, key=lambda one: (one.event_time_ms, one.status != "Executing", one.kind))
    latest = {one.kind: one for one in by_age if one.kind.startswith(_STARTED_BY_PLATFORM)}
    for one in latest.values():
        left = _left_for_the_platform(facts, one.event_time_ms)
        if one.status == "Executing" and left > 0:
            return Wait(f"{one.kind} is being executed: the platform restarts it", left)
    return None


def _left_for_the_platform(facts: Facts, since_ms: int) -> float:
    """Seconds until to look again whether the platform has started it; 0 when it had its time."""
    left = facts.options.platform_minutes * 60 - facts.seconds_since(since_ms)
    return min(left, _LOOK_AGAIN_SECONDS) if left > 0 else 0.0


def _it_does_not_charge(facts: Facts) -> Decision:
    instance = facts.instance
    if instance is None or instance.stopped_mode != "StopCharging":
        return None
    if instance.is_spot and instance.spot_interruption_behavior == "Stop":
        return Skip("spot reclaim: stopped into economical mode, as its owner chose")
    return Skip("deliberate: economical mode, which is never entered from inside")


def _somebody_ordered_it(facts: Facts) -> Decision:
    order = facts.standing_order(_ORDERS_TO_STOP)
    return Skip(f"deliberate: {order.name} by {order.by}") if order else None


def _it_is_rebooting(facts: Facts) -> Decision:
    order = facts.standing_order(_ORDERS_TO_REBOOT)
    left = _left_for_the_platform(facts, order.at_ms) if order else 0.0
    return Wait(f"{order.by} ordered {order.name}: it comes up by itself", left) if order and left else None


def _auto_scaling_has_it(facts: Facts) -> Decision:
    if facts.member is None or facts.options.scaling_groups == "restart":
        return None
    return Skip(f"scaling group: {facts.member.scaling_group_id} replaces it")


def _it_was_given_up(facts: Facts) -> Decision:
    count, minutes = len(facts.earlier), facts.options.attempts_window_minutes
    if count < facts.options.max_attempts:
        return None
    return Skip(
        f"gave up: started {count} times within {minutes:g} minutes, and it stopped again", alarm=True
    )


def _it_was_started_just_now(facts: Facts) -> Decision:
    if not facts.earlier:
        return None
    options = facts.options
    pause = min(options.longest_delay_seconds, options.first_delay_seconds * 2.0 ** (len(facts.earlier) - 1))
    left = pause - facts.seconds_since(facts.earlier[-1].admitted_at_ms)
    return Wait(f"started {len(facts.earlier)} times already: paused", left) if left > 0 else None


def _the_trail_is_late(facts: Facts) -> Decision:
    if facts.options.consult_actiontrail and facts.trail_is_late_by > 0:
        return Wait("ActionTrail is asked when it has had time to hear of it", facts.trail_is_late_by)
    return None


TABLE: Sequence[Callable[[Facts], Decision]] = (
    _it_is_over,
    _it_is_gone,
    _it_was_reclaimed,
    _it_is_locked,
    _its_time_is_over,
    _its_creation_failed,
    _its_owner_wants_it_stopped,
    _it_runs,
    _the_platform_is_at_it,
    _it_does_not_charge,
    _somebody_ordered_it,
    _it_is_rebooting,
    _auto_scaling_has_it,
    _it_was_given_up,
    _it_was_started_just_now,
    _the_trail_is_late,
)


def _locks(facts: Facts) -> tuple[str, ...]:
    return facts.instance.locks if facts.instance else ()
