"""`restart` on the embedded cloud: what it starts, and what it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from actions.restart import Restart
from sink.action import Earlier
from sink.cloud import PERMISSIONS
from sink.events import Event
from sink.testing import (
    EmbeddedCloud,
    TestRun,
    failure,
    interruption,
    maintenance,
    run_of,
    state_change,
    stopped,
)
from tests.actions.restarting import (
    await_state,
    crashed,
    done,
    failed,
    left,
    restart,
    restarted_by_the_platform,
    starts,
)


def test_a_crash_is_restarted_and_seen_running(healthy_cloud: EmbeddedCloud) -> None:
    """Nothing explains it, so it is started, once, and watched until it stays up."""
    instance_id = crashed(healthy_cloud)

    reason = done(restart(healthy_cloud, instance_id))

    assert re.fullmatch(r"started: Running after \d+ s, and stays", reason)
    assert healthy_cloud.state(instance_id) == "Running"
    assert starts(healthy_cloud, instance_id) == 1


@pytest.mark.parametrize("mode", ["KeepCharging", "StopCharging"])
def test_a_deliberate_stop_is_left(healthy_cloud: EmbeddedCloud, mode: str) -> None:
    """ActionTrail knows who ordered it; economical mode alone says enough."""
    instance_id = healthy_cloud.place()
    healthy_cloud.api("ecs")("StopInstance", InstanceId=instance_id, StoppedMode=mode)
    await_state(healthy_cloud, instance_id, "Stopped")

    assert left(restart(healthy_cloud, instance_id)).startswith("deliberate: ")
    assert healthy_cloud.state(instance_id) == "Stopped"


def test_without_actiontrail_a_stop_passes_for_a_crash(healthy_cloud: EmbeddedCloud) -> None:
    """What switching it off costs; and then it is not called."""
    instance_id = healthy_cloud.place()
    healthy_cloud.api("ecs")("StopInstance", InstanceId=instance_id)
    await_state(healthy_cloud, instance_id, "Stopped")
    asked = len(healthy_cloud.requests("LookupEvents"))

    done(restart(healthy_cloud, instance_id, consult_actiontrail=False))

    assert len(healthy_cloud.requests("LookupEvents")) == asked


def test_nothing_is_started_while_the_trail_cannot_be_read(healthy_cloud: EmbeddedCloud) -> None:
    """Without the evidence no decision."""
    instance_id = crashed(healthy_cloud)
    healthy_cloud.inject("actiontrail:LookupEvents", status=403, code="NoPermission")

    carried = restart(healthy_cloud, instance_id)

    assert "NoPermission" in failed(carried, alarm=True)
    assert carried.orders == []


@pytest.mark.parametrize(
    ("lock", "reason"),
    [
        ("security", "locked: security"),
        ("financial", "locked: financial"),
        ("dedicatedhostfinancial", "locked: dedicatedhostfinancial"),
        ("refunded", "locked: refunded"),
        ("Recycling", "spot reclaim: a preemptible instance in reclaim is not started"),
    ],
)
def test_what_is_locked_is_left(healthy_cloud: EmbeddedCloud, lock: str, reason: str) -> None:
    """Each lock of DescribeInstances, in whatever case it is spelt."""
    assert left(restart(healthy_cloud, crashed(healthy_cloud, operation_locks=[lock]))) == reason


def test_an_expired_subscription_is_left(healthy_cloud: EmbeddedCloud) -> None:
    """It would be refused anyway."""
    instance_id = crashed(healthy_cloud, instance_charge_type="PrePaid", expired_time=1_700_000_000.0)

    assert left(restart(healthy_cloud, instance_id)) == "expired: its subscription is over"


def test_a_reclaimed_instance_is_left(healthy_cloud: EmbeddedCloud) -> None:
    """The notice explains the stop, even where the lock is gone."""
    instance_id = healthy_cloud.place(spot_strategy="SpotAsPriceGo")
    healthy_cloud.interrupt(instance_id)
    healthy_cloud.crash(instance_id)
    locked = restart(healthy_cloud, instance_id)
    healthy_cloud.withdraw(instance_id)
    event = stopped(instance_id)
    run = run_of(Restart(), event, healthy_cloud)
    run.hear(interruption(instance_id))

    assert "spot reclaim" in left(locked)
    assert "spot reclaim" in left(restart(healthy_cloud, instance_id, event, run))


def test_a_failed_creation_is_left(healthy_cloud: EmbeddedCloud) -> None:
    """The platform takes it back."""
    instance_id = crashed(healthy_cloud)
    event = stopped(instance_id)
    run = run_of(Restart(), event, healthy_cloud)
    run.hear(failure(instance_id, "SystemFailure.Delete"))

    assert "failed creation" in left(restart(healthy_cloud, instance_id, event, run))


def test_recovery_mode_stop_is_respected(healthy_cloud: EmbeddedCloud) -> None:
    """The platform's own history says so, though no event was heard."""
    instance_id = healthy_cloud.place(recovery="Stop")
    healthy_cloud.fail_host(instance_id)
    await_state(healthy_cloud, instance_id, "Stopped")

    assert "recovery mode" in left(restart(healthy_cloud, instance_id))


@pytest.mark.parametrize("events", [[], [failure], [maintenance]])
def test_what_the_platform_restarts_is_waited_for(
    healthy_cloud: EmbeddedCloud, events: list[Callable[..., Event]]
) -> None:
    """It comes up by itself; if not, the set time passes and it is started."""
    instance_id = crashed(healthy_cloud)
    event = stopped(instance_id)
    run = run_of(Restart(), event, healthy_cloud)
    run.hear(*[make(instance_id) for make in events])
    options: dict[str, Any] = {"platform_minutes": 1.0, "consult_actiontrail": False}
    began_ms = run.now_ms()

    done(restart(healthy_cloud, instance_id, event, run, **options))

    ordered_ms = run.begun(f"start {instance_id}")
    assert ordered_ms is not None
    assert (ordered_ms - began_ms >= 900) == bool(events)


def test_what_the_platform_has_restarted_is_left(healthy_cloud: EmbeddedCloud) -> None:
    """Of a host failure with recovery mode Reboot nothing is left to do."""
    instance_id = restarted_by_the_platform(healthy_cloud)
    executed = failure(instance_id, "SystemFailure.Reboot", "Executed")

    assert left(restart(healthy_cloud, instance_id, executed)) == "it is Running already"


def test_what_the_platform_failed_to_restart_is_started(healthy_cloud: EmbeddedCloud) -> None:
    """The end of the platform's attempt is an event to act on, too."""
    instance_id = crashed(healthy_cloud)

    done(restart(healthy_cloud, instance_id, failure(instance_id, "SystemFailure.Reboot", "Failed")))


def test_a_rebooting_instance_is_untouched(healthy_cloud: EmbeddedCloud) -> None:
    """It is looked at until it runs again."""
    instance_id = healthy_cloud.place()
    healthy_cloud.api("ecs")("RebootInstance", InstanceId=instance_id)

    assert "already" in left(restart(healthy_cloud, instance_id))
    assert starts(healthy_cloud, instance_id) == 0


def test_a_flapping_instance_is_given_up(healthy_cloud: EmbeddedCloud) -> None:
    """After max_attempts within the window, with an alarm."""
    instance_id = crashed(healthy_cloud)
    run = TestRun(pace=healthy_cloud.speed)
    now_ms = run.now_ms()
    run.earlier_runs += [Earlier(f"{one}", now_ms - one * 1000, "done") for one in (3, 2, 1)]

    carried = restart(healthy_cloud, instance_id, run=run)

    assert left(carried).startswith("gave up: started 3 times within 60 minutes")
    assert carried.skip
    assert carried.skip.alarm


def test_the_next_start_comes_after_a_pause(healthy_cloud: EmbeddedCloud) -> None:
    """first_delay_seconds after the last one."""
    instance_id = crashed(healthy_cloud)
    run = TestRun(pace=healthy_cloud.speed)
    last_ms = run.now_ms()
    run.earlier_runs.append(Earlier("1", last_ms, "done"))

    done(restart(healthy_cloud, instance_id, run=run, first_delay_seconds=60))

    ordered_ms = run.begun(f"start {instance_id}")
    assert ordered_ms is not None
    assert ordered_ms - last_ms >= 1_000


def test_what_is_gone_is_left(healthy_cloud: EmbeddedCloud) -> None:
    """It was released before anybody could look."""
    assert left(restart(healthy_cloud, "i-bp1gone")) == "it is not there any more"


def test_a_running_instance_is_left(healthy_cloud: EmbeddedCloud) -> None:
    """Somebody was quicker, or the event is old."""
    instance_id = healthy_cloud.place()

    assert left(restart(healthy_cloud, instance_id)) == "it is Running already"


def test_a_stop_that_is_over_is_left(healthy_cloud: EmbeddedCloud) -> None:
    """News came in another order: the later stop has an event of its own."""
    instance_id = crashed(healthy_cloud)
    event = stopped(instance_id)
    run = run_of(Restart(), event, healthy_cloud)
    run.hear(state_change(instance_id, "Running", (event.event_time_ms or 0) + 1))

    assert "seen Running" in left(restart(healthy_cloud, instance_id, event, run))


@pytest.mark.parametrize(("policy", "is_left"), [("leave", True), ("restart", False)])
def test_auto_scaling_replaces_its_own(healthy_cloud: EmbeddedCloud, policy: str, is_left: bool) -> None:
    """A member of a scaling group is left to it, unless told otherwise."""
    instance_id = healthy_cloud.place()
    ess = healthy_cloud.api("ess")
    group_id = ess("CreateScalingGroup", ScalingGroupName=f"group-{policy}", MinSize=1, MaxSize=3)
    members: dict[str, Any] = {"InstanceId.1": instance_id}
    ess("AttachInstances", ScalingGroupId=group_id["ScalingGroupId"], **members)
    healthy_cloud.crash(instance_id)

    carried = restart(healthy_cloud, instance_id, scaling_groups=policy)

    assert (carried.skip is not None and "scaling group" in carried.skip.reason) == is_left


@pytest.mark.parametrize("instance_id", ["i-bp***", "<resource-id>", "", "i-BP1", "eni-bp1"])
def test_what_is_no_instance_id_reaches_no_api(healthy_cloud: EmbeddedCloud, instance_id: str) -> None:
    """Debug events are masked."""
    carried = restart(healthy_cloud, instance_id)

    assert "is no instance id" in left(carried)
    assert carried.steps == []


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (stopped("i-1"), True),
        (state_change("i-1", "Running"), False),
        (state_change("i-1", "Stopping"), False),
        (failure("i-1", "SystemFailure.Reboot", "Executed"), True),
        (failure("i-1", "SystemFailure.Reboot", "Failed"), True),
        (failure("i-1", "SystemFailure.Reboot", "Executing"), False),
        (failure("i-1", "InstanceFailure.Reboot", "Executed"), True),
        (failure("i-1", "SystemFailure.Stop", "Executed"), False),
        (maintenance("i-1", "Reboot", "Executed"), False),
        (interruption("i-1"), False),
    ],
)
def test_only_stops_and_ended_repairs_are_looked_at(event: Event, wanted: bool) -> None:
    """Everything else leaves no record."""
    assert Restart().wants(event) == wanted


def test_permissions_are_what_is_called(healthy_cloud: EmbeddedCloud) -> None:
    """All of it, and nothing else, besides what the guards read."""
    called = {one.api for one in restart(healthy_cloud, crashed(healthy_cloud)).steps if one.api}

    guards = {one.partition(":")[2] for one in PERMISSIONS}
    assert called - guards == {one.partition(":")[2] for one in Restart.permissions}
