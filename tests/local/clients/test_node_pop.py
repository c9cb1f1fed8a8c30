"""ECS and CLB as the vendor's Node clients meet them: pop-core, and openapi-core under every newer SDK."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.clients.conftest import Client, Driver, Refused
from tests.local.conftest import STS, RunningCloud
from tests.local.pop_client import VERSIONS, Stage

pytestmark = pytest.mark.xdist_group("clients")
REGION = {"RegionId": "cn-hangzhou"}
TOKEN = {
    "accessKeyId": STS.key_id,
    "accessKeySecret": STS.secret,
    "securityToken": STS.security_token or "",
}


def pop(node: Driver, endpoint: str, product: str = "ecs", **options: Any) -> Client:
    """@alicloud/pop-core, which signs by version 1."""
    keys = {"accessKeyId": "local", "accessKeySecret": "local-secret"}
    return Client(
        node, "@alicloud/pop-core", {"endpoint": endpoint, "apiVersion": VERSIONS[product], **keys, **options}
    )


def openapi(node: Driver, cloud: RunningCloud, **options: Any) -> Client:
    """@alicloud/openapi-core, which signs by ACS3-HMAC-SHA256."""
    keys = {"accessKeyId": "local", "accessKeySecret": "local-secret"}
    endpoint = cloud.url.removeprefix("http://")
    return Client(
        node, "@alicloud/openapi-core", {"endpoint": endpoint, "protocol": "http", **keys, **options}
    )


@pytest.fixture
def instance_id(cloud: RunningCloud) -> str:
    return Stage(cloud.url).instance(instance_name="空格 and + * ~ '\"")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pop_core_finds_an_instance(node: Driver, cloud: RunningCloud, instance_id: str, method: str) -> None:
    """By parameters in the query, and in a form."""
    wanted = {**REGION, "InstanceIds": json.dumps([instance_id]), "InstanceName": "空格 and + * ~ '\""}
    answer = pop(node, cloud.url)("request", "DescribeInstances", wanted, {"method": method})
    assert [one["InstanceId"] for one in answer["Instances"]["Instance"]] == [instance_id]


def test_pop_core_stops_an_instance(node: Driver, cloud: RunningCloud, instance_id: str) -> None:
    """And is told why not the second time."""
    ecs = pop(node, cloud.url)
    ecs("request", "StopInstance", {"InstanceId": instance_id}, {"method": "POST"})
    with pytest.raises(Refused) as refused:
        ecs("request", "StopInstance", {"InstanceId": instance_id}, {"method": "POST"})
    assert refused.value.details["code"] == "IncorrectInstanceStatus"


def test_pop_core_lists_parameters_as_repeated_names(
    node: Driver, cloud: RunningCloud, instance_id: str
) -> None:
    """An array becomes `InstanceId.1`, `InstanceId.2`."""
    wanted = {**REGION, "InstanceId": [instance_id, "i-other"]}
    answer = pop(node, cloud.url)("request", "DescribeInstanceStatus", wanted)
    assert answer["TotalCount"] == 1


def test_pop_core_comes_to_clb_too(node: Driver, cloud: RunningCloud) -> None:
    """The version says which product is meant."""
    slb = pop(node, cloud.url, "slb")
    made = slb("request", "CreateLoadBalancer", {**REGION, "LoadBalancerName": "中文"}, {"method": "POST"})
    shown = slb("request", "DescribeLoadBalancerAttribute", {"LoadBalancerId": made["LoadBalancerId"]})
    assert shown["LoadBalancerName"] == "中文"


def test_pop_core_with_a_token(node: Driver, cloud: RunningCloud) -> None:
    """STS credentials are let in."""
    assert pop(node, cloud.url, **TOKEN)("request", "DescribeRegions", {})["Regions"]["Region"]


def test_pop_core_with_a_wrong_secret(node: Driver, cloud: RunningCloud) -> None:
    """SignatureDoesNotMatch."""
    with pytest.raises(Refused) as refused:
        pop(node, cloud.url, accessKeySecret="wrong")("request", "DescribeRegions", {})
    assert refused.value.details["code"] == "SignatureDoesNotMatch"


def test_openapi_core_finds_an_instance(node: Driver, cloud: RunningCloud, instance_id: str) -> None:
    """By parameters in the query, which are signed with the host and the headers."""
    wanted = {**REGION, "InstanceIds": json.dumps([instance_id]), "InstanceName": "空格 and + * ~ '\""}
    answer = openapi(node, cloud)("call", "DescribeInstances", VERSIONS["ecs"], wanted, {})
    assert answer["statusCode"] == 200
    assert [one["InstanceId"] for one in answer["body"]["Instances"]["Instance"]] == [instance_id]


def test_openapi_core_sends_a_form(node: Driver, cloud: RunningCloud) -> None:
    """NLB's newer style: parameters in the body, whose hash is signed."""
    client = openapi(node, cloud)
    made = client("call", "CreateServerGroup", VERSIONS["nlb"], {}, {"ServerGroupName": "中 文"})
    listed = client("call", "ListServerGroups", VERSIONS["nlb"], {}, {"ServerGroupNames.1": "中 文"})
    groups = [one["ServerGroupId"] for one in listed["body"]["ServerGroups"]]
    assert groups == [made["body"]["ServerGroupId"]]


def test_openapi_core_with_a_token(node: Driver, cloud: RunningCloud) -> None:
    """STS credentials are let in; the token is signed."""
    answer = openapi(node, cloud, **TOKEN)("call", "DescribeRegions", VERSIONS["ecs"], {}, {})
    assert answer["statusCode"] == 200


def test_openapi_core_with_a_wrong_secret(node: Driver, cloud: RunningCloud) -> None:
    """SignatureDoesNotMatch."""
    with pytest.raises(Refused) as refused:
        openapi(node, cloud, accessKeySecret="wrong")("call", "DescribeRegions", VERSIONS["ecs"], {}, {})
    assert refused.value.details["code"] == "SignatureDoesNotMatch"
