"""Orders meet what the fleet does by itself: the owner who comes back, a crash, a release."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sink.local.ecs import orders
from sink.local.fleet import lifecycle
from sink.local.fleet.fleet import Fleet
from sink.local.fleet.instances import Instance
from sink.local.fleet.rates import LIVELY
from sink.local.fleet.scene import Scene
from sink.local.fleet.staging import place
from sink.local.pop.errors import PopError

START = 1_700_000_000.0
LONG = 2 * LIVELY.stopped_seconds
"""By then every owner who wanted to has come back."""
Order = Callable[[Scene, Instance], Any]


def told(data: Path, seed: int, *moments: tuple[float, Order]) -> list[tuple[str, float]]:
    """The states that one running instance goes through, and when in seconds, if that is ordered then."""
    now, events = START, []

    async def publish(body: bytes) -> None:
        events.append(json.loads(base64.b64decode(body)))

    async def run() -> None:
        nonlocal now
        async with Fleet(data, size=0, clock=lambda: now, random=Random(seed), publish=publish) as fleet:
            instance_id = fleet.order(lambda scene: place(scene, {})).instance_id
            for seconds, order in moments:
                now = START + seconds
                await fleet.advance(now)
                fleet.order(partial(_ordered, order, instance_id))
            now += LONG
            await fleet.advance(now)

    asyncio.run(run())
    return [
        (event["content"]["state"], _at(event) - START) for event in events if "state" in event["content"]
    ]


def _ordered(order: Order, instance_id: str, scene: Scene) -> None:
    order(scene, orders.find(scene, instance_id))


def _at(event: dict[str, Any]) -> float:
    return datetime.strptime(event["eventTime"], "%Y%m%dT%H%M%S.%f%z").timestamp()


def stop(scene: Scene, instance: Instance) -> None:
    orders.stop(scene, instance, "KeepCharging", force=False)


@pytest.mark.parametrize("seed", range(5))
def test_a_crashed_guest_that_is_started_is_nobodys_to_come_back_to(tmp_path: Path, seed: int) -> None:
    """Its owner finds it running; what is stopped later is not started or released for the old crash."""
    states = told(tmp_path, seed, (0, lifecycle.guest_shutdown), (10, orders.start), (300, stop))

    assert [state for state, _ in states] == ["Stopped", "Starting", "Running", "Stopping", "Stopped"]


@pytest.mark.parametrize("seed", range(5))
def test_a_crashed_guest_that_nobody_starts_is_come_back_to(tmp_path: Path, seed: int) -> None:
    """Started or released in the end, as before."""
    states = [state for state, _ in told(tmp_path, seed, (0, lifecycle.guest_shutdown))]

    assert states in (["Stopped", "Starting", "Running"], ["Stopped", "Deleted"])


@pytest.mark.parametrize("seed", range(5))
def test_an_order_and_an_owner_who_is_just_starting_it_start_it_once(tmp_path: Path, seed: int) -> None:
    """The order was first, and the owner's start meets an instance that boots."""
    moments = ((0, lifecycle.guest_shutdown), (5, lifecycle.start), (6, orders.start))
    states = told(tmp_path, seed, *moments)

    assert [state for state, _ in states] == ["Stopped", "Starting", "Running"]
    assert states[1][1] == 6


@pytest.mark.parametrize("seed", range(5))
def test_an_owner_who_was_first_is_not_collided_with(tmp_path: Path, seed: int) -> None:
    """Whoever orders a start after that is refused, as ECS does, and it boots once."""

    def start_again(scene: Scene, instance: Instance) -> None:
        with pytest.raises(PopError, match="does not support"):
            orders.start(scene, instance)

    moments = ((0, lifecycle.guest_shutdown), (5, lifecycle.start), (20, start_again))
    assert [state for state, _ in told(tmp_path, seed, *moments)] == ["Stopped", "Starting", "Running"]
