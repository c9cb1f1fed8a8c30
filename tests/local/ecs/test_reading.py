"""What DescribeInstances and its neighbours find and show."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, refused


def found(ecs: Api, parameters: dict[str, Any] | None = None, **more: Any) -> list[str]:
    instances = ecs("DescribeInstances", parameters, **more)["Instances"]["Instance"]
    return [one["InstanceId"] for one in instances]


def test_instances_are_found_by_id(ecs: Api, stage: Stage) -> None:
    """A JSON array in a string; unknown ids are simply absent."""
    first, _ = stage.instance(), stage.instance()
    assert found(ecs, InstanceIds=json.dumps([first, "i-unknown"])) == [first]


def test_a_hundred_and_one_ids_are_too_many(ecs: Api) -> None:
    """400."""
    with refused("InvalidParameter", 400):
        ecs("DescribeInstances", InstanceIds=json.dumps([f"i-{number}" for number in range(101)]))


def test_ids_that_are_no_json_are_refused(ecs: Api) -> None:
    """400, where a list of parameters would be natural."""
    with refused("InvalidParameter", 400):
        ecs("DescribeInstances", InstanceIds="i-1")


FILTERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"state": "Stopped"}, {"Status": "Stopped"}),
    ({"state": "Created"}, {"Status": "Pending"}),
    ({"zone_id": "cn-hangzhou-x"}, {"ZoneId": "cn-hangzhou-x"}),
    ({"instance_type": "ecs.x1.large"}, {"InstanceType": "ecs.x1.large"}),
    ({"instance_type": "ecs.x1.large"}, {"InstanceTypeFamily": "ecs.x1"}),
    ({"instance_name": "web-7"}, {"InstanceName": "web-*"}),
    ({"operation_locks": ["Recycling"]}, {"LockReason": "recycling"}),
    ({"tags": {"a": "1"}}, {"Tag.1.Key": "a", "Tag.1.Value": "1"}),
    ({"tags": {"a": "1"}}, {"Tag.1.Key": "a"}),
    ({"vpc_id": "vpc-x"}, {"VpcId": "vpc-x"}),
    ({"security_group_ids": ["sg-x"]}, {"SecurityGroupId": "sg-x"}),
    ({"private_ip_address": "10.0.0.9"}, {"PrivateIpAddresses": '["10.0.0.9"]'}),
    ({"instance_charge_type": "PrePaid"}, {"InstanceChargeType": "PrePaid"}),
]


@pytest.mark.parametrize(("fields", "filters"), FILTERS)
def test_filters_find_what_fits_only(
    ecs: Api, stage: Stage, fields: dict[str, Any], filters: dict[str, Any]
) -> None:
    """One instance that fits, one that does not."""
    wanted = stage.instance(**fields)
    stage.instance(
        instance_type="ecs.g7.large",
        instance_name="other",
        tags={"a": "2"} if "Tag.1.Value" in filters else {},
    )
    assert found(ecs, filters) == [wanted]


def test_a_filter_that_is_not_emulated_is_refused(ecs: Api) -> None:
    """An answer that ignored it would be wrong."""
    with refused("UnsupportedOperation", 400):
        ecs("DescribeInstances", EipAddresses='["1.2.3.4"]')


def test_another_region_is_empty(ecs: Api, stage: Stage) -> None:
    """And one that does not exist is refused."""
    stage.instance()
    assert found(ecs, RegionId="cn-beijing") == []
    with refused("InvalidRegionId.NotFound", 404):
        ecs("DescribeInstances", RegionId="cn-atlantis")


def test_pages_by_number_hold_everything_once(ecs: Api, stage: Stage) -> None:
    """PageNumber and PageSize."""
    made = {stage.instance() for _ in range(5)}
    pages = [found(ecs, PageNumber=number, PageSize=2) for number in (1, 2, 3, 4)]
    assert ([len(one) for one in pages], made) == ([2, 2, 1, 0], {one for page in pages for one in page})


def test_pages_by_token_hold_everything_once_though_instances_go(ecs: Api, stage: Stage) -> None:
    """An instance that is released between two pages shifts none of the others."""
    made = [stage.instance() for _ in range(5)]
    first = ecs("DescribeInstances", MaxResults=2)
    shown = [one["InstanceId"] for one in first["Instances"]["Instance"]]
    stage("PATCH", f"instances/{shown[0]}", state="Deleted")
    rest = ecs("DescribeInstances", MaxResults=10, NextToken=first["NextToken"])
    shown += [one["InstanceId"] for one in rest["Instances"]["Instance"]]
    assert (sorted(made), "") == (sorted(shown), rest["NextToken"])


def test_a_token_that_is_none_is_refused(ecs: Api) -> None:
    """400 InvalidNextToken."""
    with refused("InvalidNextToken", 400):
        ecs("DescribeInstances", NextToken="???")


def test_an_instance_shows_what_a_sink_asks_for(ecs: Api, stage: Stage) -> None:
    """Locks, tags and the terms of spot."""
    fields = {
        "tags": {"env": "prod"},
        "operation_locks": ["Recycling"],
        "spot_strategy": "SpotWithPriceLimit",
        "spot_price_limit": 0.123,
        "auto_release_time": 1_800_000_000.0,
    }
    instance_id = stage.instance(**fields)
    shown = ecs("DescribeInstances", InstanceIds=json.dumps([instance_id]))["Instances"]["Instance"][0]
    told = [shown[name] for name in ("Tags", "OperationLocks", "SpotStrategy", "SpotPriceLimit")]
    assert told == [
        {"Tag": [{"TagKey": "env", "TagValue": "prod"}]},
        {"LockReason": [{"LockReason": "Recycling"}]},
        "SpotWithPriceLimit",
        0.123,
    ]
    assert (shown["AutoReleaseTime"], shown["ExpiredTime"]) == ("2027-01-15T08:00:00Z", "2099-12-31T15:59Z")


def test_the_start_time_is_that_of_the_last_start(cloud: RunningCloud, ecs: Api, stage: Stage) -> None:
    """To the minute; the creation time stays. One that was never started shows its creation."""

    def times(instance_id: str) -> tuple[str, str]:
        (shown,) = ecs("DescribeInstances", InstanceIds=json.dumps([instance_id]))["Instances"]["Instance"]
        return shown["CreationTime"], shown["StartTime"]

    instance_id = stage.instance(state="Stopped", creation_time=1_700_000_000.0)
    assert times(instance_id) == ("2023-11-14T22:13Z", "2023-11-14T22:13Z")

    before = cloud.clock() // 60 * 60
    ecs("StartInstance", InstanceId=instance_id)
    created, started = times(instance_id)
    assert created == "2023-11-14T22:13Z"
    assert 0 <= datetime.strptime(f"{started}+0000", "%Y-%m-%dT%H:%MZ%z").timestamp() - before <= 60


def test_the_history_tells_what_the_platform_did(cloud: RunningCloud, ecs: Api, stage: Stage) -> None:
    """Nothing while it is executing, unless that is asked for."""
    instance_id = stage.instance(recovery="Stop")
    stage("POST", f"instances/{instance_id}/fail_host")

    def events(**more: Any) -> list[tuple[str, str]]:
        answer = ecs("DescribeInstanceHistoryEvents", InstanceId=instance_id, **more)
        listed = answer["InstanceSystemEventSet"]["InstanceSystemEventType"]
        return [(one["EventType"]["Name"], one["EventCycleStatus"]["Name"]) for one in listed]

    finished, executing = events(), events(InstanceEventCycleStatus="Executing")
    cloud.clock.forward(120)
    assert (finished, executing) == ([], [("SystemFailure.Stop", "Executing")])
    assert events()[0][1] in ("Executed", "Failed")


def test_the_price_of_spot_is_the_markets(ecs: Api, stage: Stage) -> None:
    """What `PUT /_local/market` says."""
    stage("PUT", "market", spot_prices={"ecs.g7.large": 0.3})
    asked = {"InstanceType": "ecs.g7.large", "NetworkType": "vpc"}
    prices = ecs("DescribeSpotPriceHistory", asked)["SpotPrices"]["SpotPriceType"]
    assert [one["SpotPrice"] for one in prices] == [0.3]


def test_zones_are_those_of_the_region(ecs: Api) -> None:
    """Named after it."""
    zones = ecs("DescribeZones", RegionId="cn-beijing")["Zones"]["Zone"]
    assert {one["ZoneId"].rpartition("-")[0] for one in zones} == {"cn-beijing"}
