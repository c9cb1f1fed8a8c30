"""RunInstances launches what is asked for, once for a ClientToken."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, refused

MODEL = {"ImageId": "img", "InstanceType": "ecs.g7.large", "SecurityGroupId": "sg-1", "VSwitchId": "vsw-1"}


def launch(ecs: Api, **more: Any) -> list[str]:
    ids: list[str] = ecs("RunInstances", {**MODEL, **more})["InstanceIdSets"]["InstanceIdSet"]
    return ids


def test_instances_are_launched_and_run(cloud: RunningCloud, ecs: Api) -> None:
    """Pending at first, Running after their boot, with their tags."""
    ids = launch(ecs, Amount=2, **{"Tag.1.Key": "a", "Tag.1.Value": "b"})
    statuses = [one["Status"] for one in ecs("DescribeInstances")["Instances"]["Instance"]]
    cloud.clock.forward(60)
    instances = ecs("DescribeInstances", {"Tag.1.Key": "a", "Tag.1.Value": "b"})["Instances"]["Instance"]
    assert statuses == ["Pending", "Pending"]
    assert {one["InstanceId"]: one["Status"] for one in instances} == dict.fromkeys(ids, "Running")


def test_a_token_launches_once(ecs: Api) -> None:
    """The same parameters get the same answer."""
    answers = [launch(ecs, ClientToken="once") for _ in range(2)]
    assert (answers[0], ecs("DescribeInstances")["TotalCount"]) == (answers[1], 1)


def test_without_a_token_each_call_launches(ecs: Api) -> None:
    """Which is why a client that retries should send one."""
    launch(ecs)
    launch(ecs)
    assert ecs("DescribeInstances")["TotalCount"] == 2


def test_a_token_with_other_parameters_is_refused(ecs: Api) -> None:
    """400 IdempotentParameterMismatch."""
    launch(ecs, ClientToken="once")
    with refused("IdempotentParameterMismatch", 400):
        launch(ecs, ClientToken="once", Amount=2)


def test_a_token_that_was_refused_can_be_used_again(ecs: Api, stage: Stage) -> None:
    """Nothing has happened by it."""
    stage("PUT", "market", out_of_stock=["ecs.g7.large"])
    with refused("OperationDenied.NoStock", 403):
        launch(ecs, ClientToken="once")
    stage("PUT", "market", out_of_stock=[])
    assert len(launch(ecs, ClientToken="once")) == 1


@pytest.mark.parametrize("token", ["x" * 65, "中"])
def test_a_token_is_64_ascii_characters_at_most(ecs: Api, token: str) -> None:
    """400 InvalidClientToken."""
    with refused("InvalidClientToken", 400):
        launch(ecs, ClientToken=token)


def test_a_bid_below_the_market_is_refused(ecs: Api) -> None:
    """403 InvalidSpotPriceLimit.LowerThanPublicPrice; at the market it is taken."""
    spot = {"SpotStrategy": "SpotWithPriceLimit"}
    with refused("InvalidSpotPriceLimit.LowerThanPublicPrice", 403):
        launch(ecs, **spot, SpotPriceLimit=0.119)
    assert len(launch(ecs, **spot, SpotPriceLimit=0.12)) == 1


def test_the_quota_is_kept(ecs: Api, stage: Stage) -> None:
    """403 QuotaExceed.ElasticQuota for one more, and all or none."""
    stage("PUT", "market", instance_quota=1)
    with refused("QuotaExceed.ElasticQuota", 403):
        launch(ecs, Amount=2)
    assert len(launch(ecs)) == 1


def test_launch_templates_are_refused(ecs: Api) -> None:
    """404 InvalidLaunchTemplate.NotFound: there are none."""
    with refused("InvalidLaunchTemplate.NotFound", 404):
        launch(ecs, LaunchTemplateId="lt-1")


@pytest.mark.parametrize("name", list(MODEL))
def test_what_is_missing_is_named(ecs: Api, name: str) -> None:
    """400 MissingParameter."""
    with refused("MissingParameter", 400):
        launch(ecs, **{name: ""})
