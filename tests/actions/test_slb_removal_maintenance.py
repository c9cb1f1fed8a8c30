"""Weight 0 while an instance is maintained or recovered, and its weights back afterwards."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import pytest

from actions.slb_removal import SlbRemoval
from sink.cloud import PERMISSIONS
from sink.errors import Rejected
from sink.testing import carry, failure, interruption, maintenance
from tests.actions.balancers import (
    Balancers,
    Watched,
    balancers,
    ended,
    late,
    place,
    plan_of,
    removal,
    watched,
)

__all__ = ["balancers"]


@pytest.mark.parametrize("status", ["Executed", "Failed", "Avoided", "Canceled"])
def test_maintenance_takes_the_traffic_and_gives_it_back(balancers: Balancers, status: str) -> None:
    """Weight 0 while it lasts, out of no group, and the same weights once it is over."""
    instance_id = balancers.cloud.place()
    groups = balancers.everywhere(instance_id)
    before = balancers.serving(groups, instance_id)
    action, event = removal(maintenance=True), maintenance(instance_id)
    meanwhile: list[Any] = []
    run: Watched

    def end() -> None:
        meanwhile.extend(balancers.serving(groups, instance_id))
        run.hear(maintenance(instance_id, status=status))

    run = watched(action, event, end)
    result = asyncio.run(carry(action, event, balancers.cloud, run=run))

    assert ended(result).reason.startswith("it is over")
    assert meanwhile == [dict.fromkeys(one, 0) for one in before]
    assert balancers.serving(groups, instance_id) == before
    assert not [one for one in result.orders if one.startswith("remove")]


def test_weights_wait_until_the_instance_runs(balancers: Balancers) -> None:
    """Maintenance may be over before its instance is up."""
    instance_id = balancers.cloud.place()
    group = balancers.server_group("alb", (instance_id, 80, 70))
    action, event = removal(maintenance=True), maintenance(instance_id, "Stop")
    meanwhile: list[Any] = []
    run: Watched

    def end() -> None:
        balancers.cloud.crash(instance_id)
        run.hear(maintenance(instance_id, "Stop", "Executed"))

    def start() -> None:
        meanwhile.append(balancers.weights(group, instance_id))
        balancers.cloud.change(instance_id, state="Running")

    run = watched(action, event, end, start)
    result = asyncio.run(carry(action, event, balancers.cloud, run=run))

    assert ended(result).status == "done"
    assert (meanwhile, balancers.weights(group, instance_id)) == ([{80: 0}], {80: 70})


def test_an_end_that_nobody_heard_of_is_found_in_the_history(balancers: Balancers) -> None:
    """News is forgotten in a restart of the sink; the platform remembers."""
    instance_id = balancers.cloud.place(recovery="Stop")
    group = balancers.server_group("alb", (instance_id, 80, 70))
    action, event = removal(failures=True), failure(instance_id, "SystemFailure.Stop")
    plan = plan_of(balancers, action, event)
    run = watched(
        action,
        event,
        partial(balancers.cloud.fail_host, instance_id),
        partial(_start_when_stopped, balancers, instance_id),
    )

    result = asyncio.run(carry(action, event, balancers.cloud, run=run, plan=plan))

    assert ended(result).reason.startswith("it is over")
    assert balancers.weights(group, instance_id) == {80: 70}


def _start_when_stopped(one: Balancers, instance_id: str) -> None:
    give_up_at = time.monotonic() + 20
    while time.monotonic() < give_up_at:
        try:
            one.cloud.api("ecs")("StartInstance", InstanceId=instance_id)
        except Rejected:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it does not stop")


def test_a_maintenance_that_does_not_end_is_for_an_operator(balancers: Balancers) -> None:
    """Its weights are left at 0: what is not known to work gets no traffic."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(maintenance=True), maintenance(instance_id)

    result = asyncio.run(carry(action, event, balancers.cloud, run=late(action, event)))

    assert (ended(result).status, ended(result).alarm) == ("failed", True)
    assert ended(result).reason == f"not over after 60 minutes: left at weight 0 in {group.group_id}"
    assert balancers.weights(group, instance_id) == {80: 0}


def test_the_end_of_an_earlier_maintenance_is_not_the_end(balancers: Balancers) -> None:
    """Nor is that of another kind."""
    instance_id = balancers.cloud.place()
    balancers.vserver((instance_id, 80, 100))
    action, event = removal(maintenance=True), maintenance(instance_id)
    run = late(action, event)
    run.hear(
        maintenance(instance_id, status="Executed", at_ms=(event.event_time_ms or 0) - 60_000),
        maintenance(instance_id, "Redeploy", status="Executed"),
    )

    result = asyncio.run(carry(action, event, balancers.cloud, run=run))

    assert ended(result).status == "failed"


def test_an_instance_under_maintenance_that_is_reclaimed_gets_no_weight_back(balancers: Balancers) -> None:
    """The removal has the word then."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(maintenance=True), maintenance(instance_id)

    lock = partial(balancers.cloud.change, instance_id, operation_locks=["Recycling"])

    result = asyncio.run(carry(action, event, balancers.cloud, run=watched(action, event, lock)))

    assert ended(result).reason == "weight 0, and now it is being reclaimed"
    assert balancers.weights(group, instance_id) == {80: 0}


def test_a_weight_that_somebody_set_meanwhile_stays(balancers: Balancers) -> None:
    """What is not at 0 any more is somebody else's by now."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100), (instance_id, 81, 100))
    action, event = removal(maintenance=True), maintenance(instance_id)
    run: Watched

    def end() -> None:
        balancers.by_door(lambda door: door.weigh([place(group, instance_id, 81, 0)], 5))
        run.hear(maintenance(instance_id, status="Executed"))

    run = watched(action, event, end)
    asyncio.run(carry(action, event, balancers.cloud, run=run))

    assert balancers.weights(group, instance_id) == {80: 100, 81: 5}


def test_a_group_that_cannot_be_drained_leaves_no_other_at_0(balancers: Balancers) -> None:
    """The others get their weights back all the same; the failure is told."""
    instance_id = balancers.cloud.place()
    denied = balancers.vserver((instance_id, 80, 100))
    other = balancers.server_group("alb", (instance_id, 80, 70))
    action, event = removal(maintenance=True), maintenance(instance_id)
    plan = plan_of(balancers, action, event)
    meanwhile: list[Any] = []
    run: Watched

    def end() -> None:
        balancers.cloud.heal()
        meanwhile.extend(balancers.serving([denied, other], instance_id))
        run.hear(maintenance(instance_id, status="Executed"))

    run = watched(action, event, end)
    balancers.cloud.inject("slb:Set*", status=403, code="Forbidden.RAM")
    try:
        result = asyncio.run(carry(action, event, balancers.cloud, run=run, plan=plan))
    finally:
        balancers.cloud.heal()

    assert (ended(result).status, denied.group_id in ended(result).reason) == ("failed", True)
    assert meanwhile == [{80: 100}, {80: 0}]
    assert balancers.serving([denied, other], instance_id) == [{80: 100}, {80: 70}]


def test_an_instance_that_has_stopped_already_needs_no_weight_0(balancers: Balancers) -> None:
    """CLB gives no weight to what does not run, and sends it nothing either: that is no failure."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(failures=True), failure(instance_id)
    plan = plan_of(balancers, action, event)
    balancers.cloud.crash(instance_id)
    run: Watched

    def recover() -> None:
        balancers.cloud.change(instance_id, state="Running")
        run.hear(failure(instance_id, status="Executed"))

    run = watched(action, event, recover)
    result = asyncio.run(carry(action, event, balancers.cloud, run=run, plan=plan))

    assert ended(result).status == "done"
    assert balancers.weights(group, instance_id) == {80: 100}


def test_it_declares_what_it_needs(balancers: Balancers) -> None:
    """No permission less than it uses besides the sink's own reads, and none more."""
    spot, other = balancers.spot(), balancers.cloud.place()
    balancers.everywhere(spot)
    balancers.scaling_group(spot)
    balancers.vserver((other, 80, 100))
    notice, work = interruption(spot), maintenance(other)
    withdraw = partial(balancers.cloud.withdraw, spot)
    removing, weighing = removal(drain_seconds=10), removal(maintenance=True)
    withdrawn = watched(removing, notice, lambda: None, withdraw)

    asyncio.run(carry(removing, notice, balancers.cloud, run=withdrawn))
    unheard = asyncio.run(carry(weighing, work, balancers.cloud, run=late(weighing, work))).run

    used = {one.api for one in (*withdrawn.steps, *unheard.steps) if one.api}
    reads = {_operation(one) for one in PERMISSIONS}
    assert {_operation(one) for one in SlbRemoval.permissions} == used - reads


def _operation(permission: str) -> str:
    """The API of a RAM action: they differ in CloudMonitor's."""
    return permission.partition(":")[2].replace("QueryMetricLast", "DescribeMetricLast")
