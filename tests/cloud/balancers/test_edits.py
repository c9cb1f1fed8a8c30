"""One edit of a balancer at a time, and as few as can be."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from sink.action import Cloud, Group, GroupState
from sink.errors import Denied, Rejected, Unreachable
from tests.cloud.world import MemoryRun, Scene, in_, place, weights
from tests.faults import heal, inject, requests
from tests.local.conftest import until_waiting


async def weigh_each(
    cloud: Any, group: Group, ids: Sequence[str], weight: int = 0, deadline_ms: int | None = None
) -> list[MemoryRun]:
    """Have a run of its own weigh each server, all at the same time."""
    runs = [MemoryRun(deadline_ms or in_(60)) for _ in ids]
    orders = [cloud.door(run).weigh([place(group, one)], weight) for run, one in zip(runs, ids, strict=True)]
    await asyncio.gather(*orders)
    return runs


async def state_of(cloud: Any, group: Group) -> GroupState:
    door: Cloud = cloud.door(MemoryRun())
    return await door.group(group)


def test_twenty_interruptions_in_a_group_are_one_edit(scene: Scene) -> None:
    """What waits for the same change goes out together; each run is told of its own server."""
    ids = scene.instances(20)
    group = scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))

    async def run() -> list[MemoryRun]:
        async with scene.opened() as cloud:
            return await weigh_each(cloud, group, ids)

    runs = asyncio.run(run())

    assert scene.asked("SetVServerGroupAttribute") == 1
    assert len({run.steps[-1].request_id for run in runs}) == 1
    assert [[step.step for step in run.steps] for run in runs] == [
        [f"weigh 0 {group.group_id} {one}"] for one in ids
    ]


def test_edits_of_one_balancer_never_meet(scene: Scene) -> None:
    """Two hundred over ten balancers of two groups: all are carried out, and hardly one is refused."""
    ids = scene.instances(200)
    groups: list[tuple[Group, list[str]]] = []
    for number in range(10):
        balancer_id = scene.balancer()
        for half in range(2):
            servers = ids[20 * number + 10 * half :][:10]
            groups.append((scene.vserver_group(balancer_id, *((one, 80) for one in servers)), servers))

    async def run() -> list[GroupState]:
        async with scene.opened() as cloud:
            await asyncio.gather(*(weigh_each(cloud, group, servers) for group, servers in groups))
            return await asyncio.gather(*(state_of(cloud, group) for group, _ in groups))

    states = asyncio.run(run())

    assert [set(weights(state.backends).values()) for state in states] == [{0}] * 20
    edits = requests(scene.url, "SetVServerGroupAttribute")
    assert 20 <= len(edits) <= 40
    assert len([one for one in edits if one["status"] == 409]) <= 15


def test_an_edit_of_another_kind_waits_for_its_own_call(scene: Scene) -> None:
    """A weight and a removal of one group are two calls, in either order."""
    one, other = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), (one, 80), (other, 80))

    async def run() -> GroupState:
        async with scene.opened() as cloud:
            await asyncio.gather(
                cloud.door(MemoryRun(in_(60))).weigh([place(group, one)], 0),
                cloud.door(MemoryRun(in_(60))).remove([place(group, other)]),
            )
            return await state_of(cloud, group)

    assert weights(asyncio.run(run()).backends) == {(one, 80): 0}


def test_orders_that_contradict_each_other_keep_their_order(scene: Scene) -> None:
    """The weight goes to 0 and back: whoever came last has it his way."""
    one, other = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), (one, 80), (other, 80))

    async def run() -> GroupState:
        async with scene.opened() as cloud:
            await asyncio.gather(
                cloud.door(MemoryRun()).weigh([place(group, other)], 0),
                cloud.door(MemoryRun()).weigh([place(group, one)], 0),
                cloud.door(MemoryRun()).weigh([place(group, one)], 70),
            )
            return await state_of(cloud, group)

    assert weights(asyncio.run(run()).backends) == {(one, 80): 70, (other, 80): 0}


def test_the_most_urgent_of_a_balancer_goes_first(scene: Scene) -> None:
    """Whatever waited for it before."""
    ids = scene.instances(3)
    balancer_id = scene.balancer()
    groups = [scene.vserver_group(balancer_id, (one, 80)) for one in ids]
    inject(scene.url, "slb:SetVServerGroupAttribute", delay_seconds=0.4, times=1)
    came: list[int] = []

    async def run() -> None:
        async with scene.opened() as cloud:

            async def weigh(number: int, deadline_ms: int | None) -> None:
                door = cloud.door(MemoryRun(deadline_ms))
                await door.weigh([place(groups[number], ids[number])], 0)
                came.append(number)

            first = asyncio.create_task(weigh(0, None))
            await asyncio.to_thread(until_waiting, scene.url)
            later = [asyncio.create_task(weigh(1, None)), asyncio.create_task(weigh(2, in_(60)))]
            await asyncio.gather(first, *later)

    asyncio.run(run())

    assert came == [0, 2, 1]


def test_who_comes_while_an_edit_waits_is_taken_along(scene: Scene) -> None:
    """The balancer is busy with somebody else's edit: by the next try there are more."""
    ids = scene.instances(10)
    group = scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))
    inject(scene.url, "slb:SetVServerGroupAttribute", status=409, code="BackendServer.configuring", times=1)

    async def run() -> None:
        async with scene.opened(pace=1.0) as cloud:
            first = asyncio.create_task(weigh_each(cloud, group, ids[:1]))
            while not scene.asked("SetVServerGroupAttribute"):
                await asyncio.sleep(0.01)
            await asyncio.gather(first, weigh_each(cloud, group, ids[1:]))

    asyncio.run(run())

    assert scene.asked("SetVServerGroupAttribute") == 2


def test_a_server_that_cannot_be_edited_spoils_nothing_for_the_rest(scene: Scene) -> None:
    """CLB refuses a whole call for one server that does not run: it is found, and the others go through."""
    ids = scene.instances(9)
    group = scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))
    scene.stage("PATCH", f"instances/{ids[4]}", state="Stopped")

    async def run() -> tuple[list[Any], GroupState]:
        async with scene.opened() as cloud:
            orders = [cloud.door(MemoryRun(in_(60))).weigh([place(group, one)], 0) for one in ids]
            outcomes = await asyncio.gather(*orders, return_exceptions=True)
            return outcomes, await state_of(cloud, group)

    outcomes, state = asyncio.run(run())

    assert [type(one) for one in outcomes].count(Rejected) == 1
    assert isinstance(outcomes[4], Rejected)
    assert outcomes[4].code == "ObtainIpFail"
    assert {weight for (one, _), weight in weights(state.backends).items() if one != ids[4]} == {0}


def test_a_refusal_that_is_about_all_is_not_taken_apart(scene: Scene) -> None:
    """No permission for one is no permission for the others."""
    ids = scene.instances(8)
    group = scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))
    inject(scene.url, "slb:SetVServerGroupAttribute", status=403, code="Forbidden.RAM")

    async def run() -> list[Any]:
        async with scene.opened() as cloud:
            orders = [cloud.door(MemoryRun(in_(60))).weigh([place(group, one)], 0) for one in ids]
            return await asyncio.gather(*orders, return_exceptions=True)

    assert [type(one) for one in asyncio.run(run())] == [Denied] * 8
    assert scene.asked("SetVServerGroupAttribute") == 1


def test_a_failed_edit_does_not_hold_up_the_next(scene: Scene) -> None:
    """Whoever comes after it is served."""
    one, other = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), (one, 80), (other, 80))
    inject(scene.url, "slb:SetVServerGroupAttribute", status=400, code="OperationDenied", times=1)

    async def run() -> GroupState:
        async with scene.opened() as cloud:
            with pytest.raises(Rejected):
                await cloud.door(MemoryRun()).weigh([place(group, one)], 0)
            await cloud.door(MemoryRun()).weigh([place(group, other)], 0)
            return await state_of(cloud, group)

    assert weights(asyncio.run(run()).backends) == {(one, 80): 100, (other, 80): 0}


def test_an_order_that_is_dropped_while_it_waits_is_not_given(scene: Scene) -> None:
    """Its run has ended; the others go on."""
    ids = scene.instances(3)
    balancer_id = scene.balancer()
    groups = [scene.vserver_group(balancer_id, (one, 80)) for one in ids]
    inject(scene.url, "slb:SetVServerGroupAttribute", delay_seconds=0.4, times=1)

    async def run() -> list[GroupState]:
        async with scene.opened() as cloud:
            tasks = [asyncio.create_task(weigh_each(cloud, groups[0], ids[:1]))]
            await asyncio.to_thread(until_waiting, scene.url)
            tasks += [
                asyncio.create_task(weigh_each(cloud, group, [one]))
                for group, one in zip(groups[1:], ids[1:], strict=True)
            ]
            await asyncio.sleep(0)
            tasks[1].cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return [await state_of(cloud, group) for group in groups]

    states = asyncio.run(run())

    assert [next(iter(weights(state.backends).values())) for state in states] == [0, 100, 0]


def test_a_dropped_order_that_is_refused_holds_up_nobody(scene: Scene) -> None:
    """The balancer stays busy for its weight, and nobody wants that any more: the removal goes at once."""
    one = scene.instance()
    group = scene.vserver_group(scene.balancer(), (one, 80))
    inject(scene.url, "slb:SetVServerGroupAttribute", status=409, code="BackendServer.configuring")

    async def run() -> GroupState:
        async with scene.opened() as cloud:
            weighed = asyncio.create_task(weigh_each(cloud, group, [one], deadline_ms=in_(600)))
            while not scene.asked("SetVServerGroupAttribute"):
                await asyncio.sleep(0.01)
            weighed.cancel()
            await asyncio.wait([weighed])
            async with asyncio.timeout(20):
                await cloud.door(MemoryRun(in_(60))).remove([place(group, one)])
            return await state_of(cloud, group)

    assert asyncio.run(run()).backends == ()


def test_the_next_try_names_only_who_still_waits(scene: Scene) -> None:
    """Of two that went out together and were refused, one was dropped: its weight stays."""
    one, other = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), (one, 80), (other, 80))
    inject(scene.url, "slb:SetVServerGroupAttribute", status=409, code="BackendServer.configuring")

    async def run() -> GroupState:
        async with scene.opened() as cloud:
            dropped = asyncio.create_task(cloud.door(MemoryRun(in_(60))).weigh([place(group, one)], 0))
            stays = asyncio.create_task(cloud.door(MemoryRun(in_(60))).weigh([place(group, other)], 0))
            while not scene.asked("SetVServerGroupAttribute"):
                await asyncio.sleep(0.01)
            dropped.cancel()
            await asyncio.wait([dropped])
            heal(scene.url)
            await stays
            return await state_of(cloud, group)

    assert weights(asyncio.run(run()).backends) == {(one, 80): 100, (other, 80): 0}


def test_a_part_of_a_refused_call_that_is_dropped_is_not_tried_again(scene: Scene) -> None:
    """Taken apart for one that cannot be edited: the half that nobody waits for holds up no other."""
    ids = scene.instances(2)
    group = scene.vserver_group(scene.balancer(), *((one, 80) for one in ids))
    inject(scene.url, "slb:SetVServerGroupAttribute", status=400, code="ObtainIpFail", times=1)
    inject(scene.url, "slb:SetVServerGroupAttribute", status=409, code="BackendServer.configuring")

    async def run() -> GroupState:
        async with scene.opened() as cloud:
            dropped, stays = (
                asyncio.create_task(cloud.door(MemoryRun(in_(600))).weigh([place(group, one)], 0))
                for one in ids
            )
            while scene.asked("SetVServerGroupAttribute") < 2:
                await asyncio.sleep(0.01)
            dropped.cancel()
            await asyncio.wait([dropped])
            heal(scene.url)
            async with asyncio.timeout(20):
                await stays
            return await state_of(cloud, group)

    assert weights(asyncio.run(run()).backends) == {(ids[0], 80): 100, (ids[1], 80): 0}


def test_an_edit_is_given_up_when_its_time_is_over(scene: Scene) -> None:
    """A balancer that stays busy is told as such: nothing has happened."""
    one = scene.instance()
    group = scene.vserver_group(scene.balancer(), (one, 80))
    inject(scene.url, "slb:SetVServerGroupAttribute", status=409, code="BackendServer.configuring")
    run = MemoryRun(in_(0.7))

    async def order() -> None:
        async with scene.opened() as cloud:
            await cloud.door(run).weigh([place(group, one)], 0)

    with pytest.raises(Unreachable, match="configuring"):
        asyncio.run(order())

    (told,) = run.told(f"weigh 0 {group.group_id} {one}")
    assert told.result["error"] == "BackendServer.configuring"


@pytest.mark.parametrize("product", ["clb", "alb", "nlb"])
def test_every_second_call_throttled_delays_and_nothing_else(scene: Scene, product: str) -> None:
    """All are carried out, and each record says what delayed it."""
    ids = scene.instances(30)
    if product == "clb":
        groups = [scene.vserver_group(scene.balancer(), *((one, 80) for one in ids[n::3])) for n in range(3)]
    else:
        groups = [scene.server_group(product, *((one, 80) for one in ids[n::3])) for n in range(3)]
    for service in ("slb", "alb", "nlb"):
        inject(scene.url, f"{service}:*", status=400, code="Throttling.User", every=2)

    async def run() -> list[GroupState]:
        async with scene.opened() as cloud:
            await asyncio.gather(*(weigh_each(cloud, group, ids[n::3]) for n, group in enumerate(groups)))
            return [await state_of(cloud, group) for group in groups]

    states = asyncio.run(run())

    assert [set(weights(state.backends).values()) for state in states] == [{0}] * 3
