"""The cloud as a whole: opened and closed, on little permission, and under a thousand runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from subprocess import PIPE
from typing import Any

from sink.action import Cloud, Group
from sink.cloud import PERMISSIONS, RATES, Rate
from sink.credentials import StaticKeys
from tests.cloud.world import MemoryRun, Scene, in_, place, weights
from tests.faults import inject, requests
from tests.local.conftest import STS, until_waiting


def test_the_permissions_that_are_named_are_those_that_are_needed(
    scene: Scene, limited: Callable[..., Scene]
) -> None:
    """They are enough to read everything, and each is for a call that is made."""
    one, other = scene.instances(2)
    scene.vserver_group(scene.balancer(), (one, 80))
    scene.pair(scene.balancer(), one, other)
    scene.server_group("alb", (one, 80))
    scene.server_group("nlb", (one, 80))

    called = {f"{call['service']}:{call['operation']}" for call in read_everything(scene)}
    read_everything(limited(*PERMISSIONS))

    assert called == set(PERMISSIONS)


def read_everything(scene: Scene) -> list[dict[str, Any]]:
    """Read what guards and memory read; the calls that it took."""
    before = len(requests(scene.url))

    async def run() -> None:
        async with scene.opened() as cloud:
            await cloud.refresh()
            door = cloud.door(MemoryRun())
            await door.instance("i-1")
            await door.scaling_member("i-1")
            await door.places("i-1")
            assert cloud.cache.error is None
            assert cloud.cache.refreshed_at_ms is not None

    asyncio.run(run())
    return requests(scene.url)[before:]


def test_temporary_keys_do_all_of_it(scene: Scene) -> None:
    """A RAM role's token is signed into each call."""
    instance_id = scene.instance()
    group = scene.vserver_group(scene.balancer(), (instance_id, 80))
    keys = StaticKeys(STS.key_id, STS.secret, STS.security_token or "")

    async def run() -> int:
        async with scene.opened(keys) as cloud:
            door = cloud.door(MemoryRun(in_(30)))
            await door.weigh(await door.places(instance_id), 0)
            return (await door.group(group)).backends[0].weight

    assert asyncio.run(run()) == 0


def test_closing_does_not_wait_for_what_hangs(scene: Scene) -> None:
    """A stop has a limit: calls under way are let be, and what waited is told."""
    inject(scene.url, "ecs:*", delay_seconds=8)

    async def run() -> float:
        async with scene.opened(keep_warm=True) as cloud:
            asked = asyncio.create_task(cloud.door(MemoryRun()).instance("i-1"))
            await asyncio.to_thread(until_waiting, scene.url, 2)
            began = time.monotonic()
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)
        return time.monotonic() - began

    assert asyncio.run(run()) < 5


def test_threads_end_with_it(scene: Scene) -> None:
    """None is left when it is closed."""
    before = set(threading.enumerate())

    async def run() -> None:
        async with scene.opened() as cloud:
            await cloud.refresh()

    asyncio.run(run())
    for thread in set(threading.enumerate()) - before:
        thread.join(5)

    assert {thread.name for thread in set(threading.enumerate()) - before} == set()


async def drain(door: Cloud, instance_id: str) -> None:
    """Take a server out of everything, and see that it is out."""
    places = await door.places(instance_id)
    for group in dict.fromkeys(one.group for one in places):
        its = [one for one in places if one.group == group]
        await door.weigh(its, 0)
        assert {one.weight for one in (await door.group(group)).of(instance_id)} == {0}
        await door.remove(its)
        assert (await door.group(group)).of(instance_id) == ()


def fill(scene: Scene, groups: int, servers: int) -> list[tuple[Group, list[str]]]:
    """Groups on a tenth as many balancers, each with servers of its own and one that stays."""
    balancers = [scene.balancer() for _ in range(max(1, groups // 5))]
    filled = []
    for number in range(groups):
        ids = scene.instances(servers + 1)
        group = scene.vserver_group(balancers[number % len(balancers)], *((one, 80) for one in ids[:20]))
        filled.append((group, ids[:servers]))
    return filled


def test_many_runs_at_once_under_the_vendors_quotas(scene: Scene) -> None:
    """Two hundred interruptions over twenty groups, every second call throttled: all out, none late."""
    filled = fill(scene, groups=20, servers=10)
    inject(scene.url, "slb:*", status=400, code="Throttling.User", every=2)
    deadline_ms = in_(300 / scene.pace)

    async def run() -> Sequence[MemoryRun]:
        async with scene.opened(rates=RATES) as cloud:
            runs = [(MemoryRun(deadline_ms), one) for _, ids in filled for one in ids]
            await asyncio.gather(*(drain(cloud.door(run), one) for run, one in runs))
            states = [await cloud.door(MemoryRun()).group(group) for group, _ in filled]
            assert [len(weights(state.backends)) for state in states] == [1] * 20
            return [run for run, _ in runs]

    runs = asyncio.run(run())

    assert len(runs) == 200
    assert time.time() * 1000 < deadline_ms
    assert scene.asked("SetVServerGroupAttribute") < 160


def test_a_run_in_a_hurry_is_not_held_up_by_a_thousand_others(scene: Scene) -> None:
    """Its calls go first, whatever else waits."""
    ids = scene.instances(60)
    groups = [scene.vserver_group(scene.balancer(), (one, 80)) for one in ids[:20]]
    inject(scene.url, "slb:*", delay_seconds=0.05)

    async def run() -> int:
        async with scene.opened() as cloud:
            reads = [cloud.door(MemoryRun()).group(group) for group in groups for _ in range(10)]
            orders = [cloud.door(MemoryRun()).weigh([place(groups[0], one)], 5) for one in ids]
            others: list[asyncio.Task[Any]] = [asyncio.create_task(one) for one in (*reads, *orders)]
            await asyncio.sleep(0)
            await cloud.door(MemoryRun(in_(60))).weigh([place(groups[1], ids[1])], 0)
            left = sum(not one.done() for one in others)
            await asyncio.gather(*others)
            return left

    assert asyncio.run(run()) > 0


def test_whoever_waits_when_it_is_closed_is_sent_away(scene: Scene) -> None:
    """Reads and orders alike: nothing waits for what will not come, and nothing is left behind."""
    one = scene.instance()
    group = scene.vserver_group(scene.balancer(), (one, 80))
    nothing = {product: Rate(0.0001, 0.0001) for product in RATES}

    async def run() -> list[Any]:
        async with scene.opened(rates=nothing) as cloud:
            doors = [cloud.door(MemoryRun()) for _ in range(30)]
            asked: list[asyncio.Task[Any]] = [
                asyncio.create_task(door.weigh([place(group, one)], number))
                for number, door in enumerate(doors)
            ]
            asked += [asyncio.create_task(door.group(group)) for door in doors]
            await asyncio.sleep(0.3)
        done, waiting = await asyncio.wait(asked, timeout=5)
        assert not waiting
        return [one.cancelled() for one in done if one.cancelled() or one.exception()]

    assert set(asyncio.run(run())) == {True}


def test_a_process_does_not_outlive_a_call_that_hangs(scene: Scene) -> None:
    """A stop has a limit, and no thread keeps it from ending."""
    inject(scene.url, "ecs:*", delay_seconds=20)
    code = f"""
import asyncio
from sink.cloud import AlibabaCloud, Endpoints
from sink.credentials import LOCAL_KEYS
async def main():
    async with AlibabaCloud(Endpoints(ecs="{scene.url}"), LOCAL_KEYS, "cn-hangzhou", products=[]):
        await asyncio.sleep(1)
asyncio.run(main())
print("ended", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=PIPE, stderr=PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        ended_at = time.monotonic()
        _, errors = process.communicate(timeout=60)

    assert (line, errors, process.returncode) == ("ended\n", "", 0)
    assert time.monotonic() - ended_at < 5
