"""ActionTrail tells a stop from a crash."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, acs_client, refused


@pytest.fixture
def ecs(cloud: RunningCloud) -> Api:
    return Api(cloud.url, "ecs", acs_client())


@pytest.fixture
def instance_id(cloud: RunningCloud) -> str:
    return Stage(cloud.url).instance()


def look_up(cloud: RunningCloud, key: str, value: str, **more: Any) -> list[dict[str, Any]]:
    trail = Api(cloud.url, "actiontrail", acs_client())
    attribute = {"LookupAttribute.1.Key": key, "LookupAttribute.1.Value": value}
    found: list[dict[str, Any]] = trail("LookupEvents", attribute, **more)["Events"]
    return found


def test_a_stop_by_api_is_on_record(cloud: RunningCloud, ecs: Api, instance_id: str) -> None:
    """Who, what and how."""
    ecs("StopInstance", InstanceId=instance_id)
    (event,) = look_up(cloud, "ResourceName", instance_id)
    told = (event["eventName"], event["eventType"], event["userIdentity"]["accessKeyId"])
    assert told == ("StopInstance", "ApiCall", "local")


def test_a_crash_is_not(cloud: RunningCloud, instance_id: str) -> None:
    """Nobody did it."""
    Stage(cloud.url)("POST", f"instances/{instance_id}/crash")
    assert look_up(cloud, "ResourceName", instance_id) == []


def test_what_was_refused_is_not(cloud: RunningCloud, ecs: Api, instance_id: str) -> None:
    """Only what was carried out."""
    with refused("IncorrectInstanceStatus", 403):
        ecs("StartInstance", InstanceId=instance_id)
    assert look_up(cloud, "EventName", "StartInstance") == []


def test_reading_is_not(cloud: RunningCloud, ecs: Api) -> None:
    """Only what changes something."""
    ecs("DescribeInstances")
    assert look_up(cloud, "ServiceName", "Ecs") == []


def test_events_are_found_within_their_time(cloud: RunningCloud, ecs: Api, instance_id: str) -> None:
    """A span that ended before holds nothing."""
    ecs("StopInstance", InstanceId=instance_id)
    span = {"StartTime": "2020-01-01T00:00:00Z", "EndTime": "2020-01-02T00:00:00Z"}
    assert look_up(cloud, "EventName", "StopInstance", **span) == []


def test_an_unknown_attribute_is_refused(cloud: RunningCloud) -> None:
    """400 InvalidParameter, once there is something to look at."""
    Api(cloud.url, "slb", acs_client())("CreateLoadBalancer")
    with refused("InvalidParameter", 400):
        look_up(cloud, "Colour", "blue")
