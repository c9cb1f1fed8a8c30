"""Instances as actions see them, and many questions as few calls."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sink.action import Instance
from sink.errors import Denied, Unreachable
from tests.cloud.world import MemoryRun, Scene, in_
from tests.faults import inject
from tests.local.conftest import until_waiting

HOUR = 3600.0


def ask(scene: Scene, *instance_ids: str, **options: Any) -> list[Instance | None]:
    """Ask for instances at the same time, each in a run of its own."""

    async def run() -> list[Instance | None]:
        async with scene.opened(**options) as cloud:
            doors = [cloud.door(MemoryRun()) for _ in instance_ids]
            questions = [door.instance(one) for door, one in zip(doors, instance_ids, strict=True)]
            return await asyncio.gather(*questions)

    return asyncio.run(run())


def test_everything_that_guards_and_actions_look_at_is_there(scene: Scene) -> None:
    """Tags and locks come with the instance: nothing else has to be asked."""
    instance_id = scene.instance(
        instance_name="网关-1",
        tags={"ecs-event-sink/managed": "true", "env": ""},
        operation_locks=["Recycling", "financial"],
        spot_strategy="SpotAsPriceGo",
        spot_interruption_behavior="Stop",
        creation_time=1_700_000_000.0,
        auto_release_time=1_900_000_000.0,
        state="Stopped",
        stopped_mode="StopCharging",
    )

    (found,) = ask(scene, instance_id)

    assert found is not None
    assert (found.instance_id, found.region_id, found.name) == (instance_id, "cn-hangzhou", "网关-1")
    assert (found.status, found.stopped_mode) == ("Stopped", "StopCharging")
    assert found.tags == {"ecs-event-sink/managed": "true", "env": ""}
    assert found.locks == ("recycling", "financial")
    assert found.is_spot
    assert found.spot_interruption_behavior == "Stop"
    assert found.created_at_ms == 1_699_999_980_000
    assert found.auto_release_at_ms == 1_900_000_000_000
    assert (found.charge_type, found.expires_at_ms) == ("PostPaid", None)
    assert found.zone_id.startswith("cn-hangzhou-")
    assert found.read_at_ms > 1_700_000_000_000


def test_a_plain_instance_has_nothing_that_it_has_not(scene: Scene) -> None:
    """No lock, no tag, not preemptible; a subscription ends."""
    plain = scene.instance(instance_charge_type="PrePaid", expired_time=1_900_000_020.0)

    (found,) = ask(scene, plain)

    assert found is not None
    assert (found.locks, found.tags, found.is_spot) == ((), {}, False)
    assert (found.charge_type, found.expires_at_ms) == ("PrePaid", 1_900_000_020_000)
    assert found.auto_release_at_ms is None


def test_an_instance_that_is_not_there_is_none(scene: Scene) -> None:
    """ECS leaves it out without a word, among others that are there."""
    instance_id = scene.instance()

    here, gone = ask(scene, instance_id, "i-gone")

    assert here is not None
    assert gone is None


def test_questions_that_wait_together_are_one_call(scene: Scene) -> None:
    """Two hundred and fifty at once: three calls, and each gets its own."""
    ids = scene.instances(250)

    found = ask(scene, *ids, *ids)

    assert [one.instance_id for one in found if one is not None] == ids * 2
    assert scene.asked("DescribeInstances") == 3


def test_a_question_is_not_answered_by_what_was_asked_before_it(scene: Scene) -> None:
    """What is under way may have been read before: whoever asks then gets a call of their own."""
    instance_id = scene.instance()
    inject(scene.url, "ecs:DescribeInstances", delay_seconds=0.4, after_effect=True, times=1)

    async def run() -> list[Instance | None]:
        async with scene.opened() as cloud:
            before = asyncio.create_task(cloud.door(MemoryRun()).instance(instance_id))
            await asyncio.to_thread(until_waiting, scene.url)
            await asyncio.to_thread(scene.stage, "PATCH", f"instances/{instance_id}", state="Stopped")
            after = await cloud.door(MemoryRun()).instance(instance_id)
            return [await before, after]

    found = asyncio.run(run())

    assert [one.status for one in found if one is not None] == ["Running", "Stopped"]


def test_an_error_is_everybodys_and_the_next_question_anew(scene: Scene) -> None:
    """A call that serves many fails for many; nothing of it is kept."""
    ids = scene.instances(3)
    inject(scene.url, "ecs:DescribeInstances", status=403, code="Forbidden.RAM", times=1)

    async def run() -> tuple[list[Any], Any]:
        async with scene.opened() as cloud:
            door = cloud.door(MemoryRun())
            failed = await asyncio.gather(*(door.instance(one) for one in ids), return_exceptions=True)
            return failed, await door.instance(ids[0])

    failed, found = asyncio.run(run())

    assert [type(one) for one in failed] == [Denied] * 3
    assert found is not None


def test_a_question_that_is_dropped_spoils_no_other(scene: Scene) -> None:
    """One run is cancelled, and the call that it began answers the others."""
    ids = scene.instances(2)

    async def run() -> Instance | None:
        async with scene.opened() as cloud:
            dropped = asyncio.create_task(cloud.door(MemoryRun()).instance(ids[0]))
            kept = asyncio.create_task(cloud.door(MemoryRun()).instance(ids[1]))
            await asyncio.sleep(0)
            dropped.cancel()
            return await kept

    found = asyncio.run(run())

    assert found is not None
    assert found.instance_id == ids[1]


def test_an_instance_of_another_region_is_found_there(scene: Scene) -> None:
    """Of several regions each is asked; without it the region has none."""
    instance_id = scene.instance(zone_id="cn-beijing-h")

    (here,) = ask(scene, instance_id)
    (everywhere,) = ask(scene, instance_id, regions=["cn-beijing", "cn-shanghai"])

    assert here is None
    assert everywhere is not None
    assert everywhere.region_id == "cn-beijing"


def test_an_order_goes_where_the_instance_is(scene: Scene) -> None:
    """A run that begins anew after a restart looks before it orders."""
    instance_id = scene.instance(zone_id="cn-beijing-h", state="Stopped")
    run = MemoryRun()

    async def order() -> None:
        async with scene.opened(regions=["cn-beijing"]) as cloud:
            await cloud.door(run).start(instance_id)

    asyncio.run(order())

    assert [one.step for one in run.steps] == [f"start {instance_id}"]
    assert scene.asked("StartInstance") == 1


def test_a_lost_answer_is_asked_for_again(scene: Scene) -> None:
    """A read does no harm."""
    instance_id = scene.instance()
    inject(scene.url, "ecs:DescribeInstances", reset=True, times=2)
    run = MemoryRun(deadline_ms=in_(20))

    async def read() -> Instance | None:
        async with scene.opened() as cloud:
            return await cloud.door(run).instance(instance_id)

    assert asyncio.run(read()) is not None
    assert run.told("throttled")[0].result == {"NoAnswer": 2}


def test_a_service_that_stays_away_is_given_up_at_the_deadline(scene: Scene) -> None:
    """And the run is told what it asked in vain."""
    inject(scene.url, "ecs:DescribeInstances", status=503, code="ServiceUnavailable")
    run = MemoryRun(deadline_ms=in_(1))

    async def read() -> None:
        async with scene.opened() as cloud:
            await cloud.door(run).instance("i-1")

    with pytest.raises(Unreachable):
        asyncio.run(read())

    (failed,) = run.told("failed")
    assert failed.result["step"] == "instance i-1"
    assert failed.result["error"] == "ServiceUnavailable"
    assert failed.api == "DescribeInstances"
