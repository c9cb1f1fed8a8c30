"""DescribeMetricLast for `net_tcpconnection` of ECS: how a client watches a drained backend.

No API of the balancers tells the connections of one backend. The agent inside the instance reports its
established TCP connections to CloudMonitor, and here they are the sum over every group that it serves
in: proportional to the weight, and after weight 0 falling to a third in every `draining_seconds`. As
CloudMonitor does, refusals come with status 200 and `Success` false.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import exp
from types import MappingProxyType
from typing import Any

import orjson

from sink.local.alb.server_groups import Server, ServerGroup, settled
from sink.local.fleet.instances import State
from sink.local.fleet.scene import Scene
from sink.local.pop.call import Call, Document, Operation, Product
from sink.local.pop.errors import invalid_parameter
from sink.local.slb.balancers import Backend, LoadBalancer, VServerGroup

FULL_LOAD = 100
"""Open connections that a backend of weight 100 has from one group."""


def describe_metric_last(call: Call) -> Document:
    """DescribeMetricLast."""
    namespace, metric = call.required("Namespace"), call.required("MetricName")
    if (namespace, metric) != ("acs_ecs_dashboard", "net_tcpconnection"):
        text = f"{namespace} {metric} is not emulated: only acs_ecs_dashboard net_tcpconnection is."
        return {"Success": False, "Code": "404", "Message": text}
    points = [_point(call, one) for one in _instance_ids(call)]
    known = [one for one in points if one is not None]
    return {"Success": True, "Code": "200", "Period": "60", "Datapoints": orjson.dumps(known).decode()}


def connections(scene: Scene, instance_id: str) -> int:
    """The connections that an instance has open from all groups it serves in; none unless it runs."""
    instance = scene.find(instance_id)
    if instance is None or instance.state is not State.RUNNING:
        return 0
    places = _places(scene, instance_id)
    return round(sum(_load(scene, one) for one in places if one.server_id == instance_id))


def _places(scene: Scene, instance_id: str) -> Iterator[Backend | Server]:
    for balancer in scene.state.shelf(LoadBalancer).mentioning(instance_id):
        yield from balancer.backends
    for group in scene.state.shelf(VServerGroup).mentioning(instance_id):
        yield from group.backends
    for server_group in scene.state.shelf(ServerGroup).mentioning(instance_id):
        yield from settled(server_group, scene.now).servers


def _load(scene: Scene, place: Backend | Server) -> float:
    if place.drained_since is None:
        return FULL_LOAD * place.weight / 100
    return FULL_LOAD * exp((place.drained_since - scene.now) / scene.rates.draining_seconds)


def _instance_ids(call: Call) -> list[str]:
    try:
        dimensions = orjson.loads(call.text("Dimensions", "[]"))
    except orjson.JSONDecodeError as error:
        raise invalid_parameter("Dimensions", "it is no JSON") from error
    items = dimensions if isinstance(dimensions, list) else [dimensions]
    named = [item["instanceId"] for item in items if isinstance(item, dict) and "instanceId" in item]
    return named or list(call.scene.state.instances)


def _point(call: Call, instance_id: str) -> dict[str, Any] | None:
    if call.scene.find(instance_id) is None:
        return None
    count = connections(call.scene, instance_id)
    return {
        "timestamp": round(call.scene.now * 1000),
        "userId": call.key.account_id,
        "instanceId": instance_id,
        "state": "ESTABLISHED",
        "Average": count,
        "Maximum": count,
        "Minimum": count,
    }


CMS = Product(
    "cms",
    "2019-01-01",
    # RAM has the name of the API's version before this one ("RAM authorization" of CloudMonitor).
    MappingProxyType({"DescribeMetricLast": Operation(describe_metric_last, ram_name="QueryMetricLast")}),
)
