"""A living fleet serves behind balancers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from typing import Any

from sink.local.alb.server_groups import ServerGroup
from sink.local.ess.scaling_groups import ScalingGroup
from sink.local.fleet.fleet import Fleet
from sink.local.fleet.scene import Scene
from sink.local.slb.balancers import LoadBalancer, VServerGroup

START = 1_700_000_000.0
HOUR = 3600.0


def after(data: Path, hours: float, size: int = 40) -> tuple[set[str], dict[str, set[str]]]:
    """The instances that exist after so long, and those in each kind of group."""

    async def publish(body: bytes) -> None:
        pass

    async def live() -> tuple[set[str], dict[str, set[str]]]:
        fleet = Fleet(data, size=size, clock=lambda: START, random=Random(1), publish=publish)
        async with fleet:
            await fleet.advance(START + hours * HOUR)
            return set(fleet.instances), fleet.order(_placed)

    return asyncio.run(live())


def _placed(scene: Scene) -> dict[str, set[str]]:
    def ids(groups: list[Any], name: str, field: str) -> set[str]:
        return {getattr(one, field) for group in groups for one in getattr(group, name)}

    return {
        "default": ids(scene.state.shelf(LoadBalancer).all(), "backends", "server_id"),
        "vserver": ids(scene.state.shelf(VServerGroup).all(), "backends", "server_id"),
        "server group": ids(scene.state.shelf(ServerGroup).all(), "servers", "server_id"),
        "scaling group": ids(scene.state.shelf(ScalingGroup).all(), "members", "instance_id"),
    }


def test_new_instances_join_groups_of_every_kind(tmp_path: Path) -> None:
    """CLB's default and VServer groups, a server group, a scaling group."""
    _, placed = after(tmp_path, hours=0.2)
    assert [kind for kind, ids in placed.items() if not ids] == []


def test_released_instances_leave_in_the_end(tmp_path: Path) -> None:
    """Among those in groups are only such as exist, or went within the last minute."""
    existing, placed = after(tmp_path, hours=12)
    gone = set().union(*placed.values()) - existing
    assert len(gone) <= 2


def test_a_fleet_that_waits_for_orders_has_no_groups(tmp_path: Path) -> None:
    """They belong to the life by chance."""
    _, placed = after(tmp_path, hours=1, size=0)
    assert set().union(*placed.values()) == set()


def test_a_fleet_is_founded_once(tmp_path: Path) -> None:
    """A second start finds the groups of the first."""

    async def publish(body: bytes) -> None:
        pass

    async def count() -> int:
        async with Fleet(tmp_path, size=1, clock=lambda: START, random=Random(1), publish=publish) as fleet:
            return len(fleet.order(lambda scene: scene.state.shelf(LoadBalancer).all()))

    assert asyncio.run(count()) == asyncio.run(count())
