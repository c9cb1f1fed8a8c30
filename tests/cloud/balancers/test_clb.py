"""CLB's groups of three kinds: read, weighed, emptied and filled again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from sink.action import Backend, Cloud, Group, GroupState, Place
from sink.errors import Denied, Missing, Rejected
from tests.cloud.world import MemoryRun, Scene, in_, place, weights
from tests.faults import inject

Work = Callable[[Cloud], Awaitable[Any]]


def act(scene: Scene, work: Work, run: MemoryRun | None = None) -> Any:
    """Do something by one door."""

    async def acting() -> Any:
        async with scene.opened() as cloud:
            return await work(cloud.door(run or MemoryRun(deadline_ms=in_(30))))

    return asyncio.run(acting())


def read(scene: Scene, group: Group) -> GroupState:
    """A group as it is now."""
    state: GroupState = act(scene, lambda door: door.group(group))
    return state


def _fill(scene: Scene, group: Group, ids: Sequence[str]) -> None:
    """Put many servers into a group."""

    async def work(door: Cloud) -> None:
        for start in range(0, len(ids), 20):
            await door.add([place(group, one) for one in ids[start : start + 20]])

    act(scene, work)
    scene.let_settle()


def test_a_vserver_group_shows_every_port_of_a_server(scene: Scene) -> None:
    """A server may be in it several times, each with a weight of its own."""
    one, other = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), (one, 80), (one, 8080), (other, 80), Weight=30)

    state = read(scene, group)

    assert state.group == group
    assert weights(state.backends) == {(one, 80): 30, (one, 8080): 30, (other, 80): 30}
    assert {backend.type for backend in state.backends} == {"ecs"}
    assert state.serving == {one, other}


def test_a_default_group_has_no_ports(scene: Scene) -> None:
    """Its listeners say the port."""
    one, other = scene.instances(2)
    group = scene.default_group(scene.balancer(), one, other)

    assert weights(read(scene, group).backends) == {(one, 0): 100, (other, 0): 100}


def test_a_master_slave_group_can_be_read_and_nothing_else(scene: Scene) -> None:
    """No API edits one: that is told at once, and nothing is called."""
    master, slave = scene.instances(2)
    group = scene.pair(scene.balancer(), master, slave)

    assert read(scene, group).servers == {master, slave}
    places = [place(group, master, 3306)]
    orders: list[Work] = [
        lambda door: door.weigh(places, 0),
        lambda door: door.remove(places),
        lambda door: door.add(places),
    ]
    for order in orders:
        with pytest.raises(Rejected, match="master/slave"):
            act(scene, order)
    assert read(scene, group).servers == {master, slave}


def test_a_server_whose_check_fails_does_not_serve(scene: Scene) -> None:
    """Its instance is stopped: any listener of the group that finds it so is enough."""
    up, down = scene.instances(2)
    balancer_id = scene.balancer()
    group = scene.vserver_group(balancer_id, (up, 80), (down, 80))
    scene.listener(group)
    scene.stage("PATCH", f"instances/{down}", state="Stopped")

    state = read(scene, group)

    assert state.servers == {up, down}
    assert state.serving == {up}


def test_health_of_one_port_is_not_that_of_another_group(scene: Scene) -> None:
    """Health is told per port; a default group, which has none, goes by all of them."""
    up, down = scene.instances(2)
    balancer_id = scene.balancer()
    default = scene.default_group(balancer_id, up, down)
    scene.listener(default, 443)
    scene.stage("PATCH", f"instances/{down}", state="Stopped")

    assert read(scene, default).serving == {up}


def test_a_balancer_without_listeners_tells_no_health(scene: Scene) -> None:
    """And what it does not tell counts as healthy."""
    down = scene.instance()
    group = scene.vserver_group(scene.balancer(), (down, 80))
    scene.stage("PATCH", f"instances/{down}", state="Stopped")
    assert read(scene, group).serving == {down}

    inject(scene.url, "slb:DescribeHealthStatus", status=400, code="ListenerNotFound")
    assert read(scene, group).serving == {down}


def test_health_that_may_not_be_read_is_an_error(scene: Scene) -> None:
    """Else the guards would take for healthy what nobody looked at."""
    group = scene.vserver_group(scene.balancer(), (scene.instance(), 80))
    inject(scene.url, "slb:DescribeHealthStatus", status=403, code="Forbidden.RAM")

    with pytest.raises(Denied):
        read(scene, group)


@pytest.mark.parametrize("kind", ["vserver", "default"])
def test_weighing_removing_and_adding_change_what_they_name(scene: Scene, kind: str) -> None:
    """And nothing else of the group."""
    one, other = scene.instances(2)
    balancer_id = scene.balancer()
    if kind == "vserver":
        group = scene.vserver_group(balancer_id, (one, 80), (one, 8080), (other, 80))
    else:
        group = scene.default_group(balancer_id, one, other)

    async def work(door: Cloud) -> list[dict[tuple[str, int], int]]:
        seen = []
        before = (await door.group(group)).of(one)
        places = [Place(group, backend) for backend in before]
        await door.weigh(places, 0)
        seen.append(weights((await door.group(group)).backends))
        await door.remove(places)
        seen.append(weights((await door.group(group)).backends))
        await door.add(places)
        seen.append(weights((await door.group(group)).backends))
        return seen

    drained, removed, back = act(scene, work)
    ports = (80, 8080) if kind == "vserver" else (0,)
    kept = {(other, ports[0]): 100}

    assert drained == {**{(one, port): 0 for port in ports}, **kept}
    assert removed == kept
    assert back == {**{(one, port): 100 for port in ports}, **kept}


def test_all_ports_of_a_server_are_one_call(scene: Scene) -> None:
    """One edit, one settling time."""
    one = scene.instance()
    ports = (80, 443, 8080)
    group = scene.vserver_group(scene.balancer(), *((one, port) for port in ports))

    act(scene, lambda door: door.weigh([place(group, one, port) for port in ports], 0))

    assert scene.asked("SetVServerGroupAttribute") == 1


def test_a_pair_that_is_not_in_the_group_is_passed_over(scene: Scene) -> None:
    """As the product does: callers look again."""
    one = scene.instance()
    group = scene.vserver_group(scene.balancer(), (one, 80))

    act(scene, lambda door: door.remove([place(group, one, 8080)]))

    assert weights(read(scene, group).backends) == {(one, 80): 100}


def test_an_interface_serves_for_its_instance(scene: Scene) -> None:
    """A backend of type eni is found by what DescribeInstances shows, and edited as it was read."""
    interface = "eni-bp1abcdefghijklmnopq"
    one, other = scene.instance(network_interface_id=interface), scene.instance()
    group = scene.vserver_group(scene.balancer(), (interface, 80), Type="eni", ServerIp="10.0.0.7")
    scene.let_settle()

    async def work(door: Cloud) -> tuple[Any, Any, Any]:
        found = await door.places(one)
        await door.weigh(found, 0)
        drained = await door.group(group)
        await door.remove(found)
        return found, drained, await door.group(group)

    found, drained, emptied = act(scene, work)

    assert [(one.backend.server_id, one.backend.type, one.backend.address) for one in found] == [
        (interface, "eni", "10.0.0.7")
    ]
    assert weights(drained.backends) == {(interface, 80): 0}
    assert emptied.backends == ()
    assert act(scene, lambda door: door.places(other)) == ()


def test_a_group_that_is_gone_is_missing(scene: Scene) -> None:
    """CLB says InvalidParameter for that, with 404."""
    with pytest.raises(Missing):
        read(scene, Group("clb", "vserver", "rsp-gone", "lb-gone", "cn-hangzhou"))


def test_an_edit_whose_answer_is_lost_is_made_again(scene: Scene) -> None:
    """The same weight twice is the same weight."""
    one = scene.instance()
    group = scene.vserver_group(scene.balancer(), (one, 80))
    inject(scene.url, "slb:SetVServerGroupAttribute", reset=True, after_effect=True, times=1)
    run = MemoryRun(deadline_ms=in_(30))

    act(scene, lambda door: door.weigh([place(group, one)], 0), run)

    assert weights(read(scene, group).backends) == {(one, 80): 0}
    assert run.told("throttled")[0].result["NoAnswer"] == 1


def test_reads_of_a_group_that_wait_together_are_one_call(scene: Scene) -> None:
    """Twenty that look whether their weight is 0 look once."""
    ids = scene.instances(5)
    group = scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))

    async def run() -> list[GroupState]:
        async with scene.opened() as cloud:
            return await asyncio.gather(*(cloud.door(MemoryRun()).group(group) for _ in range(20)))

    states = asyncio.run(run())

    assert {state.servers for state in states} == {frozenset(ids)}
    assert scene.asked("DescribeVServerGroupAttribute") == 1
    assert scene.asked("DescribeHealthStatus") == 1


def test_twenty_five_servers_of_a_group_are_two_edits(scene: Scene) -> None:
    """CLB takes twenty servers in a call."""
    ids = scene.instances(25)
    group = scene.vserver_group(scene.balancer())
    _fill(scene, group, ids)

    async def run() -> None:
        async with scene.opened() as cloud:
            doors = [cloud.door(MemoryRun(deadline_ms=in_(30))) for _ in ids]
            await asyncio.gather(
                *(door.weigh([place(group, one)], 0) for door, one in zip(doors, ids, strict=True))
            )

    asyncio.run(run())

    assert set(weights(read(scene, group).backends).values()) == {0}
    assert scene.asked("SetVServerGroupAttribute") <= 3


def test_a_backend_keeps_its_name_and_nothing_more_is_named(scene: Scene) -> None:
    """An ecs backend has no address of its own to be known by."""
    one = scene.instance()
    group = scene.vserver_group(scene.balancer(), (one, 80))

    assert read(scene, group).backends == (Backend(one, 80, 100),)
