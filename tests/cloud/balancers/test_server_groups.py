"""Server groups of ALB and NLB: edits that take effect later, and are waited for."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sink.action import Cloud, Group, GroupState
from sink.errors import Missing, Rejected, Unreachable
from tests.cloud.balancers.test_clb import act, read
from tests.cloud.world import MemoryRun, Scene, in_, living, place, weights
from tests.faults import inject

PRODUCTS = pytest.mark.parametrize("product", ["alb", "nlb"])


@PRODUCTS
def test_a_group_is_read_page_by_page(scene: Scene, product: str) -> None:
    """A hundred servers to a page."""
    ids = scene.instances(130)
    group = scene.server_group(product, *((one, 80) for one in ids))

    state = read(scene, group)

    assert weights(state.backends) == {(one, 80): 100 for one in ids}
    assert {backend.type for backend in state.backends} == {"Ecs"}
    assert scene.asked("ListServerGroupServers") == 2


@PRODUCTS
def test_orders_return_when_the_group_has_settled(scene: Scene, product: str) -> None:
    """So that whoever looks then sees the effect, and the next edit is not refused."""
    one, other = scene.instances(2)
    group = scene.server_group(product, (one, 80), (one, 81), (other, 80))
    places = [place(group, one, 80), place(group, one, 81)]

    async def work(door: Cloud) -> list[dict[tuple[str, int], int]]:
        seen = []
        await door.weigh(places, 0)
        seen.append(weights((await door.group(group)).backends))
        await door.remove(places)
        seen.append(weights((await door.group(group)).backends))
        await door.add([place(group, one, 80, weight=40)])
        seen.append(weights((await door.group(group)).backends))
        return seen

    run = MemoryRun(deadline_ms=in_(30))
    drained, removed, back = act(scene, work, run)

    assert drained == {(one, 80): 0, (one, 81): 0, (other, 80): 100}
    assert removed == {(other, 80): 100}
    assert back == {(other, 80): 100, (one, 80): 40}
    assert run.told("throttled") == []


@PRODUCTS
def test_a_server_on_its_way_out_does_not_serve(scene: Scene, product: str) -> None:
    """It stands in the group until it is gone."""
    one, other = scene.instances(2)
    group = scene.server_group(product, (one, 80), (other, 80))
    named = {"ServerGroupId": group.group_id, "Servers.1.ServerId": one, "Servers.1.ServerType": "Ecs"}
    scene.api(product)("RemoveServersFromServerGroup", {**named, "Servers.1.Port": 80})

    state = read(scene, group)

    assert state.serving == {other}


@PRODUCTS
def test_what_is_gone_already_spoils_nothing_for_the_rest(scene: Scene, product: str) -> None:
    """The product refuses the whole call for one server that is not there."""
    one, other = scene.instances(2)
    group = scene.server_group(product, (one, 80), (other, 80))

    act(scene, lambda door: door.remove([place(group, one, 80), place(group, one, 9999)]))

    assert weights(read(scene, group).backends) == {(other, 80): 100}


@PRODUCTS
def test_removing_what_is_gone_is_done(scene: Scene, product: str) -> None:
    """There is nothing left to do."""
    one, other = scene.instances(2)
    group = scene.server_group(product, (other, 80))

    act(scene, lambda door: door.remove([place(group, one, 80)]))

    assert scene.asked("RemoveServersFromServerGroup") == 1


@PRODUCTS
def test_an_edit_whose_answer_is_lost_is_the_same_edit_again(scene: Scene, product: str) -> None:
    """By its ClientToken: it is answered as before, though the group is busy with it."""
    one = scene.instance()
    group = scene.server_group(product, (one, 80))
    inject(scene.url, f"{product}:RemoveServersFromServerGroup", reset=True, after_effect=True, times=1)
    run = MemoryRun(deadline_ms=in_(30))

    act(scene, lambda door: door.remove([place(group, one, 80)]), run)

    assert read(scene, group).backends == ()
    assert run.told("throttled")[0].result == {"NoAnswer": 1}
    assert scene.asked("RemoveServersFromServerGroup") == 2


@pytest.mark.parametrize(
    ("product", "code"), [("alb", "IncorrectStatus.ServerGroup"), ("nlb", "Conflict.Lock")]
)
def test_a_group_that_somebody_else_edits_is_waited_for(scene: Scene, product: str, code: str) -> None:
    """The products have different names for it."""
    one = scene.instance()
    group = scene.server_group(product, (one, 80))
    inject(scene.url, f"{product}:Update*", status=409, code=code, times=3)
    run = MemoryRun(deadline_ms=in_(30))

    act(scene, lambda door: door.weigh([place(group, one, 80)], 0), run)

    assert weights(read(scene, group).backends) == {(one, 80): 0}
    assert run.told("throttled")[0].result == {code: 3}


def test_a_group_that_does_not_settle_in_time_is_told(tmp_path: Path) -> None:
    """Nobody knows then whether it will."""
    with living(tmp_path, 0.01) as slow:
        one = slow.instance()
        group = slow.server_group("alb", (one, 80))

        with pytest.raises(Unreachable, match="still has servers Configuring"):
            act(
                slow,
                lambda door: door.weigh([place(group, one, 80)], 0),
                MemoryRun(deadline_ms=in_(5)),
            )


def test_a_server_that_does_not_exist_cannot_be_added(scene: Scene) -> None:
    """Nor is that taken for one that was added and has gone."""
    group = scene.server_group("alb")

    with pytest.raises((Missing, Rejected)):
        act(scene, lambda door: door.add([place(group, "i-gone", 80)]))


def test_edits_of_a_group_that_wait_together_are_one_call(scene: Scene) -> None:
    """Here forty servers fit into one, since they travel in the URL."""
    ids = scene.instances(60)
    group = scene.server_group("alb", *((one, 80) for one in ids))

    async def run() -> GroupState:
        async with scene.opened() as cloud:
            doors = [cloud.door(MemoryRun(deadline_ms=in_(30))) for _ in ids]
            await asyncio.gather(
                *(door.weigh([place(group, one, 80)], 0) for door, one in zip(doors, ids, strict=True))
            )
            return await doors[0].group(group)

    assert set(weights(asyncio.run(run()).backends).values()) == {0}
    assert scene.asked("UpdateServerGroupServersAttribute") == 2


def test_a_group_that_is_gone_is_missing(scene: Scene) -> None:
    """By ALB's own code for it."""
    with pytest.raises(Missing):
        read(scene, Group("alb", "server_group", "sgp-gone", "sgp-gone", "cn-hangzhou"))
