"""A client can watch the connections of a drained backend fall."""

from __future__ import annotations

import json

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, acs_client
from tests.local.slb.conftest import servers


@pytest.fixture
def instance_id(cloud: RunningCloud) -> str:
    return Stage(cloud.url).instance()


@pytest.fixture
def group_id(cloud: RunningCloud, instance_id: str) -> str:
    """A group that the instance serves in with full weight."""
    slb = Api(cloud.url, "slb", acs_client())
    balancer_id = slb("CreateLoadBalancer")["LoadBalancerId"]
    pair = servers((instance_id, 80))
    found: str = slb("CreateVServerGroup", LoadBalancerId=balancer_id, BackendServers=pair)["VServerGroupId"]
    return found


def connections(cloud: RunningCloud, instance_id: str) -> int:
    cms = Api(cloud.url, "cms", acs_client())
    dimensions = json.dumps([{"instanceId": instance_id}])
    metric = {"Namespace": "acs_ecs_dashboard", "MetricName": "net_tcpconnection"}
    (point,) = json.loads(cms("DescribeMetricLast", metric, Dimensions=dimensions)["Datapoints"])
    count: int = point["Average"]
    return count


def test_connections_fall_after_weight_0(cloud: RunningCloud, instance_id: str, group_id: str) -> None:
    """Not at once, and in the end to none."""
    slb, drained = Api(cloud.url, "slb", acs_client()), servers((instance_id, 80), Weight=0)
    counts = [connections(cloud, instance_id)]
    slb("SetVServerGroupAttribute", VServerGroupId=group_id, BackendServers=drained)
    for seconds in (0, 20, 100):
        cloud.clock.forward(seconds)
        counts.append(connections(cloud, instance_id))
    assert [counts[0], counts[1] > 90, 30 < counts[2] < 40, counts[3]] == [100, True, True, 0]


def test_a_removed_backend_has_no_connections(cloud: RunningCloud, instance_id: str, group_id: str) -> None:
    """They are cut with it."""
    slb, pair = Api(cloud.url, "slb", acs_client()), servers((instance_id, 80))
    slb("RemoveVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=pair)
    assert connections(cloud, instance_id) == 0


def test_an_unknown_metric_fails_with_status_200(cloud: RunningCloud) -> None:
    """`Success` has to be looked at."""
    cms = Api(cloud.url, "cms", acs_client())
    answer = cms("DescribeMetricLast", Namespace="acs_ecs_dashboard", MetricName="cpu_total")
    assert (answer["Success"], answer["Code"]) == (False, "404")
