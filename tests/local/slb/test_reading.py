"""What balancers tell of themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, refused
from tests.local.slb.conftest import servers


def balancers(slb: Api, **filters: Any) -> list[str]:
    found = slb("DescribeLoadBalancers", **filters)["LoadBalancers"]["LoadBalancer"]
    return [one["LoadBalancerId"] for one in found]


def default_group(slb: Api, balancer_id: str) -> dict[str, int]:
    found = slb("DescribeLoadBalancerAttribute", LoadBalancerId=balancer_id)["BackendServers"]
    return {one["ServerId"]: one["Weight"] for one in found["BackendServer"]}


def test_balancers_are_found_by_name(slb: Api, balancer: str) -> None:
    """And not by another's."""
    assert [balancers(slb, LoadBalancerName=name) for name in ("web", "api")] == [[balancer], []]


def test_balancers_are_found_by_a_server_of_their_default_group(
    slb: Api, stage: Stage, balancer: str
) -> None:
    """A server in a VServer group alone is not seen."""
    first, second = stage.instance(), stage.instance()
    slb("CreateVServerGroup", LoadBalancerId=balancer, BackendServers=servers((second, 80)))
    slb("AddBackendServers", LoadBalancerId=balancer, BackendServers=json.dumps([{"ServerId": first}]))
    assert [balancers(slb, ServerId=one) for one in (first, second)] == [[balancer], []]


def test_balancers_of_another_region_are_not_shown(slb: Api, balancer: str) -> None:
    """RegionId limits every listing."""
    assert balancers(slb, RegionId="cn-beijing") == []


def test_pages_hold_what_was_asked_for(slb: Api) -> None:
    """PageNumber and PageSize, and the whole number."""
    made = [slb("CreateLoadBalancer")["LoadBalancerId"] for _ in range(3)]
    page = slb("DescribeLoadBalancers", PageNumber=2, PageSize=2)
    shown = [one["LoadBalancerId"] for one in page["LoadBalancers"]["LoadBalancer"]]
    assert (shown, page["TotalCount"]) == (made[2:], 3)


def test_a_balancer_that_is_not_there_is_not_found(slb: Api) -> None:
    """404 InvalidLoadBalancerId.NotFound."""
    with refused("InvalidLoadBalancerId.NotFound", 404):
        slb("DescribeLoadBalancerAttribute", LoadBalancerId="lb-none")


def test_weights_of_a_default_group_are_set_and_servers_removed(
    cloud: RunningCloud, slb: Api, stage: Stage, balancer: str
) -> None:
    """By server id alone; one that is not there is passed over."""
    first, second = stage.instance(), stage.instance()
    both = json.dumps([{"ServerId": first}, {"ServerId": second, "Weight": "30"}])
    slb("AddBackendServers", LoadBalancerId=balancer, BackendServers=both)
    cloud.clock.forward(2)
    drained = json.dumps([{"ServerId": first, "Weight": 0}, {"ServerId": "i-other", "Weight": 0}])
    slb("SetBackendServers", LoadBalancerId=balancer, BackendServers=drained)
    weights = default_group(slb, balancer)
    cloud.clock.forward(2)
    slb("RemoveBackendServers", LoadBalancerId=balancer, BackendServers=json.dumps([first, "i-other"]))
    assert (weights, default_group(slb, balancer)) == ({first: 0, second: 30}, {second: 30})


def test_health_follows_the_instance(slb: Api, stage: Stage, balancer: str) -> None:
    """`abnormal` for one that has stopped, behind every listener of the group."""
    instances = [stage.instance(), stage.instance()]
    pairs = servers(*((one, 80) for one in instances))
    group_id = slb("CreateVServerGroup", LoadBalancerId=balancer, BackendServers=pairs)["VServerGroupId"]
    slb("CreateLoadBalancerTCPListener", LoadBalancerId=balancer, ListenerPort=443, VServerGroupId=group_id)
    stage("POST", f"instances/{instances[0]}/crash")
    found = slb("DescribeHealthStatus", LoadBalancerId=balancer)["BackendServers"]["BackendServer"]
    health = [(one["ServerId"], one["ListenerPort"], one["ServerHealthStatus"]) for one in found]
    assert health == [(instances[0], 443, "abnormal"), (instances[1], 443, "normal")]


def test_a_master_slave_group_shows_who_is_which(slb: Api, stage: Stage, balancer: str) -> None:
    """One of each."""
    instances = [stage.instance(), stage.instance()]
    pair = [
        {"ServerId": one, "Port": 80, "ServerType": role}
        for one, role in zip(instances, ("Master", "Slave"), strict=True)
    ]
    made = slb(
        "CreateMasterSlaveServerGroup", LoadBalancerId=balancer, MasterSlaveBackendServers=json.dumps(pair)
    )
    group_id = made["MasterSlaveServerGroupId"]
    shown = slb("DescribeMasterSlaveServerGroupAttribute", MasterSlaveServerGroupId=group_id)
    found = shown["MasterSlaveBackendServers"]["MasterSlaveBackendServer"]
    assert [(one["ServerId"], one["ServerType"]) for one in found] == [
        (instances[0], "Master"),
        (instances[1], "Slave"),
    ]


def test_master_slave_groups_are_listed_by_balancer(slb: Api, balancer: str) -> None:
    """None where there is none."""
    listed = slb("DescribeMasterSlaveServerGroups", LoadBalancerId=balancer)
    assert listed["MasterSlaveServerGroups"]["MasterSlaveServerGroup"] == []


@pytest.mark.parametrize("action", ["CreateLoadBalancerHTTPSListener", "SetLoadBalancerStatus"])
def test_what_is_not_emulated_is_refused(slb: Api, action: str) -> None:
    """404 InvalidAction.NotFound."""
    with refused("InvalidAction.NotFound", 404):
        slb(action)
