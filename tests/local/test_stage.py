"""A test can set the scene where no API of the vendor could."""

from __future__ import annotations

import json
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.local.conftest import STRANGER, RunningCloud
from tests.local.pop_client import Api, Stage, acs_client


@pytest.fixture
def stage(cloud: RunningCloud) -> Stage:
    return Stage(cloud.url)


@pytest.fixture
def ecs(cloud: RunningCloud) -> Api:
    return Api(cloud.url, "ecs", acs_client())


def shown(ecs: Api, instance_id: str) -> dict[str, Any] | None:
    found = ecs("DescribeInstances", InstanceIds=json.dumps([instance_id]))["Instances"]["Instance"]
    return found[0] if found else None


def test_an_instance_is_put_there_as_wished(ecs: Api, stage: Stage) -> None:
    """Running, on demand and without locks unless the wishes say otherwise."""
    instance = shown(ecs, stage.instance(instance_name="mine"))
    assert instance
    told = [instance[name] for name in ("InstanceName", "Status", "SpotStrategy", "OperationLocks")]
    assert told == ["mine", "Running", "NoSpot", {"LockReason": []}]


@pytest.mark.parametrize("wishes", [{"colour": "blue"}, {"state": "Dancing"}, {"tags": 7}])
def test_an_impossible_wish_is_refused(stage: Stage, wishes: dict[str, Any]) -> None:
    """400 with a text."""
    with pytest.raises(HTTPError) as refused:
        stage("POST", "instances", **wishes)
    with refused.value as answer:
        assert (answer.code, "error" in json.load(answer)) == (400, True)


@pytest.mark.parametrize("page", ["instances/i-none/crash", "instances/i-none/dance", "market"])
def test_what_is_not_there_is_not_found(stage: Stage, page: str) -> None:
    """404, for instances and pages alike."""
    with pytest.raises(HTTPError) as refused:
        stage("POST", page)
    with refused.value as answer:
        assert answer.code == 404


def test_an_interrupted_instance_is_locked_and_gone_when_the_notice_ends(
    cloud: RunningCloud, ecs: Api, stage: Stage
) -> None:
    """Five minutes after."""
    instance_id = stage.instance(spot_strategy="SpotAsPriceGo")
    stage("POST", f"instances/{instance_id}/interrupt")
    locked = shown(ecs, instance_id)
    cloud.clock.forward(301)
    assert locked
    assert locked["OperationLocks"] == {"LockReason": [{"LockReason": "Recycling"}]}
    assert shown(ecs, instance_id) is None


def test_a_withdrawn_notice_takes_nothing(cloud: RunningCloud, ecs: Api, stage: Stage) -> None:
    """No lock, no reclaim."""
    instance_id = stage.instance(spot_strategy="SpotAsPriceGo")
    stage("POST", f"instances/{instance_id}/interrupt")
    stage("POST", f"instances/{instance_id}/withdraw")
    cloud.clock.forward(301)
    instance = shown(ecs, instance_id)
    assert instance
    assert (instance["Status"], instance["OperationLocks"]) == ("Running", {"LockReason": []})


def test_another_account_has_its_own_stage(cloud: RunningCloud, stage: Stage) -> None:
    """`?account=`."""
    stage("POST", f"instances?account={STRANGER.account_id}")
    counts = [
        client("DescribeInstances")["TotalCount"]
        for client in (Api(cloud.url, "ecs", acs_client()), Api(cloud.url, "ecs", acs_client(STRANGER)))
    ]
    assert counts == [0, 1]
