"""A sink that is killed in the middle of a removal goes on with it, and does nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from sink.action import Outcome
from sink.events import Event
from sink.testing import EmbeddedCloud, Killed, TestRun, interruption, maintenance
from tests.actions.balancers import Balancers, Watched, balancers, plan_of, removal, watched

__all__ = ["balancers"]

EDITS = (
    "SetVServerGroupAttribute",
    "RemoveVServerGroupBackendServers",
    "AddVServerGroupBackendServers",
    "UpdateServerGroupServersAttribute",
    "RemoveServersFromServerGroup",
    "AddServersToServerGroup",
    "EnterStandby",
    "ExitStandby",
)


def edits(cloud: EmbeddedCloud) -> dict[str, int]:
    """How many edits of each kind were made so far: refused while another settles, it is none."""
    return {name: sum(one["status"] == 200 for one in cloud.requests(name)) for name in EDITS}


def made_since(before: dict[str, int], cloud: EmbeddedCloud) -> dict[str, int]:
    """The edits since then, by kind."""
    return {name: count - before[name] for name, count in edits(cloud).items() if count > before[name]}


def killed_again_and_again(
    one: Balancers, event: Event, happen: Callable[[Watched], object], moments: int, **options: Any
) -> tuple[Outcome, int]:
    """Carry out, with a sink that dies each time after so many moments; how it ended, and its deaths.

    `happen` is called whenever the run has nothing else to do. A moment that is the same in each life
    would be the last one for ever: each life is longer by one.
    """
    action = removal(**options)
    plan = plan_of(one, action, event)

    async def work() -> tuple[Outcome, int]:
        last: TestRun = watched(action, event)
        for deaths in range(60):
            run = watched(action, event, dies_after=moments + deaths)
            run.orders, run.notes = dict(last.orders), dict(last.notes)
            run.on_wait = partial(happen, run)
            last = run
            try:
                async with one.cloud.connected() as vendor:
                    return await action.carry_out(plan, vendor.door(run)), deaths
            except Killed:
                continue
        raise AssertionError("it never ends")

    return asyncio.run(work())


@pytest.mark.parametrize("moments", range(1, 9))
def test_a_killed_sink_goes_on_with_a_removal(balancers: Balancers, moments: int) -> None:
    """Whatever it was at: each edit is made once, whoever made it."""
    instance_id = balancers.spot()
    groups = [
        balancers.vserver((instance_id, 80, 100)),
        balancers.server_group("alb", (instance_id, 80, 100)),
    ]
    before = edits(balancers.cloud)

    outcome, deaths = killed_again_and_again(
        balancers,
        interruption(instance_id),
        lambda run: balancers.cloud.crash(instance_id),
        moments,
    )

    assert outcome.status == "done"
    assert deaths > 0
    assert balancers.serving(groups, instance_id) == [{}, {}]
    assert made_since(before, balancers.cloud) == {
        "SetVServerGroupAttribute": 1,
        "RemoveVServerGroupBackendServers": 1,
        "UpdateServerGroupServersAttribute": 1,
        "RemoveServersFromServerGroup": 1,
    }


@pytest.mark.parametrize("moments", range(1, 9))
def test_a_killed_sink_puts_back_what_it_began_to_put_back(balancers: Balancers, moments: int) -> None:
    """Once it was decided, nothing is taken away again."""
    instance_id = balancers.spot()
    balancers.scaling_group(instance_id)
    groups = [
        balancers.vserver((instance_id, 80, 100), (instance_id, 81, 40)),
        balancers.vserver((instance_id, 80, 70)),
    ]
    weights = balancers.serving(groups, instance_id)
    before = edits(balancers.cloud)

    outcome, deaths = killed_again_and_again(
        balancers,
        interruption(instance_id),
        lambda run: balancers.cloud.withdraw(instance_id),
        moments,
    )

    assert (outcome.status, outcome.reason.split(":")[0]) == ("done", "the interruption was withdrawn")
    assert deaths > 0
    assert balancers.serving(groups, instance_id) == weights
    assert balancers.lifecycle_state(instance_id) == "InService"
    made = made_since(before, balancers.cloud)
    assert made["RemoveVServerGroupBackendServers"] == 2
    assert made["AddVServerGroupBackendServers"] == 2


@pytest.mark.parametrize("moments", range(1, 6))
def test_a_killed_sink_gives_weights_back(balancers: Balancers, moments: int) -> None:
    """It knows from the plan what they were, and does not lower them again."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100), (instance_id, 81, 40))
    before = edits(balancers.cloud)

    outcome, deaths = killed_again_and_again(
        balancers,
        maintenance(instance_id),
        lambda run: run.hear(maintenance(instance_id, status="Executed")),
        moments,
        maintenance=True,
    )

    assert outcome.reason.startswith("it is over")
    assert deaths > 0
    assert balancers.weights(group, instance_id) == {80: 100, 81: 40}
    assert made_since(before, balancers.cloud) == {"SetVServerGroupAttribute": 3}


def test_a_sink_that_was_away_past_the_notice_looks_before_it_acts(balancers: Balancers) -> None:
    """An instance that still serves then was not reclaimed: it is not taken out any more."""
    instance_id = balancers.cloud.place()
    group = balancers.vserver((instance_id, 80, 100))
    action, event = removal(), interruption(instance_id)
    before = edits(balancers.cloud)

    plan = plan_of(balancers, action, event)

    async def work() -> Outcome:
        run = watched(action, event)
        run.deadline_ms = run.now_ms() - 600_000
        async with balancers.cloud.connected() as vendor:
            return await action.carry_out(plan, vendor.door(run))

    assert asyncio.run(work()).reason.startswith("the interruption was withdrawn")
    assert balancers.weights(group, instance_id) == {80: 100}
    assert made_since(before, balancers.cloud) == {}
