"""`restart` led through an event on the embedded cloud, and what is asked of the outcome."""

from __future__ import annotations

import asyncio
from typing import Any

from actions.restart import Restart, RestartOptions
from sink.action import Plan
from sink.events import Event
from sink.testing import (
    Carried,
    EmbeddedCloud,
    TestRun,
    carry,
    stopped,
)
from tests.processes import wait_until

QUICK = {
    "actiontrail_delay_seconds": 10,
    "first_delay_seconds": 5,
    "stays_seconds": 10,
    "watch_seconds": 120,
}


def restart(
    cloud: EmbeddedCloud,
    instance_id: str,
    event: Event | None = None,
    run: TestRun | None = None,
    plan: Plan | None = None,
    **options: Any,
) -> Carried:
    """What comes of an event, by default that the instance has stopped just now."""
    action = Restart(RestartOptions(**{**QUICK, **options}))
    return asyncio.run(carry(action, event or stopped(instance_id), cloud, run=run, plan=plan))


def starts(cloud: EmbeddedCloud, instance_id: str) -> int:
    """How often it was started, after ActionTrail."""
    wanted: dict[str, Any] = {
        "LookupAttribute.1.Key": "ResourceName",
        "LookupAttribute.1.Value": instance_id,
    }
    found = cloud.api("actiontrail")("LookupEvents", **wanted)["Events"]
    return [one["eventName"] for one in found].count("StartInstance")


def crashed(cloud: EmbeddedCloud, **fields: Any) -> str:
    instance_id = cloud.place(**fields)
    cloud.crash(instance_id)
    return instance_id


def restarted_by_the_platform(cloud: EmbeddedCloud) -> str:
    """An instance whose host failed and that runs again: the platform's own restart fails now and then."""
    while True:
        instance_id = _after_a_host_failure(cloud)
        if cloud.state(instance_id) == "Running":
            return instance_id


def _after_a_host_failure(cloud: EmbeddedCloud) -> str:
    instance_id = cloud.place(recovery="Reboot")
    cloud.fail_host(instance_id)
    wait_until(lambda: _ended(cloud, instance_id), "the end of the platform's restart")
    return instance_id


def _ended(cloud: EmbeddedCloud, instance_id: str) -> bool:
    found = cloud.api("ecs")("DescribeInstanceHistoryEvents", RegionId="cn-hangzhou", InstanceId=instance_id)
    return bool(found["TotalCount"])


def await_state(cloud: EmbeddedCloud, instance_id: str, state: str) -> None:
    wait_until(lambda: cloud.state(instance_id) == state, f"{instance_id} {state}")


def left(carried: Carried) -> str:
    """The reason why it was not started."""
    assert carried.skip is not None, carried
    assert carried.orders == []
    return carried.skip.reason


def failed(carried: Carried, *, alarm: bool) -> str:
    assert carried.outcome is not None, carried
    assert (carried.outcome.status, carried.outcome.alarm) == ("failed", alarm), carried.outcome
    return carried.outcome.reason


def done(carried: Carried) -> str:
    assert carried.outcome is not None, carried
    assert carried.outcome.status == "done", carried.outcome
    return carried.outcome.reason


def restart_plan(cloud: EmbeddedCloud, instance_id: str) -> Plan:
    """The plan of `restart` for a crash of just now, not carried out."""

    async def work() -> Plan:
        action = Restart(RestartOptions(consult_actiontrail=False))
        async with cloud.connected() as vendor:
            plan = await action.plan(stopped(instance_id), vendor.door(TestRun(pace=cloud.speed)))
        assert isinstance(plan, Plan)
        return plan

    return asyncio.run(work())
