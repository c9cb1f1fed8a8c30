"""`restart` on the embedded cloud: how it sees a start to its end."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

import pytest

from actions.restart import Restart, RestartOptions
from actions.restart.starting import ANSWERS, Answer
from sink.action import Plan
from sink.testing import (
    Carried,
    EmbeddedCloud,
    Killed,
    TestRun,
    carry,
    state_change,
    stopped,
)
from tests.actions.restarting import (
    QUICK,
    crashed,
    done,
    failed,
    restart,
    restart_plan,
    starts,
)
from tests.processes import wait_until


def test_an_instance_that_goes_down_again_is_a_failure(healthy_cloud: EmbeddedCloud) -> None:
    """It counts only once it stays up."""
    instance_id = crashed(healthy_cloud)
    run = TestRun(pace=healthy_cloud.speed)

    def seen_running() -> bool:
        return any(one.result["status"] == "Running" for one in run.steps if one.api == "DescribeInstances")

    async def work() -> Carried:
        action = Restart(RestartOptions(**{**QUICK, "stays_seconds": 3600}))
        starting = asyncio.create_task(carry(action, stopped(instance_id), healthy_cloud, run=run))
        await asyncio.to_thread(wait_until, seen_running, "it is seen Running")
        await asyncio.to_thread(healthy_cloud.crash, instance_id)
        return await starting

    assert failed(asyncio.run(work()), alarm=True) == "it was started, and is Stopped again"


def test_out_of_stock_is_waited_out(healthy_cloud: EmbeddedCloud) -> None:
    """It is tried again until there is some."""
    instance_id = crashed(
        healthy_cloud, spot_strategy="SpotAsPriceGo", instance_type="ecs.g7.large", spot_duration=0
    )
    healthy_cloud.market(out_of_stock=["ecs.g7.large"])

    def tried() -> bool:
        return healthy_cloud.requests("StartInstance")[-1:] != before

    before = healthy_cloud.requests("StartInstance")[-1:]

    async def work() -> Carried:
        action = Restart(RestartOptions(**QUICK))
        starting = asyncio.create_task(carry(action, stopped(instance_id), healthy_cloud))
        await asyncio.to_thread(wait_until, tried, "it is tried in vain")
        await asyncio.to_thread(healthy_cloud.market, out_of_stock=[])
        return await starting

    done(asyncio.run(work()))

    assert starts(healthy_cloud, instance_id) == 1


def test_out_of_stock_for_good_is_told(healthy_cloud: EmbeddedCloud) -> None:
    """When the patience is at its end."""
    instance_id = crashed(healthy_cloud, spot_strategy="SpotAsPriceGo", instance_type="ecs.g7.large")
    healthy_cloud.market(out_of_stock=["ecs.g7.large"])

    class Impatient(Restart):
        patience_seconds = 40.0

    action = Impatient(RestartOptions(**QUICK))
    carried = asyncio.run(carry(action, stopped(instance_id), healthy_cloud))

    assert "OperationDenied.NoStock" in failed(carried, alarm=True)


def test_a_bid_below_the_price_needs_somebody(healthy_cloud: EmbeddedCloud) -> None:
    """No patience raises it."""
    instance_id = crashed(
        healthy_cloud,
        spot_strategy="SpotWithPriceLimit",
        spot_price_limit=0.1,
        instance_type="ecs.g7.large",
    )
    healthy_cloud.market(spot_prices={"ecs.g7.large": 0.3})

    assert "SpotPriceLowerThanPublicPrice" in failed(restart(healthy_cloud, instance_id), alarm=True)


def test_an_empty_account_needs_somebody(healthy_cloud: EmbeddedCloud) -> None:
    """The operator is told by the vendor's own code."""
    healthy_cloud.market(insufficient_balance=True)

    assert "InsufficientBalance" in failed(restart(healthy_cloud, crashed(healthy_cloud)), alarm=True)


def test_throttling_delays_and_no_more(healthy_cloud: EmbeddedCloud) -> None:
    """Any code that begins with Throttling."""
    instance_id = crashed(healthy_cloud)
    healthy_cloud.inject("ecs:StartInstance", status=400, code="Throttling.User", times=3)

    done(restart(healthy_cloud, instance_id))

    assert starts(healthy_cloud, instance_id) == 1


def test_a_lost_answer_starts_nothing_twice(healthy_cloud: EmbeddedCloud) -> None:
    """The order had its effect: the live state says so."""
    instance_id = crashed(healthy_cloud)
    before = len(healthy_cloud.requests("StartInstance"))
    healthy_cloud.inject("ecs:StartInstance", reset=True, after_effect=True, times=1)

    done(restart(healthy_cloud, instance_id))

    assert len(healthy_cloud.requests("StartInstance")) == before + 1


@pytest.mark.parametrize(
    "code", [code for code in ANSWERS if ANSWERS[code] in (Answer.FINAL, Answer.OPERATOR)]
)
def test_a_refusal_for_good_is_a_failure(healthy_cloud: EmbeddedCloud, code: str) -> None:
    """An alarm only where somebody can do something."""
    instance_id = crashed(healthy_cloud)
    healthy_cloud.inject("ecs:StartInstance", status=403, code=code)

    carried = restart(healthy_cloud, instance_id, consult_actiontrail=False)

    assert code in failed(carried, alarm=ANSWERS[code] is Answer.OPERATOR)


def test_an_unknown_refusal_needs_somebody(healthy_cloud: EmbeddedCloud) -> None:
    """A code that the table does not have is looked at."""
    instance_id = crashed(healthy_cloud)
    healthy_cloud.inject("ecs:StartInstance", status=403, code="Strange.New")

    failed(restart(healthy_cloud, instance_id, consult_actiontrail=False), alarm=True)


@pytest.mark.parametrize("code", [code for code in ANSWERS if ANSWERS[code] in (Answer.BENIGN, Answer.PASS)])
def test_a_refusal_that_passes_is_tried_again(healthy_cloud: EmbeddedCloud, code: str) -> None:
    """Once it has passed, it is started, once."""
    instance_id = crashed(healthy_cloud)
    healthy_cloud.inject("ecs:StartInstance", status=403, code=code, times=1)

    done(restart(healthy_cloud, instance_id, consult_actiontrail=False))

    assert starts(healthy_cloud, instance_id) == 1


def test_somebody_elses_start_is_as_good(healthy_cloud: EmbeddedCloud) -> None:
    """IncorrectInstanceStatus: it was started between our look and our order."""
    instance_id = crashed(healthy_cloud)

    class Overtaken(TestRun):
        async def intend(self, order: str) -> None:
            await super().intend(order)
            for state in ("Starting", "Running"):
                healthy_cloud.change(instance_id, state=state)

    run = Overtaken(pace=healthy_cloud.speed)
    asked = len(healthy_cloud.requests("StartInstance"))

    done(restart(healthy_cloud, instance_id, run=run, consult_actiontrail=False))

    assert [one["status"] for one in healthy_cloud.requests("StartInstance")[asked:]] == [403]


def test_a_kill_between_any_two_steps_starts_once(healthy_cloud: EmbeddedCloud) -> None:
    """Plan in hand, the restarted sink looks at what is: never twice, never not at all."""
    for dies_after in range(1, 8):
        instance_id = crashed(healthy_cloud)
        plan = restart_plan(healthy_cloud, instance_id)
        run = TestRun(pace=healthy_cloud.speed, dies_after=dies_after)
        with pytest.raises(Killed):
            restart(healthy_cloud, instance_id, run=run, plan=plan)

        done(restart(healthy_cloud, instance_id, run=run.again(), plan=plan))

        assert starts(healthy_cloud, instance_id) == 1, f"killed after step {dies_after}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"operation_locks": ["security"]}, "meanwhile locked: security"),
        ({"stopped_mode": "StopCharging"}, "meanwhile deliberate: economical mode"),
    ],
)
def test_what_has_changed_since_the_plan_is_left(
    healthy_cloud: EmbeddedCloud, change: dict[str, Any], reason: str
) -> None:
    """Between plan and order, or while the sink was down, the world went on."""
    instance_id = crashed(healthy_cloud)
    plan = restart_plan(healthy_cloud, instance_id)
    healthy_cloud.change(instance_id, **change)

    carried = restart(healthy_cloud, instance_id, plan=plan, consult_actiontrail=False)

    assert carried.outcome
    assert carried.outcome.status == "skipped"
    assert carried.outcome.reason.startswith(reason)
    assert carried.orders == []


@pytest.mark.parametrize("evidence", ["news", "live state"])
def test_a_start_that_had_its_effect_is_not_repeated(healthy_cloud: EmbeddedCloud, evidence: str) -> None:
    """It came up and stopped once more, while the sink was down: that stop has a run of its own."""
    instance_id = crashed(healthy_cloud)
    plan = restart_plan(healthy_cloud, instance_id)
    run = TestRun(pace=healthy_cloud.speed)
    run.orders[f"start {instance_id}"] = run.now_ms()
    if evidence == "news":
        run.hear(state_change(instance_id, "Starting", run.now_ms() + 1), stopped(instance_id))
    else:
        plan = replace(plan, facts={**plan.facts, "started_at_ms": 0})

    reason = failed(restart(healthy_cloud, instance_id, run=run, plan=plan), alarm=True)

    assert reason == "it was started, and is Stopped again"
    assert starts(healthy_cloud, instance_id) == 0


def test_an_instance_that_never_comes_up_is_a_failure(healthy_cloud: EmbeddedCloud) -> None:
    """It is watched for watch_seconds and no longer."""
    instance_id = healthy_cloud.place(state="Starting")
    run = TestRun(pace=healthy_cloud.speed)
    run.orders[f"start {instance_id}"] = run.now_ms()

    carried = restart(healthy_cloud, instance_id, run=run, plan=plan_of(instance_id), watch_seconds=30)

    assert re.fullmatch(r"it was started, and is Starting after \d+ s", failed(carried, alarm=True))


def test_an_instance_that_is_released_while_watched_is_nobodys_fault(healthy_cloud: EmbeddedCloud) -> None:
    """Its owner took it."""
    instance_id = crashed(healthy_cloud)

    class Released(TestRun):
        async def next_news(self, instance_id: str, timeout_seconds: float) -> None:
            healthy_cloud.change(instance_id, state="Stopped")
            healthy_cloud.change(instance_id, state="Deleted")

    carried = restart(
        healthy_cloud, instance_id, run=Released(pace=healthy_cloud.speed), consult_actiontrail=False
    )

    assert failed(carried, alarm=False) == "it was started, and released"


def plan_of(instance_id: str) -> Plan:
    """The plan for a stop of a while ago."""
    return Plan("", facts={"instance_id": instance_id, "stopped_at_ms": 0, "started_at_ms": None})
