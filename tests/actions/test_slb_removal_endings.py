"""How a removal ends: reclaimed, withdrawn and put back, maintained, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from actions.slb_removal import SlbRemoval
from sink.action import Outcome, Skip
from sink.errors import TemporaryError
from sink.events import Event
from sink.testing import Carried, carry, interruption
from tests.actions.balancers import (
    SPEED,
    Balancers,
    Lagging,
    Watched,
    balancers,
    ended,
    late,
    place,
    plan_of,
    removal,
    steps_of,
    watched,
)

__all__ = ["balancers"]


def carried(
    one: Balancers, event: Event, *happenings: Callable[[], object], action: SlbRemoval | None = None
) -> tuple[Outcome, Carried]:
    """What came of an event, where these things happen once the run has nothing else to do."""
    action = action or removal()
    result = asyncio.run(carry(action, event, one.cloud, run=watched(action, event, *happenings)))
    return ended(result), result


def test_a_reclaimed_instance_stays_out(balancers: Balancers) -> None:
    """Stopped under the lock is how a reclaim shows; the reason tells how much of the notice was used."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))

    outcome, result = carried(
        balancers, interruption(instance_id), partial(balancers.cloud.crash, instance_id)
    )

    assert outcome.status == "done"
    assert outcome.reason.startswith(f"removed from {group.group_id} ")
    assert outcome.reason.endswith(" s into the notice, and seen")
    assert [one.split()[0] for one in result.orders] == ["weigh", "remove"]


def test_a_released_instance_stays_out(balancers: Balancers) -> None:
    """Gone is gone."""
    instance_id = balancers.spot()
    group = balancers.server_group("nlb", (instance_id, 22, 100))

    outcome, _ = carried(
        balancers,
        interruption(instance_id),
        partial(balancers.cloud.change, instance_id, state="Deleted"),
    )

    assert outcome.status == "done"
    assert balancers.weights(group, instance_id) == {}


def test_a_withdrawn_interruption_is_undone(balancers: Balancers) -> None:
    """Every port is where it was, with the weight that it had, in every product."""
    instance_id = balancers.spot()
    groups = balancers.everywhere(instance_id)
    before = balancers.serving(groups, instance_id)

    outcome, _ = carried(
        balancers,
        interruption(instance_id),
        lambda: None,
        partial(balancers.cloud.withdraw, instance_id),
    )

    assert (outcome.status, outcome.reason.split(":")[0]) == ("done", "the interruption was withdrawn")
    assert balancers.serving(groups, instance_id) == before


def test_a_lock_that_nobody_saw_is_waited_for(balancers: Balancers) -> None:
    """An instance without the lock may be reclaimed yet: it is put back only when the time is over."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(), interruption(instance_id)
    run = late(action, event)

    result = asyncio.run(carry(action, event, balancers.cloud, run=run))

    assert ended(result).reason.startswith("the interruption was withdrawn")
    assert balancers.weights(group, instance_id) == {80: 100}
    waited_seconds = (
        (run.orders[f"add {group.group_id} {instance_id}"] - (run.deadline_ms or 0)) / 1000 * SPEED
    )
    assert waited_seconds > 60


def test_a_stop_by_its_owner_is_no_reclaim(balancers: Balancers) -> None:
    """Before its time and without the lock, a stopped instance may come back, and then it serves again."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(), interruption(instance_id)
    run = watched(
        action,
        event,
        partial(balancers.cloud.crash, instance_id),
        partial(balancers.cloud.change, instance_id, state="Starting"),
        partial(balancers.cloud.change, instance_id, state="Running", operation_locks=["Recycling"]),
        partial(balancers.cloud.withdraw, instance_id),
    )

    result = asyncio.run(carry(action, event, balancers.cloud, run=run))

    assert ended(result).reason.startswith("the interruption was withdrawn")
    assert balancers.weights(group, instance_id) == {80: 100}


def test_a_reclaim_that_does_not_come_is_for_an_operator(balancers: Balancers) -> None:
    """Locked and running for a quarter of an hour: it stays out, and somebody should look."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(), interruption(instance_id)

    result = asyncio.run(carry(action, event, balancers.cloud, run=late(action, event)))

    assert (ended(result).status, ended(result).alarm) == ("done", True)
    assert "its reclaim was not seen within 15 minutes" in ended(result).reason
    assert balancers.weights(group, instance_id) == {}


def test_what_was_changed_meanwhile_is_put_back_as_it_was_left(balancers: Balancers) -> None:
    """The port of the removal counts, not the one of the plan."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(), interruption(instance_id)
    plan = plan_of(balancers, action, event)
    balancers.by_door(lambda door: door.remove([place(group, instance_id, 80, 100)]))
    balancers.by_door(lambda door: door.add([place(group, instance_id, 8080, 40)]))
    run = watched(action, event, lambda: None, partial(balancers.cloud.withdraw, instance_id))

    asyncio.run(carry(action, event, balancers.cloud, run=run, plan=plan))

    assert balancers.weights(group, instance_id) == {8080: 40}


def test_what_somebody_else_took_out_stays_out(balancers: Balancers) -> None:
    """Only what this run removed comes back."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100), (instance_id, 81, 100))
    action, event = removal(), interruption(instance_id)
    plan = plan_of(balancers, action, event)
    balancers.by_door(lambda door: door.remove([place(group, instance_id, 81, 100)]))
    run = watched(action, event, lambda: None, partial(balancers.cloud.withdraw, instance_id))

    asyncio.run(carry(action, event, balancers.cloud, run=run, plan=plan))

    assert balancers.weights(group, instance_id) == {80: 100}


def lagging(
    one: Balancers, action: SlbRemoval, event: Event, *orders: str, looks: int
) -> Callable[[], tuple[Outcome, Watched]]:
    """A run in which these orders show late; each call carries the plan out, on with the same run."""
    plan = plan_of(one, action, event)
    run = watched(action, event, lambda: None, partial(one.cloud.withdraw, event.instance_id))

    async def work() -> tuple[Outcome, Watched]:
        async with one.cloud.connected() as vendor:
            cloud: Any = Lagging(vendor, run, orders, looks)
            return await action.carry_out(plan, cloud), run

    return lambda: asyncio.run(work())


def test_an_effect_that_shows_late_is_waited_for(balancers: Balancers) -> None:
    """A group is read again where it lags behind, and nothing is ordered twice for that."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))

    work = lagging(balancers, removal(), interruption(instance_id), "weigh", "remove", "add", looks=3)
    outcome, run = work()

    assert outcome.status == "done"
    assert balancers.weights(group, instance_id) == {80: 100}
    assert len([one for one in run.steps if one.step in run.orders]) == len(run.orders) == 3


def test_a_removal_that_does_not_show_is_no_success(balancers: Balancers) -> None:
    """It may pass: the run is called again, and then sees it."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))
    work = lagging(balancers, removal(), interruption(instance_id), "remove", looks=20)

    with pytest.raises(TemporaryError, match=f"{group.group_id}: it was edited, but does not show"):
        work()

    assert work()[0].status == "done"


def test_putting_back_is_tried_again_by_itself(balancers: Balancers) -> None:
    """The run is not called again after its deadline: what shows late is seen all the same."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))
    work = lagging(balancers, removal(), interruption(instance_id), "add", looks=8)

    outcome, run = work()

    assert outcome.status == "done"
    assert steps_of(run, "again later")
    assert balancers.weights(group, instance_id) == {80: 100}


def test_putting_back_outlives_the_deadline(balancers: Balancers) -> None:
    """An error that passes, after the notice is over, does not leave the instance outside."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(), interruption(instance_id)
    run = late(action, event)
    balancers.cloud.inject(
        "slb:AddVServerGroupBackendServers", status=503, code="ServiceUnavailable", times=3
    )
    try:
        result = asyncio.run(carry(action, event, balancers.cloud, run=run))
    finally:
        balancers.cloud.heal()

    assert ended(result).status == "done"
    assert balancers.weights(group, instance_id) == {80: 100}


def test_what_cannot_be_put_back_is_for_an_operator(balancers: Balancers) -> None:
    """The reason says which group, and that the others are as before."""
    instance_id = balancers.spot()
    denied = balancers.vserver((instance_id, 80, 100))
    other = balancers.server_group("alb", (instance_id, 80, 100))

    def withdraw() -> None:
        balancers.cloud.withdraw(instance_id)
        balancers.cloud.inject("slb:Add*", status=403, code="Forbidden.RAM")

    try:
        outcome, _ = carried(balancers, interruption(instance_id), lambda: None, withdraw)
    finally:
        balancers.cloud.heal()

    assert (outcome.status, outcome.alarm) == ("failed", True)
    assert denied.group_id in outcome.reason
    assert "put back into 1 of 2 groups" in outcome.reason
    assert balancers.weights(other, instance_id) == {80: 100}


def test_a_member_goes_on_standby_and_comes_back(balancers: Balancers) -> None:
    """Auto Scaling leaves it alone meanwhile; its own weights do not replace those from before."""
    instance_id = balancers.spot()
    balancers.scaling_group(instance_id)
    groups = [
        balancers.vserver((instance_id, 80, 80)),
        balancers.server_group("alb", (instance_id, 80, 70)),
    ]
    seen: list[str] = []

    outcome, _ = carried(
        balancers,
        interruption(instance_id),
        lambda: seen.append(balancers.lifecycle_state(instance_id)),
        partial(balancers.cloud.withdraw, instance_id),
    )

    assert outcome.status == "done"
    assert [*seen, balancers.lifecycle_state(instance_id)] == ["Standby", "InService"]
    assert balancers.serving(groups, instance_id) == [{80: 80}, {80: 70}]


def test_a_member_that_cannot_stand_by_is_removed_all_the_same(balancers: Balancers) -> None:
    """Auto Scaling may refuse; traffic has to go."""
    instance_id = balancers.spot()
    balancers.scaling_group(instance_id)
    group = balancers.vserver((instance_id, 80, 100))
    balancers.cloud.inject("ess:EnterStandby", status=400, code="IncorrectCapacity.MinSize")
    try:
        outcome, _ = carried(
            balancers, interruption(instance_id), partial(balancers.cloud.crash, instance_id)
        )
    finally:
        balancers.cloud.heal()

    assert outcome.status == "done"
    assert balancers.weights(group, instance_id) == {}


def test_a_member_is_left_to_auto_scaling_where_that_is_wanted(balancers: Balancers) -> None:
    """It replaces the instance and moves its traffic itself."""
    instance_id = balancers.spot()
    scaling_group_id = balancers.scaling_group(instance_id)
    balancers.vserver((instance_id, 80, 100))
    action = removal(scaling_groups="leave")

    result = asyncio.run(carry(action, interruption(instance_id), balancers.cloud))

    assert result.skip == Skip(f"scaling group: {scaling_group_id} takes care of it")
    assert result.orders == []


def test_a_member_is_removed_as_any_other_where_that_is_wanted(balancers: Balancers) -> None:
    """Auto Scaling is not asked, and not told."""
    instance_id = balancers.spot()
    balancers.scaling_group(instance_id)
    group = balancers.vserver((instance_id, 80, 100))

    outcome, result = carried(
        balancers,
        interruption(instance_id),
        partial(balancers.cloud.crash, instance_id),
        action=removal(scaling_groups="remove"),
    )

    assert outcome.status == "done"
    assert balancers.weights(group, instance_id) == {}
    assert not [one.step for one in result.steps if "scaling" in one.step or "standby" in one.step]
    assert balancers.lifecycle_state(instance_id) == "InService"
