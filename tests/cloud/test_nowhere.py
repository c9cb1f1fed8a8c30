"""A product that the region has not: its host is one that no name server knows."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import replace
from typing import Any

import pytest

from sink.errors import Unreachable
from tests.cloud.conftest import Nowhere
from tests.cloud.world import MemoryRun, Scene, everything_at, in_


def without_nlb(scene: Scene, nowhere: Nowhere, **options: Any) -> Any:
    """The cloud of a region that has no NLB."""
    return scene.opened(endpoints=replace(everything_at(scene.url), nlb=nowhere.url), **options)


def test_a_product_that_is_nowhere_leaves_the_others(scene: Scene, nowhere: Nowhere) -> None:
    """It is told as one that is denied, and nobody waits until it is there."""
    instance_id = scene.instance()
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    run = MemoryRun(in_(600))

    async def act() -> Any:
        async with without_nlb(scene, nowhere) as cloud:
            return await asyncio.wait_for(cloud.door(run).places(instance_id), 20)

    assert [one.group for one in asyncio.run(act())] == [group]
    assert run.told("unread nlb")[0].result["error"] == "UnknownHost"
    assert run.told("throttled") == []
    assert nowhere.asked == 1


def test_a_product_that_was_nowhere_is_not_looked_for_at_each_event(scene: Scene, nowhere: Nowhere) -> None:
    """A resolver may be slow to say no: it is asked again with the next readings, and found if it came."""
    instance_id, ahead = scene.instance(), 0.0
    scene.vserver_group(scene.balancer(), (instance_id, 80))
    asked = []

    async def run() -> MemoryRun:
        nonlocal ahead
        clock = lambda: time.time() + ahead  # noqa: E731
        options: dict[str, Any] = {"refresh_seconds": 30, "pace": 1.0, "wall_clock": clock}
        async with without_nlb(scene, nowhere, **options) as cloud:
            for seconds in (0.0, 60.0, 95.0):
                ahead, one = seconds, MemoryRun()
                await cloud.door(one).places(instance_id)
                asked.append(nowhere.asked)
            return one

    assert asyncio.run(run()).told("unread nlb") != []
    assert asked == [1, 1, 2]


def test_nowhere_is_not_said_where_a_product_is(scene: Scene, nowhere: Nowhere) -> None:
    """Its host may be misspelt, and the instance serve just there; the error says what to set."""
    instance_id = scene.instance()

    async def act() -> Any:
        async with without_nlb(scene, nowhere) as cloud:
            return await cloud.door(MemoryRun(in_(600))).places(instance_id)

    with pytest.raises(Unreachable, match=r"\[actions\] products"):
        asyncio.run(act())


def test_a_name_server_that_is_down_is_waited_for(scene: Scene, nowhere: Nowhere) -> None:
    """What it does not tell may be there, and is no reason to do by halves."""
    nowhere.says = socket.EAI_AGAIN
    instance_id = scene.instance()
    scene.vserver_group(scene.balancer(), (instance_id, 80))

    async def act() -> Any:
        async with without_nlb(scene, nowhere) as cloud:
            return await cloud.door(MemoryRun(in_(1))).places(instance_id)

    with pytest.raises(Unreachable):
        asyncio.run(act())
    assert nowhere.asked > 1
