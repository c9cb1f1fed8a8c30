"""History, orders and connections of an instance, as the services tell them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import pytest

from sink.action import News, Order
from sink.errors import CloudError
from tests.cloud.world import MemoryRun, Scene, in_
from tests.faults import inject


def ask(scene: Scene, method: str, *arguments: Any) -> Any:
    """Call a method of the door."""

    async def run() -> Any:
        async with scene.opened() as cloud:
            return await getattr(cloud.door(MemoryRun(deadline_ms=in_(20))), method)(*arguments)

    return asyncio.run(run())


def test_history_tells_what_the_platform_did(scene: Scene) -> None:
    """In the words of the events, so that both can be compared: kind, status and time in ms."""
    instance_id, other = scene.instances(2, recovery="Reboot")
    scene.stage("POST", f"instances/{instance_id}/fail_host")

    history: Sequence[News] = ask(scene, "history", instance_id)

    assert [one.kind for one in history] == ["Instance:SystemFailure.Reboot"]
    assert history[0].status == "Executing"
    assert abs(history[0].event_time_ms - time.time() * 1000) < 60_000
    assert ask(scene, "history", other) == ()


def test_orders_tell_who_ordered_what_oldest_first(scene: Scene) -> None:
    """And nothing that was ordered to another, or before."""
    instance_id, other = scene.instances(2)
    ecs = scene.api("ecs")
    ecs("StopInstance", InstanceId=other)
    ecs("StopInstance", InstanceId=instance_id)
    scene.stage("PATCH", f"instances/{instance_id}", state="Stopped")
    ecs("StartInstance", InstanceId=instance_id)

    orders: Sequence[Order] = ask(scene, "orders", instance_id, round(time.time() * 1000) - 60_000)

    assert [one.name for one in orders] == ["StopInstance", "StartInstance"]
    assert {one.by for one in orders} == {"root"}
    assert {one.access_key_id for one in orders} == {"local"}
    assert {one.event_type for one in orders} == {"ApiCall"}
    assert ask(scene, "orders", instance_id, round(time.time() * 1000) + 60_000) == ()


def test_a_crash_leaves_no_order(scene: Scene) -> None:
    """Which is how it is told from a stop."""
    instance_id = scene.instance()
    scene.stage("POST", f"instances/{instance_id}/crash")

    assert ask(scene, "orders", instance_id, round(time.time() * 1000) - 3_600_000) == ()


def test_more_orders_than_fit_on_a_page_are_all_read(scene: Scene) -> None:
    """ActionTrail shows fifty at a time."""
    instance_id = scene.instance()
    ecs = scene.api("ecs")
    for number in range(60):
        ecs(
            "AddTags",
            {
                "InstanceId": instance_id,
                "ResourceId": instance_id,
                "ResourceType": "instance",
                "Tag.1.Key": "n",
                "Tag.1.Value": str(number),
            },
        )

    orders: Sequence[Order] = ask(scene, "orders", instance_id, round(time.time() * 1000) - 600_000)

    assert len(orders) == 60
    assert scene.asked("LookupEvents") == 2


def test_connections_are_those_that_are_established(scene: Scene) -> None:
    """A hundred at weight 100, none behind nothing; and an instance that is gone tells nothing."""
    serving, idle = scene.instances(2)
    scene.vserver_group(scene.balancer(), (serving, 80))

    assert ask(scene, "connections", serving) == 100
    assert ask(scene, "connections", idle) == 0
    assert ask(scene, "connections", "i-gone") is None


def test_connections_of_many_are_few_calls(scene: Scene) -> None:
    """A thousand that drain at once are asked about fifty at a time: calls of it are billed."""
    ids = scene.instances(120)

    async def run() -> list[int | None]:
        async with scene.opened() as cloud:
            return await asyncio.gather(*(cloud.door(MemoryRun()).connections(one) for one in ids))

    assert asyncio.run(run()) == [0] * 120
    assert scene.asked("DescribeMetricLast") == 3


def test_a_refusal_of_cloudmonitor_is_no_count(scene: Scene) -> None:
    """It comes with status 200, and must not be read as nothing there."""
    inject(scene.url, "cms:*", status=403, code="Forbidden.RAM")

    with pytest.raises(CloudError):
        ask(scene, "connections", "i-1")
