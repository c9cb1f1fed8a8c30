"""Members of scaling groups, and standby."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sink.action import ScalingMember
from sink.errors import Rejected
from tests.cloud.world import MemoryRun, Scene, in_
from tests.faults import inject


def ask(scene: Scene, *calls: tuple[str, tuple[Any, ...]], run: MemoryRun | None = None) -> list[Any]:
    """Call methods of one door, one after another."""

    async def asked() -> list[Any]:
        async with scene.opened() as cloud:
            door = cloud.door(run or MemoryRun(deadline_ms=in_(20)))
            return [await getattr(door, method)(*arguments) for method, arguments in calls]

    return asyncio.run(asked())


def test_a_member_knows_its_group(scene: Scene) -> None:
    """And an instance that is in none has none."""
    member, stranger = scene.instances(2)
    group_id = scene.scaling_group(member)

    found, none = ask(scene, ("scaling_member", (member,)), ("scaling_member", (stranger,)))

    assert found == ScalingMember(group_id, "InService")
    assert none is None


def test_members_that_are_asked_about_together_are_one_call(scene: Scene) -> None:
    """ESS takes twenty at a time."""
    ids = scene.instances(30)

    async def run() -> list[ScalingMember | None]:
        async with scene.opened() as cloud:
            return await asyncio.gather(*(cloud.door(MemoryRun()).scaling_member(one) for one in ids))

    assert asyncio.run(run()) == [None] * 30
    assert scene.asked("DescribeScalingInstances") == 2


def test_standby_and_back(scene: Scene) -> None:
    """The group leaves it alone meanwhile, with its weights at 0."""
    instance_id = scene.instance()
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    member = ScalingMember(scene.scaling_group(instance_id), "InService")
    scene.let_settle()

    outcomes = ask(
        scene,
        ("enter_standby", (member, instance_id)),
        ("scaling_member", (instance_id,)),
        ("group", (group,)),
        ("exit_standby", (member, instance_id)),
        ("scaling_member", (instance_id,)),
    )

    assert outcomes[1].lifecycle_state == "Standby"
    assert [one.weight for one in outcomes[2].backends] == [0]
    assert outcomes[4].lifecycle_state == "InService"


def test_who_is_there_already_is_where_it_was_ordered_to(scene: Scene) -> None:
    """An answer was lost, or a restart came between: the member itself says so."""
    instance_id = scene.instance()
    member = ScalingMember(scene.scaling_group(instance_id), "InService")
    inject(scene.url, "ess:EnterStandby", reset=True, after_effect=True, times=1)
    run = MemoryRun(deadline_ms=in_(20))

    ask(scene, ("enter_standby", (member, instance_id)), ("enter_standby", (member, instance_id)), run=run)

    order = f"enter_standby {member.scaling_group_id} {instance_id}"
    assert list(run.orders) == [order]
    assert [one.result for one in run.told(order)] == ["Standby", "Standby"]


def test_who_cannot_be_moved_is_refused(scene: Scene) -> None:
    """A member of another group is not put on standby by this one."""
    mine, other = scene.instances(2)
    group_id = scene.scaling_group(mine)

    with pytest.raises(Exception, match="not in the scaling group"):
        ask(scene, ("enter_standby", (ScalingMember(group_id, "InService"), other)))
    inject(scene.url, "ess:EnterStandby", status=400, code="IncorrectScalingGroupStatus")
    with pytest.raises(Rejected, match="IncorrectScalingGroupStatus"):
        ask(scene, ("enter_standby", (ScalingMember(group_id, "InService"), mine)))


def test_an_activity_of_the_group_is_waited_out(scene: Scene) -> None:
    """ESS refuses everything while one goes on."""
    instance_id = scene.instance()
    member = ScalingMember(scene.scaling_group(instance_id), "InService")
    inject(scene.url, "ess:EnterStandby", status=400, code="ScalingActivityInProgress", times=3)
    run = MemoryRun(deadline_ms=in_(20))

    ask(scene, ("enter_standby", (member, instance_id)), run=run)

    assert run.told("throttled")[0].result == {"ScalingActivityInProgress": 3}
