"""An action of a third party, tested as its author would."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from sink.action import Action, Cloud, Outcome, Plan, Skip
from sink.errors import PermanentError, Rejected, TemporaryError
from sink.events import Event
from sink.testing import EmbeddedCloud, Killed, TestRun, carry, interruption, run_of, stopped


class StartAgain(Action):
    """Starts whatever stops."""

    name = "start_again"
    handles = ("Instance:StateChange",)
    patience_seconds = 60.0

    def __init__(self, *trouble: Exception) -> None:
        super().__init__()
        self.trouble = list(trouble)

    def deadline_ms(self, event: Event) -> int | None:
        return event.event_time_ms + 300_000 if event.event_time_ms and not event.state else None

    async def plan(self, event: Event, cloud: Cloud) -> Plan | Skip:
        instance = await cloud.instance(event.instance_id)
        if instance is None or instance.status != "Stopped":
            return Skip("it does not stand still")
        return Plan("it stopped", facts={"instance_id": event.instance_id})

    async def carry_out(self, plan: Plan, cloud: Cloud) -> Outcome:
        if self.trouble:
            raise self.trouble.pop(0)
        await cloud.start(plan.facts["instance_id"])
        return Outcome.done("started")


def carried(action: Action, instance_id: str, cloud: EmbeddedCloud, **more: Any) -> Any:
    return asyncio.run(carry(action, stopped(instance_id), cloud, **more))


def test_an_action_is_led_to_its_outcome(lively_cloud: EmbeddedCloud) -> None:
    """Plan, outcome, orders and steps can be looked at, and the cloud has changed."""
    instance_id = lively_cloud.place()
    lively_cloud.crash(instance_id)

    result = carried(StartAgain(), instance_id, lively_cloud)

    assert result.plan.reason == "it stopped"
    assert result.outcome.status == "done"
    assert result.orders == [f"start {instance_id}"]
    assert [one.step for one in result.steps] == [f"instance {instance_id}", f"start {instance_id}"]
    assert lively_cloud.state(instance_id) in ("Starting", "Running")


def test_a_skip_orders_nothing(lively_cloud: EmbeddedCloud) -> None:
    """There is no outcome of what was not carried out."""
    result = carried(StartAgain(), lively_cloud.place(), lively_cloud)

    assert (result.skip.reason, result.outcome, result.orders) == ("it does not stand still", None, [])


def test_what_may_pass_is_waited_out(lively_cloud: EmbeddedCloud) -> None:
    """At the cloud's pace, on from carry_out."""
    instance_id = lively_cloud.place()
    lively_cloud.crash(instance_id)
    trouble = TemporaryError("not yet", retry_after_seconds=1)

    assert carried(StartAgain(trouble), instance_id, lively_cloud).outcome.status == "done"


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (TemporaryError("not yet", retry_after_seconds=61), "no time left: not yet"),
        (PermanentError("never"), "never"),
        (Rejected("ECS StartInstance", "DiskError", "no"), "ECS StartInstance: no (DiskError)"),
    ],
)
def test_what_stays_ends_it(lively_cloud: EmbeddedCloud, trouble: Exception, reason: str) -> None:
    """As in the sink; no order is given."""
    instance_id = lively_cloud.place()
    lively_cloud.crash(instance_id)

    result = carried(StartAgain(trouble), instance_id, lively_cloud)

    assert (result.outcome.status, result.outcome.reason, result.orders) == ("failed", reason, [])


def test_a_bug_comes_out_as_it_is(lively_cloud: EmbeddedCloud) -> None:
    """An author wants its traceback."""
    instance_id = lively_cloud.place()
    lively_cloud.crash(instance_id)

    with pytest.raises(ZeroDivisionError):
        carried(StartAgain(ZeroDivisionError()), instance_id, lively_cloud)


def test_a_killed_run_goes_on_with_its_plan(lively_cloud: EmbeddedCloud) -> None:
    """The restarted sink hands the plan over with what the ledger knows."""
    instance_id = lively_cloud.place()
    lively_cloud.crash(instance_id)
    run = TestRun(pace=lively_cloud.speed, dies_after=2)
    with pytest.raises(Killed):
        carried(StartAgain(), instance_id, lively_cloud, run=run)
    assert lively_cloud.state(instance_id) == "Stopped", "killed before the call"

    plan = Plan("it stopped", facts={"instance_id": instance_id})
    result = carried(StartAgain(), instance_id, lively_cloud, run=run.again(), plan=plan)

    assert result.outcome.status == "done"
    assert len(result.orders) == 1


def test_a_deadline_comes_at_the_clouds_pace(lively_cloud: EmbeddedCloud) -> None:
    """The five minutes of a notice are five seconds at 60 times the speed of life."""
    event = interruption("i-1", 1_000_000)

    assert run_of(StartAgain(), event, lively_cloud).deadline_ms == 1_005_000


def test_owners_act_by_the_vendors_apis(lively_cloud: EmbeddedCloud) -> None:
    """And what the vendor refuses is raised as the sink raises it."""
    instance_id = lively_cloud.place()
    ecs = lively_cloud.api("ecs")

    ecs("StopInstance", InstanceId=instance_id)

    with pytest.raises(Rejected, match="IncorrectInstanceStatus"):
        ecs("StopInstance", InstanceId=instance_id)
    assert len(lively_cloud.requests("StopInstance")) == 2
