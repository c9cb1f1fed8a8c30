"""Where an instance serves: from memory while that is fresh, else by reading everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sink.action import Group, Place
from sink.errors import CloudError, Denied, Unreachable
from tests.cloud.world import MemoryRun, Scene, in_, living, place, weights
from tests.faults import heal, inject, requests


def served(places: Any) -> set[tuple[str, int]]:
    """Where: the groups and ports."""
    found: list[Place] = list(places)
    return {(one.group.group_id, one.backend.port) for one in found}


def everywhere(scene: Scene, instance_id: str, other: str) -> set[tuple[str, int]]:
    """Put an instance into a group of every kind, beside another; where it serves."""
    balancer_id = scene.balancer()
    groups = [
        scene.vserver_group(balancer_id, (instance_id, 80), (instance_id, 8080), (other, 80)),
        scene.vserver_group(scene.balancer(), (instance_id, 443)),
        scene.pair(balancer_id, instance_id, other),
        scene.default_group(balancer_id, instance_id),
        scene.server_group("alb", (instance_id, 90), (other, 90)),
        scene.server_group("nlb", (instance_id, 91)),
    ]
    ports = [(80, 8080), (443,), (3306,), (0,), (90,), (91,)]
    return {(group.group_id, port) for group, its in zip(groups, ports, strict=True) for port in its}


def test_every_place_is_found_whatever_the_product(scene: Scene) -> None:
    """Default, VServer and master/slave groups, ALB and NLB; by several ports."""
    instance_id, other, idle = scene.instances(3)
    expected = everywhere(scene, instance_id, other)

    async def run() -> list[Any]:
        async with scene.opened() as cloud:
            return [await cloud.door(MemoryRun()).places(one) for one in (instance_id, idle)]

    found, none = asyncio.run(run())

    assert served(found) == expected
    assert {one.backend.server_id for one in found} == {instance_id}
    assert none == ()


def test_a_warm_memory_makes_the_weight_the_first_call(scene: Scene) -> None:
    """Of the five minutes nothing is spent on looking for what can be known before."""
    instance_id, other = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), (instance_id, 80), (other, 80))
    run = MemoryRun(in_(60))

    async def act() -> list[dict[str, Any]]:
        async with scene.opened() as cloud:
            await cloud.refresh()
            before = len(requests(scene.url))
            door = cloud.door(run)
            assert await door.cached_instance(instance_id)
            assert await door.scaling_member(instance_id) is None
            places = await door.places(instance_id)
            await door.group(group, fresh=False)
            await door.weigh(places, 0)
            return requests(scene.url)[before:]

    calls = asyncio.run(act())

    assert [call["operation"] for call in calls] == ["SetVServerGroupAttribute"]
    assert [step.api for step in run.steps] == ["", "", "", "", "SetVServerGroupAttribute"]


def test_an_edit_is_known_at_once(scene: Scene) -> None:
    """Without a reading: whoever asks the memory sees the weight, and the group without the server."""
    instance_id, other = scene.instances(2)
    for group in (
        scene.vserver_group(scene.balancer(), (instance_id, 80), (other, 80)),
        scene.server_group("alb", (instance_id, 80), (other, 80)),
    ):

        async def act(group: Group = group) -> list[Any]:
            async with scene.opened() as cloud:
                await cloud.refresh()
                door = cloud.door(MemoryRun(in_(60)))
                seen: list[Any] = []
                places = [one for one in await door.places(instance_id) if one.group == group]
                await door.weigh(places, 0)
                seen.append(weights((await door.group(group, fresh=False)).backends))
                await door.remove(places)
                seen.append(weights((await door.group(group, fresh=False)).backends))
                seen.append([one for one in await door.places(instance_id) if one.group == group])
                return seen

        drained, removed, left = asyncio.run(act())

        assert drained == {(instance_id, 80): 0, (other, 80): 100}
        assert removed == {(other, 80): 100}
        assert left == []


def test_a_new_instance_is_looked_for(scene: Scene) -> None:
    """It may have joined a group since everything was read."""
    known = scene.instance()
    group = scene.vserver_group(scene.balancer(), (known, 80))

    async def run() -> Any:
        async with scene.opened() as cloud:
            await cloud.refresh()
            new = await asyncio.to_thread(scene.instance)
            await asyncio.to_thread(
                scene.api("slb"),
                "AddVServerGroupBackendServers",
                VServerGroupId=group.group_id,
                BackendServers=f'[{{"ServerId": "{new}", "Port": 80}}]',
            )
            found = await cloud.door(MemoryRun()).places(new)
            return new, found

    new, found = asyncio.run(run())

    assert [one.backend.server_id for one in found] == [new]


def test_a_thousand_that_look_look_once(scene: Scene) -> None:
    """A cold start in the middle of a mass reclaim reads everything once."""
    ids = scene.instances(20)
    for _ in range(3):
        scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))

    async def run() -> list[Any]:
        async with scene.opened() as cloud:
            doors = [cloud.door(MemoryRun(in_(60))) for _ in range(50)]
            return await asyncio.gather(*(door.places(ids[number % 20]) for number, door in enumerate(doors)))

    found = asyncio.run(run())

    assert {len(places) for places in found} == {3}
    assert scene.asked("DescribeLoadBalancers") == 1
    assert scene.asked("DescribeVServerGroupAttribute") == 3


def test_what_was_looked_up_is_remembered(scene: Scene) -> None:
    """The next question about the same fleet costs nothing, for a while."""
    instance_id = scene.instance()
    scene.vserver_group(scene.balancer(), (instance_id, 80))

    async def run() -> None:
        async with scene.opened(refresh_seconds=600) as cloud:
            await cloud.refresh()
            for _ in range(3):
                await cloud.door(MemoryRun()).places(instance_id)

    asyncio.run(run())

    assert scene.asked("DescribeLoadBalancers") == 1


def test_a_memory_that_is_too_old_is_not_gone_by(scene: Scene) -> None:
    """Three readings may fail; then it is read when somebody asks."""
    instance_id = scene.instance()
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    ahead = 0.0

    def clock() -> float:
        return time.time() + ahead

    async def run() -> list[int]:
        nonlocal ahead
        async with scene.opened(refresh_seconds=30, pace=1.0, wall_clock=clock) as cloud:
            await cloud.refresh()
            door, asked = cloud.door(MemoryRun()), []
            for seconds in (60.0, 95.0):
                ahead = seconds
                await door.places(instance_id)
                await door.cached_instance(instance_id)
                await door.group(group, fresh=False)
                asked.append(scene.asked("DescribeLoadBalancers"))
            return asked

    assert asyncio.run(run()) == [1, 2]
    assert scene.asked("DescribeInstances") >= 2


def test_the_background_reads_again_and_again(scene: Scene) -> None:
    """An instance and a group that come later are known without a question."""

    async def run() -> tuple[Any, int]:
        async with scene.opened(keep_warm=True, refresh_seconds=0.05) as cloud:
            while cloud.cache.refreshed_at_ms is None:
                await asyncio.sleep(0.01)
            instance_id = await asyncio.to_thread(scene.instance)
            await asyncio.to_thread(lambda: scene.vserver_group(scene.balancer(), (instance_id, 80)))
            while not (cloud.cache.instances == 1 and cloud.cache.groups == 2):
                await asyncio.sleep(0.01)
            return await cloud.door(MemoryRun()).places(instance_id), cloud.cache.groups

    found, groups = asyncio.run(asyncio.wait_for(run(), 30))

    assert len(found) == 1
    assert groups == 2


class Told:
    """Who hears of readings that fail."""

    def __init__(self) -> None:
        self.troubles: dict[str, str] = {}
        self.fines: set[str] = set()

    def trouble(self, part: str, error: CloudError) -> None:
        self.troubles[part] = error.code

    def fine(self, part: str) -> None:
        self.fines.add(part)


def test_a_reading_that_fails_is_told_and_tried_again(scene: Scene) -> None:
    """The others go on meanwhile, and the memory says what is wrong with it."""
    inject(scene.url, "alb:ListServerGroups", status=403, code="Forbidden.RAM")
    told = Told()

    async def run() -> tuple[Any, Any]:
        async with scene.opened(keep_warm=True, refresh_seconds=0.05, report=told) as cloud:
            while not (told.troubles and len(told.fines) == 4):
                await asyncio.sleep(0.01)
            broken = cloud.cache
            await asyncio.to_thread(heal, scene.url)
            while cloud.cache.refreshed_at_ms is None:
                await asyncio.sleep(0.01)
            return broken, cloud.cache

    broken, well = asyncio.run(asyncio.wait_for(run(), 30))

    assert told.troubles == {"alb of cn-hangzhou": "Forbidden.RAM"}
    assert (broken.refreshed_at_ms, broken.error.code) == (None, "Forbidden.RAM")
    assert well.error is None


def test_a_product_that_is_denied_leaves_the_others(limited: Callable[..., Scene]) -> None:
    """What can be done is worth doing; the record says what was not looked into."""
    scene = limited("ecs:*", "slb:*", "nlb:*")
    instance_id = scene.instance()
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    run = MemoryRun()

    async def act() -> Any:
        async with scene.opened() as cloud:
            return await cloud.door(run).places(instance_id)

    assert served(asyncio.run(act())) == {(group.group_id, 80)}
    assert run.told("unread alb")[0].result["error"] == "Forbidden.RAM"


def test_nowhere_is_not_said_where_a_product_is_denied(limited: Callable[..., Scene]) -> None:
    """It may serve just there."""
    scene = limited("ecs:*", "slb:*", "nlb:*")
    instance_id = scene.instance()

    async def act() -> Any:
        async with scene.opened() as cloud:
            return await cloud.door(MemoryRun()).places(instance_id)

    with pytest.raises(Denied):
        asyncio.run(act())


def test_a_product_that_is_not_used_is_not_asked(limited: Callable[..., Scene]) -> None:
    """Then it needs no permission either."""
    scene = limited("ecs:*", "slb:*", "ess:*")
    instance_id = scene.instance()

    async def act() -> Any:
        async with scene.opened(products=["clb"]) as cloud:
            await cloud.refresh()
            return await cloud.door(MemoryRun()).places(instance_id)

    assert asyncio.run(act()) == ()


def test_a_product_that_does_not_answer_is_an_error(scene: Scene) -> None:
    """It may answer later: so the run is tried again rather than done by halves."""
    instance_id = scene.instance()
    scene.vserver_group(scene.balancer(), (instance_id, 80))
    inject(scene.url, "nlb:*", status=503, code="ServiceUnavailable")

    async def act() -> Any:
        async with scene.opened() as cloud:
            return await cloud.door(MemoryRun(in_(1))).places(instance_id)

    with pytest.raises(Unreachable):
        asyncio.run(act())


def test_a_group_that_goes_while_all_are_read_is_left_out(scene: Scene) -> None:
    """Between the list and the look somebody deleted it."""
    instance_id = scene.instance()
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    inject(scene.url, "slb:DescribeVServerGroups", status=404, code="InvalidLoadBalancerId.NotFound", times=1)

    async def act() -> Any:
        async with scene.opened() as cloud:
            door = cloud.door(MemoryRun())
            await cloud.refresh()
            gone = await door.places(instance_id)
            await cloud.refresh()
            return gone, await door.places(instance_id)

    gone, back = asyncio.run(act())

    assert gone == ()
    assert served(back) == {(group.group_id, 80)}


def test_whoever_is_in_a_hurry_hastens_the_reading_that_is_under_way(scene: Scene) -> None:
    """The background had begun it, with all the time in the world."""
    ids = scene.instances(3)
    for _ in range(6):
        scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))
    inject(scene.url, "slb:*", delay_seconds=0.05)

    async def run() -> Any:
        async with scene.opened(keep_warm=True, refresh_seconds=600) as cloud:
            while not scene.asked("DescribeLoadBalancers"):
                await asyncio.sleep(0.01)
            return await cloud.door(MemoryRun(in_(60))).places(ids[0])

    assert len(asyncio.run(run())) == 6
    assert scene.asked("DescribeLoadBalancers") == 1


def test_a_started_instance_is_not_remembered_as_stopped(scene: Scene) -> None:
    """Its state is another by now, and is read when somebody asks."""
    instance_id = scene.instance(state="Stopped")

    async def act() -> Any:
        async with scene.opened() as cloud:
            await cloud.refresh()
            door = cloud.door(MemoryRun())
            await door.start(instance_id)
            return await door.cached_instance(instance_id)

    assert asyncio.run(act()).status in ("Starting", "Running")


def test_weights_that_standby_changed_are_read(scene: Scene) -> None:
    """ESS sets them: what was known of these groups is not gone by."""
    instance_id = scene.instance()
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    scene.scaling_group(instance_id)

    async def act() -> Any:
        async with scene.opened() as cloud:
            await cloud.refresh()
            door = cloud.door(MemoryRun(in_(30)))
            member = await door.scaling_member(instance_id)
            assert member is not None
            await door.enter_standby(member, instance_id)
            return await door.group(group, fresh=False), await door.scaling_member(instance_id)

    state, member = asyncio.run(act())

    assert weights(state.backends) == {(instance_id, 80): 0}
    assert member is not None
    assert member.lifecycle_state == "Standby"


def test_an_instance_that_is_released_is_still_found_in_its_groups(tmp_path: Path) -> None:
    """Balancers notice late: until then it stands there."""
    with living(tmp_path, 1.0) as scene:
        instance_id, other = scene.instances(2)
        group = scene.vserver_group(scene.balancer(), (instance_id, 80), (other, 80))
        scene.api("ecs")("DeleteInstance", InstanceId=instance_id, Force="true")
        scene.forward(30)

        async def act() -> Any:
            async with scene.opened() as cloud:
                door = cloud.door(MemoryRun())
                return await door.instance(instance_id), await door.places(instance_id)

        gone, found = asyncio.run(act())

    assert gone is None
    assert found == (place(group, instance_id),)
