"""What `slb_removal` answers, what it plans, and how it takes an instance out of its groups."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from actions.slb_removal import SlbRemoval
from sink.action import Group, Plan, Skip
from sink.errors import LostRun
from sink.events import Event
from sink.testing import Carried, TestRun, carry, failure, interruption, maintenance, state_change
from tests.actions.balancers import (
    SPEED,
    Balancers,
    balancers,
    ended,
    place,
    plan_of,
    planned,
    removal,
    steps_of,
    watched,
)

__all__ = ["balancers"]


def reclaimed(
    one: Balancers, instance_id: str, action: SlbRemoval | None = None, plan: Plan | None = None
) -> Carried:
    """The run of an interruption whose instance stops once the run has nothing else to do."""
    action, event = action or removal(), interruption(instance_id)
    run = watched(action, event, lambda: one.cloud.crash(instance_id))
    return asyncio.run(carry(action, event, one.cloud, run=run, plan=plan))


@pytest.mark.parametrize(
    ("event", "options", "wanted"),
    [
        (interruption("i-1"), {}, True),
        (interruption("i-1", action="stop"), {}, True),
        (interruption("i-1", action="de***"), {}, False),
        (maintenance("i-1"), {}, False),
        (maintenance("i-1"), {"maintenance": True}, True),
        (maintenance("i-1", status="Scheduled"), {"maintenance": True}, False),
        (maintenance("i-1"), {"failures": True}, False),
        (failure("i-1"), {"failures": True}, True),
        (failure("i-1", status="Executed"), {"failures": True}, False),
        (failure("i-1", "InstanceFailure.Reboot"), {"failures": True}, False),
        (state_change("i-1", "Stopped"), {"maintenance": True, "failures": True}, False),
    ],
)
def test_it_answers_what_it_is_told_to(event: Event, options: dict[str, Any], wanted: bool) -> None:
    """Every interruption but a masked test; maintenance and failures on their way, where switched on."""
    assert removal(**options).wants(event) is wanted


def test_a_notice_lasts_five_minutes() -> None:
    """From the event's own time; a maintenance has no such end."""
    assert removal().deadline_ms(interruption("i-1", 1_000_000)) == 1_300_000
    assert removal(maintenance=True).deadline_ms(maintenance("i-1")) is None


def test_an_instance_behind_nothing_is_skipped(balancers: Balancers) -> None:
    """Nothing to do is a reason, too."""
    skip = planned(balancers, removal(), interruption(balancers.spot()))
    assert skip == Skip("it serves behind no balancer")


def test_a_pair_that_nobody_can_edit_is_for_an_operator(balancers: Balancers) -> None:
    """Master/slave groups are told, and not touched."""
    instance_id = balancers.spot()
    pair = balancers.pair(instance_id)

    skip = planned(balancers, removal(), interruption(instance_id))

    assert isinstance(skip, Skip)
    assert (skip.alarm, pair.group_id in skip.reason) == (True, True)


def test_a_pair_beside_other_groups_is_told(balancers: Balancers) -> None:
    """What could be done is done; the reason says where it still is."""
    instance_id = balancers.spot()
    pair, group = balancers.pair(instance_id), balancers.vserver((instance_id, 80, 100))

    result = ended(reclaimed(balancers, instance_id))

    assert result.status == "done"
    assert f"left in the master/slave groups {pair.group_id}" in result.reason
    assert balancers.weights(group, instance_id) == {}
    assert set(balancers.weights(pair, instance_id)) == {3306}


def test_only_the_configured_groups_are_planned(balancers: Balancers) -> None:
    """Others are somebody else's; where none is left, that is said."""
    instance_id = balancers.spot()
    ours, theirs = (balancers.vserver((instance_id, port, 100)) for port in (80, 81))

    plan = planned(balancers, removal(groups=ours.group_id), interruption(instance_id))
    skip = planned(balancers, removal(groups="rsp-1"), interruption(instance_id))

    assert isinstance(plan, Plan)
    assert {one.group for one in plan.places} == {ours}
    assert skip == Skip("it serves in none of the groups in [action.slb_removal] groups")
    assert theirs != ours


def test_it_is_taken_out_of_every_group_and_port(balancers: Balancers) -> None:
    """CLB's default and VServer groups, ALB and NLB, whatever the port: weight 0 first, then out."""
    instance_id = balancers.spot()
    groups = balancers.everywhere(instance_id)

    result = reclaimed(balancers, instance_id)

    assert ended(result).status == "done"
    assert balancers.serving(groups, instance_id) == [{}, {}, {}, {}]
    for group in groups:
        drained = result.run.begun(f"weigh 0 {group.group_id} {instance_id}")
        removed = result.run.begun(f"remove {group.group_id} {instance_id}")
        assert drained is not None
        assert removed is not None
        assert drained <= removed
        assert group.group_id in ended(result).reason


def test_neighbours_stay_as_they_are(balancers: Balancers) -> None:
    """An order names the backends of one instance."""
    instance_id, neighbour = balancers.spot(), balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100), (neighbour, 80, 40))

    reclaimed(balancers, instance_id)

    assert balancers.weights(group, neighbour) == {80: 40}


def test_the_first_order_goes_out_unread(balancers: Balancers) -> None:
    """Of five minutes, none is spent on reading what the plan has read."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))

    steps = [one.step for one in reclaimed(balancers, instance_id).steps]

    first_order = steps.index(f"weigh 0 {group.group_id} {instance_id}")
    assert f"group {group.group_id}" not in steps[:first_order]


def test_a_port_that_changed_since_the_plan_is_found(balancers: Balancers) -> None:
    """CLB passes over a wrong port with a 200, ALB refuses it: both groups are looked at, and left."""
    instance_id = balancers.spot()
    groups = [
        balancers.vserver((instance_id, 80, 100)),
        balancers.server_group("alb", (instance_id, 80, 100)),
    ]
    plan = plan_of(balancers, removal(), interruption(instance_id))
    for one in groups:
        _change_port(balancers, one, instance_id)

    result = reclaimed(balancers, instance_id, plan=plan)

    assert ended(result).status == "done"
    assert balancers.serving(groups, instance_id) == [{}, {}]


def _change_port(one: Balancers, group: Group, instance_id: str) -> None:
    one.by_door(lambda door: door.remove([place(group, instance_id, 80, 100)]))
    one.by_door(lambda door: door.add([place(group, instance_id, 8080, 40)]))


@pytest.mark.parametrize(
    ("match", "rule"),
    [
        ("slb:*", {"status": 409, "code": "BackendServer.configuring", "times": 4}),
        ("slb:*", {"status": 400, "code": "Throttling.User", "every": 2}),
        ("slb:RemoveVServerGroupBackendServers", {"reset": True, "after_effect": True, "times": 1}),
        ("alb:RemoveServersFromServerGroup", {"reset": True, "after_effect": True, "times": 1}),
        ("slb:SetVServerGroupAttribute", {"status": 503, "code": "ServiceUnavailable", "times": 2}),
        ("cms:*", {"status": 403, "code": "Forbidden.RAM"}),
    ],
)
def test_what_passes_is_waited_out(balancers: Balancers, match: str, rule: dict[str, Any]) -> None:
    """Another's edit, quotas, lost answers, a service that is down; and nobody telling of connections."""
    instance_id = balancers.spot()
    groups = [
        balancers.vserver((instance_id, 80, 100)),
        balancers.server_group("alb", (instance_id, 80, 100)),
    ]
    balancers.cloud.inject(match, **rule)
    try:
        result = reclaimed(balancers, instance_id, removal(drain_seconds=2.0))
    finally:
        balancers.cloud.heal()

    assert ended(result).status == "done"
    assert balancers.serving(groups, instance_id) == [{}, {}]
    assert max(result.run.orders.values()) < (result.run.deadline_ms or 0)


def test_a_group_that_fails_holds_up_no_other(balancers: Balancers) -> None:
    """What could be done is done, and what could not is told, at once: there may still be time."""
    instance_id = balancers.spot()
    denied = balancers.vserver((instance_id, 80, 100))
    other = balancers.server_group("alb", (instance_id, 80, 100))
    plan = plan_of(balancers, removal(), interruption(instance_id))
    balancers.cloud.inject("slb:*", status=403, code="Forbidden.RAM")
    try:
        result = reclaimed(balancers, instance_id, plan=plan)
    finally:
        balancers.cloud.heal()

    assert (ended(result).status, ended(result).alarm) == ("failed", True)
    assert denied.group_id in ended(result).reason
    assert "removed from 1 of 2 groups" in ended(result).reason
    assert balancers.weights(other, instance_id) == {}
    assert balancers.weights(denied, instance_id) == {80: 100}


def test_a_drain_that_hangs_does_not_hold_up_the_removal(balancers: Balancers) -> None:
    """A group that cannot be drained keeps no other in past the notice's share."""
    instance_id = balancers.spot()
    busy = balancers.vserver((instance_id, 80, 100))
    other = balancers.server_group("alb", (instance_id, 80, 100))
    action, event = removal(drain_share=0.1), interruption(instance_id)
    run = watched(action, event, partial(balancers.cloud.crash, instance_id))

    def settle(order: str) -> None:
        if order.startswith(f"remove {other.group_id}"):
            balancers.cloud.heal()

    run.on_order = settle
    balancers.cloud.inject("slb:SetVServerGroupAttribute", status=409, code="BackendServer.configuring")
    try:
        result = asyncio.run(carry(action, event, balancers.cloud, run=run))
    finally:
        balancers.cloud.heal()

    assert ended(result).status == "done"
    assert balancers.serving([busy, other], instance_id) == [{}, {}]
    assert max(run.orders.values()) < (run.deadline_ms or 0)


def test_a_run_that_another_sink_has_is_let_go(balancers: Balancers) -> None:
    """Without a word, and without an order more."""
    instance_id = balancers.spot()
    groups = balancers.everywhere(instance_id)
    before = balancers.serving(groups, instance_id)
    action, event = removal(), interruption(instance_id)
    run = watched(action, event)

    def lose(order: str) -> None:
        raise LostRun(f"another sink gives {order}")

    run.on_order = lose
    with pytest.raises(LostRun):
        asyncio.run(carry(action, event, balancers.cloud, run=run))

    assert run.orders == {}
    assert balancers.serving(groups, instance_id) == before


def test_a_place_that_was_struck_out_is_not_touched(balancers: Balancers) -> None:
    """The last backend stays; and standby, which would take its weight there too, is not ordered."""
    instance_id = balancers.spot()
    balancers.scaling_group(instance_id)
    last, other = (balancers.vserver((instance_id, port, 100)) for port in (80, 81))
    plan = plan_of(balancers, removal(), interruption(instance_id))
    narrowed = replace(plan, places=tuple(one for one in plan.places if one.group != last))

    result = reclaimed(balancers, instance_id, plan=narrowed)

    assert ended(result).status == "done"
    assert balancers.serving([last, other], instance_id) == [{80: 100}, {}]
    assert not [one for one in result.orders if "standby" in one]


def test_an_instance_that_goes_in_the_middle_leaves_its_groups_all_the_same(balancers: Balancers) -> None:
    """A backend that is gone would be tried until its balancers notice."""
    instance_id = balancers.spot()
    groups = balancers.everywhere(instance_id)
    plan = plan_of(balancers, removal(), interruption(instance_id))
    balancers.cloud.crash(instance_id)

    result = reclaimed(balancers, instance_id, plan=plan)

    assert ended(result).status == "done"
    assert balancers.serving(groups, instance_id) == [{}, {}, {}, {}]


def test_two_runs_on_one_group_do_not_meet(balancers: Balancers) -> None:
    """Two sinks, two instances of one balancer: one waits for the other's edit."""
    first, second = balancers.spot(), balancers.spot()
    group = balancers.vserver((first, 80, 100), (second, 80, 100))

    async def both() -> list[Carried]:
        action = removal()
        events = [interruption(one) for one in (first, second)]
        crash = balancers.cloud.crash
        runs = [watched(action, event, partial(crash, event.instance_id)) for event in events]
        pairs = zip(events, runs, strict=True)
        return await asyncio.gather(*(carry(action, event, balancers.cloud, run=run) for event, run in pairs))

    assert [ended(one).status for one in asyncio.run(both())] == ["done", "done"]
    assert (balancers.weights(group, first), balancers.weights(group, second)) == ({}, {})


def test_connections_that_end_early_are_not_waited_for(balancers: Balancers) -> None:
    """Drained is when they have fallen to what agents hold; its time need not be used up."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))

    run = reclaimed(balancers, instance_id, removal(drain_seconds=300, idle_connections=60)).run

    left = [one.result for one in steps_of(run, "connections")]
    assert left[-1] <= 60
    assert all(one > 60 for one in left[:-1])
    assert _waited_seconds(run, group, instance_id) < 100


def test_connections_that_do_not_end_are_cut_in_time(balancers: Balancers) -> None:
    """A share of what is left of the notice is used, however long drain_seconds are."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))

    action = removal(drain_seconds=300, drain_share=0.1, idle_connections=0)
    run = reclaimed(balancers, instance_id, action).run

    assert 15 < _waited_seconds(run, group, instance_id) < 150


def _waited_seconds(run: TestRun, group: Group, instance_id: str) -> float:
    """Between weight 0 and removal, in the cloud's seconds."""
    names = [f"{name} {group.group_id} {instance_id}" for name in ("weigh 0", "remove")]
    return (run.orders[names[1]] - run.orders[names[0]]) / 1000 * SPEED


def test_what_has_weight_0_already_is_not_weighed(balancers: Balancers) -> None:
    """Somebody was there before."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 0))

    result = reclaimed(balancers, instance_id)

    assert result.orders == [f"remove {group.group_id} {instance_id}"]


def test_a_network_interface_is_taken_out_as_its_instance_is(balancers: Balancers) -> None:
    """Balancers may know an instance by its interface."""
    instance_id = balancers.spot()
    group = balancers.vserver((instance_id, 80, 100))
    plan = plan_of(balancers, removal(), interruption(instance_id))
    interface = place(group, "eni-bp1interface", 80, 100)
    interface = replace(interface, backend=replace(interface.backend, type="eni", address="10.0.0.9"))
    balancers.by_door(lambda door: door.remove([place(group, instance_id, 80, 100)]))
    balancers.by_door(lambda door: door.add([interface]))

    result = reclaimed(balancers, instance_id, plan=replace(plan, places=(interface,)))

    assert ended(result).status == "done"
    assert balancers.weights(group, "eni-bp1interface") == {}
