"""What a run is told of what it asked and ordered, and what is durable when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from sink.action import (
    Cloud,
    Group,
    GroupState,
    Instance,
    News,
    Order,
    Place,
    ScalingMember,
    restored,
)
from sink.errors import Denied, LostRun, Missing, Rejected, Unreachable
from tests.cloud.world import MemoryRun, Scene, in_, place, weights
from tests.faults import STRANGE_ANSWERS, answering, inject

Work = Callable[[Cloud], Awaitable[Any]]


def act(scene: Scene, work: Work, run: MemoryRun, **options: Any) -> Any:
    """Do something by the door of a run."""

    async def acting() -> Any:
        async with scene.opened(**options) as cloud:
            return await work(cloud.door(run))

    return asyncio.run(acting())


@pytest.fixture
def serving(scene: Scene) -> tuple[str, Group]:
    """An instance in a VServer group, beside another."""
    instance_id, other = scene.instances(2)
    return instance_id, scene.vserver_group(scene.balancer(), (instance_id, 80), (other, 80))


def test_a_read_can_be_answered_from_the_record_again(scene: Scene, serving: tuple[str, Group]) -> None:
    """Each step is named after its question, and its result is the value as JSON."""
    instance_id, group = serving
    scene.scaling_group(instance_id)
    since_ms = in_(-3600)
    scene.api("ecs")(
        "AddTags",
        {
            "InstanceId": instance_id,
            "ResourceId": instance_id,
            "ResourceType": "instance",
            "Tag.1.Key": "a",
            "Tag.1.Value": "b",
        },
    )
    scene.stage("POST", f"instances/{instance_id}/fail_host")
    questions: dict[str, tuple[Any, Work]] = {
        f"instance {instance_id}": (Instance, lambda door: door.instance(instance_id)),
        f"cached_instance {instance_id}": (Instance, lambda door: door.cached_instance(instance_id)),
        f"history {instance_id}": (tuple[News, ...], lambda door: door.history(instance_id)),
        f"orders {instance_id}": (tuple[Order, ...], lambda door: door.orders(instance_id, since_ms)),
        f"scaling_member {instance_id}": (ScalingMember, lambda door: door.scaling_member(instance_id)),
        f"places {instance_id}": (tuple[Place, ...], lambda door: door.places(instance_id)),
        f"group {group.group_id}": (GroupState, lambda door: door.group(group)),
        f"connections {instance_id}": (int, lambda door: door.connections(instance_id)),
    }
    for name, (kind, question) in questions.items():
        run = MemoryRun()
        value = act(scene, question, run)
        assert value not in (None, ()), name
        (step,) = run.told(name)
        assert restored(kind, step.result) == value, name
        assert step.api, name
        assert step.ms >= 0


def test_nothing_is_a_value_too(scene: Scene) -> None:
    """An instance that is not there is None in the record as well."""
    run = MemoryRun()

    assert act(scene, lambda door: door.instance("i-gone"), run) is None
    assert [(step.step, step.result) for step in run.steps] == [("instance i-gone", None)]


def test_the_vendors_request_id_is_in_the_step(scene: Scene, serving: tuple[str, Group]) -> None:
    """Of reads and orders; what was known has none."""
    instance_id, group = serving
    run = MemoryRun(in_(30))

    async def work(door: Cloud) -> None:
        await door.instance(instance_id)
        await door.weigh([place(group, instance_id)], 0)

    act(scene, work, run)

    assert [(step.api, bool(step.request_id)) for step in run.steps] == [
        ("DescribeInstances", True),
        ("SetVServerGroupAttribute", True),
    ]


def test_an_order_is_durable_before_the_first_call(scene: Scene, serving: tuple[str, Group]) -> None:
    """And told after the answer, under the same name."""
    instance_id, group = serving

    class Watching(MemoryRun):
        async def intend(self, order: str) -> None:
            assert scene.asked("SetVServerGroupAttribute") == 0
            await super().intend(order)

    run = Watching(in_(30))
    act(scene, lambda door: door.weigh([place(group, instance_id)], 0), run)

    name = f"weigh 0 {group.group_id} {instance_id}"
    assert list(run.orders) == [name]
    assert [step.step for step in run.steps] == [name]
    assert run.steps[0].result == [
        {"server_id": instance_id, "port": 80, "weight": 0, "healthy": True, "type": "ecs", "address": ""}
    ]


def test_every_order_has_its_name(scene: Scene) -> None:
    """By which the ledger knows it after a restart."""
    instance_id, stopped = scene.instance(), scene.instance(state="Stopped")
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    member = ScalingMember(scene.scaling_group(instance_id), "InService")
    scene.let_settle()
    run = MemoryRun(in_(60))

    async def work(door: Cloud) -> None:
        places = await door.places(instance_id)
        await door.start(stopped)
        await door.weigh(places, 0)
        await door.remove(places)
        await door.add(places)
        await door.enter_standby(member, instance_id)
        await door.exit_standby(member, instance_id)

    act(scene, work, run)

    assert list(run.orders) == [
        f"start {stopped}",
        f"weigh 0 {group.group_id} {instance_id}",
        f"remove {group.group_id} {instance_id}",
        f"add {group.group_id} {instance_id}",
        f"enter_standby {member.scaling_group_id} {instance_id}",
        f"exit_standby {member.scaling_group_id} {instance_id}",
    ]
    told = [step.step for step in run.steps if step.step != "throttled"]
    assert told[1:] == list(run.orders)


def test_servers_of_one_order_are_orders_each(scene: Scene) -> None:
    """The ledger knows every server by itself."""
    one, other = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), (one, 80), (one, 81), (other, 80))
    run = MemoryRun(in_(30))
    places = [place(group, one, 80), place(group, one, 81), place(group, other, 80)]

    act(scene, lambda door: door.remove(places), run)

    assert list(run.orders) == [f"remove {group.group_id} {one}", f"remove {group.group_id} {other}"]
    assert [len(step.result) for step in run.steps] == [2, 1]
    assert scene.asked("RemoveVServerGroupBackendServers") == 1


def test_no_places_are_no_order(scene: Scene) -> None:
    """And places of two groups are none that could be given."""
    one = scene.instance()
    first, second = (scene.vserver_group(scene.balancer(), (one, 80)) for _ in range(2))
    run = MemoryRun()

    act(scene, lambda door: door.weigh([], 0), run)
    with pytest.raises(ValueError, match="one group at a time"):
        act(scene, lambda door: door.weigh([place(first, one), place(second, one)], 0), run)

    assert (run.steps, run.orders) == ([], {})


def test_a_run_that_was_lost_orders_nothing(scene: Scene, serving: tuple[str, Group]) -> None:
    """Another sink has it by now."""
    instance_id, group = serving

    class Lost(MemoryRun):
        async def intend(self, order: str) -> None:
            raise LostRun("another sink has it")

    with pytest.raises(LostRun):
        act(scene, lambda door: door.weigh([place(group, instance_id)], 0), Lost())

    assert scene.asked("SetVServerGroupAttribute") == 0


def test_a_stopped_instance_is_started(scene: Scene) -> None:
    """And one that is not stopped is refused, which the run is told as the order's answer."""
    stopped, running = scene.instance(state="Stopped"), scene.instance()
    run = MemoryRun(in_(30))

    act(scene, lambda door: door.start(stopped), run)
    with pytest.raises(Rejected) as raised:
        act(scene, lambda door: door.start(running), run)

    assert raised.value.code == "IncorrectInstanceStatus"
    assert [(step.step, step.api) for step in run.steps] == [
        (f"start {stopped}", "StartInstance"),
        (f"start {running}", "StartInstance"),
    ]
    assert run.steps[1].result["error"] == "IncorrectInstanceStatus"
    assert run.steps[1].request_id


def test_a_start_that_nobody_answered_is_not_told_as_answered(scene: Scene) -> None:
    """It was given once; whether it was carried out, the state says."""
    stopped = scene.instance(state="Stopped")
    inject(scene.url, "ecs:StartInstance", reset=True, after_effect=True)
    run = MemoryRun(in_(30))

    with pytest.raises(Unreachable):
        act(scene, lambda door: door.start(stopped), run)

    assert list(run.orders) == [f"start {stopped}"]
    assert run.told(f"start {stopped}") == []
    assert run.told("failed")[0].result["step"] == f"start {stopped}"
    assert scene.asked("StartInstance") == 1
    assert act(scene, lambda door: door.instance(stopped), run).status in ("Starting", "Running")


def test_an_instance_that_is_gone_cannot_be_started(scene: Scene) -> None:
    """With one region it is asked there, with several it is found nowhere."""
    for regions in ((), ("cn-beijing",)):
        with pytest.raises(Missing):
            act(scene, lambda door: door.start("i-gone"), MemoryRun(), regions=regions)


def test_what_was_denied_is_told_as_the_answer(scene: Scene, serving: tuple[str, Group]) -> None:
    """Nothing has happened, and an operator must act."""
    instance_id, group = serving
    inject(scene.url, "slb:Set*", status=403, code="Forbidden.RAM", message="no")
    run = MemoryRun(in_(30))

    with pytest.raises(Denied):
        act(scene, lambda door: door.weigh([place(group, instance_id)], 0), run)

    (step,) = run.steps
    assert step.step == f"weigh 0 {group.group_id} {instance_id}"
    assert step.result["error"] == "Forbidden.RAM"


def test_delays_are_told_with_their_codes(scene: Scene, serving: tuple[str, Group]) -> None:
    """Who reads the record sees what the time went into."""
    instance_id, group = serving
    inject(scene.url, "slb:Set*", status=409, code="BackendServer.configuring", times=2)
    inject(scene.url, "slb:Set*", status=400, code="Throttling.User", times=1)
    run = MemoryRun(in_(30))

    act(scene, lambda door: door.weigh([place(group, instance_id)], 0), run)

    delays, order = run.steps
    assert delays.step == "throttled"
    assert delays.result == {"BackendServer.configuring": 2, "Throttling.User": 1}
    assert 0 < delays.ms <= order.ms + 1


@pytest.mark.parametrize("answer", STRANGE_ANSWERS, ids=range(len(STRANGE_ANSWERS)))
def test_whoever_answers_in_the_clouds_place_is_not_believed(scene: Scene, answer: bytes) -> None:
    """Neither is there nothing, nor was anything done."""
    group = Group("clb", "vserver", "rsp-1", "lb-1", "cn-hangzhou")
    works: Sequence[Work] = [
        lambda door: door.instance("i-1"),
        lambda door: door.places("i-1"),
        lambda door: door.group(group),
        lambda door: door.start("i-1"),
        lambda door: door.weigh([place(group, "i-1")], 0),
    ]

    async def acting(url: str) -> list[Any]:
        async with scene.opened(url=url) as cloud:
            doors = [cloud.door(MemoryRun(in_(0.6))) for _ in works]
            asked = (work(door) for work, door in zip(works, doors, strict=True))
            return await asyncio.gather(*asked, return_exceptions=True)

    with answering(answer) as url:
        outcomes = asyncio.run(acting(url))

    assert [type(one) for one in outcomes] == [Unreachable] * len(works)


def test_a_group_is_read_fresh_unless_it_need_not_be(scene: Scene, serving: tuple[str, Group]) -> None:
    """Somebody else weighs it meanwhile."""
    instance_id, group = serving

    async def work(door: Cloud) -> tuple[GroupState, GroupState]:
        await asyncio.to_thread(
            scene.api("slb"),
            "SetVServerGroupAttribute",
            VServerGroupId=group.group_id,
            BackendServers=f'[{{"ServerId": "{instance_id}", "Port": 80, "Weight": 5}}]',
        )
        return await door.group(group, fresh=False), await door.group(group)

    async def acting() -> tuple[GroupState, GroupState]:
        async with scene.opened() as cloud:
            await cloud.refresh()
            return await work(cloud.door(MemoryRun()))

    known, fresh = asyncio.run(acting())

    assert weights(known.backends)[instance_id, 80] == 100
    assert weights(fresh.backends)[instance_id, 80] == 5
    assert known.read_at_ms <= fresh.read_at_ms
