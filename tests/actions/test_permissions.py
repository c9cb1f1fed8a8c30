"""The actions under a RAM policy of what they declare, and of that without one.

The embedded cloud has an owner, who sets the scene, and a key for each policy that a test needs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from actions.restart import Restart
from actions.slb_removal import SlbRemoval
from sink.cloud import PERMISSIONS, AlibabaCloud
from sink.credentials import StaticKeys
from sink.local.accounts import DEFAULT_ACCOUNT_ID
from sink.local.embedded import attach
from sink.local.products import PRODUCTS
from sink.testing import Carried, EmbeddedCloud, carry, interruption
from sink.testing.cloud import REGION_ID
from tests.actions.balancers import SPEED, Balancers, ended, removal, watched
from tests.actions.restarting import restart
from tests.cloud.world import everything_at
from tests.faults import requests

DECLARED = (*Restart.permissions, *SlbRemoval.permissions, *PERMISSIONS)
TAKEN_AWAY = (
    "ecs:StartInstance",
    "actiontrail:LookupEvents",
    "slb:SetVServerGroupAttribute",
    "alb:RemoveServersFromServerGroup",
    "nlb:ListServerGroups",
    "ess:EnterStandby",
    "cms:QueryMetricLast",
)
"""One of each product."""


@dataclass(frozen=True)
class Limited(EmbeddedCloud):
    """The cloud as it is for one of its keys."""

    key_id: str

    def connected(self, **options: Any) -> AlibabaCloud:
        keys = StaticKeys(self.key_id, "secret")
        options = {"pace": self.speed, "keep_warm": False, **options}
        return AlibabaCloud(everything_at(self.url), keys, REGION_ID, **options)


@pytest.fixture(scope="module")
def balancers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Balancers]:
    """A cloud with a key for what is declared, `sink`, and one for each of those taken away."""
    folder = tmp_path_factory.mktemp("cloud")
    options = ["--fleet-speed", str(SPEED), "--account", f"{DEFAULT_ACCOUNT_ID}:local:local-secret"]
    for key_id, missing in {"sink": "", **{_without(one): one for one in TAKEN_AWAY}}.items():
        policy = _policy(folder / f"{key_id}.json", missing)
        options += ["--account", f"{DEFAULT_ACCOUNT_ID}:{key_id}:secret", "--policy", f"{key_id}={policy}"]
    with attach(folder / "data", options) as attached:
        yield Balancers(EmbeddedCloud(attached.url, SPEED))


def _without(permission: str) -> str:
    return f"without-{permission.replace(':', '-')}"


def _policy(path: Path, missing: str) -> Path:
    allowed = [one for one in DECLARED if one != missing]
    statement = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    path.write_text(json.dumps({"Version": "1", "Statement": [statement]}))
    return path


def as_key(one: Balancers, key_id: str) -> Limited:
    return Limited(one.cloud.url, SPEED, key_id)


def crashed(one: Balancers) -> str:
    instance_id = one.cloud.place()
    one.cloud.crash(instance_id)
    return instance_id


def serving(one: Balancers) -> str:
    """An instance with a notice that serves everywhere, and is in a scaling group; its id."""
    instance_id = one.spot()
    one.scaling_group(instance_id)
    one.everywhere(instance_id)
    return instance_id


def removed(cloud: Limited, owner: EmbeddedCloud, instance_id: str, *, is_withdrawn: bool = False) -> Carried:
    """What came of an interruption that ended so."""
    action, event = removal(drain_seconds=10.0), interruption(instance_id)
    happenings = [lambda: None, partial(owner.withdraw, instance_id)]
    run = watched(action, event, *(happenings if is_withdrawn else [partial(owner.crash, instance_id)]))
    return asyncio.run(carry(action, event, cloud, run=run))


def told(carried: Carried) -> str:
    """Everything that a run has told."""
    reasons = [carried.outcome and carried.outcome.reason, carried.skip and carried.skip.reason]
    return json.dumps([*[one.result for one in carried.steps], *reasons], default=str)


def test_what_is_declared_is_enough_and_all_of_it_is_needed(balancers: Balancers) -> None:
    """Every call of the actions is declared by its name in RAM, and nothing else is."""
    cloud = as_key(balancers, "sink")
    crashes, reclaimed, withdrawn = crashed(balancers), serving(balancers), serving(balancers)
    balancers.pair(reclaimed)
    before = len(requests(cloud.url))

    outcomes = [
        ended(restart(cloud, crashes)),
        ended(removed(cloud, balancers.cloud, reclaimed)),
        ended(removed(cloud, balancers.cloud, withdrawn, is_withdrawn=True)),
    ]
    asyncio.run(_refresh(cloud))

    assert [one.status for one in outcomes] == ["done"] * 3, outcomes
    assert outcomes[2].reason.startswith("the interruption was withdrawn")
    names = {product.name: product for product in PRODUCTS}
    asked = {(one["service"], one["operation"]) for one in requests(cloud.url)[before:]}
    used = {names[service].ram_action(operation) for service, operation in asked if service in names}
    assert used == set(DECLARED)


async def _refresh(cloud: Limited) -> None:
    """Read everything, as the background does."""
    async with cloud.connected() as vendor:
        await vendor.refresh()


@pytest.mark.parametrize("permission", TAKEN_AWAY)
def test_what_is_taken_away_is_denied_by_name(balancers: Balancers, permission: str) -> None:
    """The record says which permission is missing, whether the action could do without or not."""
    cloud = as_key(balancers, _without(permission))
    if permission in Restart.permissions:
        carried = restart(cloud, crashed(balancers))
        assert ended(carried).status == "failed"
    else:
        carried = removed(cloud, balancers.cloud, serving(balancers))

    assert f"This needs {permission} on " in told(carried)
    assert {one for one in DECLARED if f"needs {one} on" in told(carried)} == {permission}
