"""Kill -9 between any two steps of an action: it is resumed, or recognised as done, and never done twice.

The embedded cloud outlives the sink. At each order the sink is killed once before the order had its effect
and once after it, before the answer came. ActionTrail is the witness of how often an order was carried out,
the cloud's own state of what came of it, the logstore of what was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults import heal, inject, requests
from tests.local.conftest import CloudProcess
from tests.local.pop_client import Api, Stage, acs_client
from tests.processes import Sink, wait_until

SPEED = 6
CONFIG = f"""
[sink]
stop_seconds = 2
[mns]
long_poll_seconds = 1
[actions]
enabled = restart, slb_removal
refresh_seconds = 20
[action.restart]
actiontrail_delay_seconds = 0
stays_seconds = 5
[local]
enabled = yes
fleet = 0
fleet_speed = {SPEED}
"""
MANAGED = {"ecs-event-sink/managed": "true"}


@dataclass
class Place:
    """A sink, its cloud, and a group of three servers of which the first is what happens to."""

    sink: Sink
    cloud: CloudProcess
    stage: Stage
    group_id: str
    instance_id: str

    def api(self, product: str) -> Api:
        return Api(self.cloud.url, product, acs_client())

    def weights(self) -> list[int]:
        """The weights of the instance in the group: one for each port; none once it is removed."""
        found = self.api("slb")("DescribeVServerGroupAttribute", VServerGroupId=self.group_id)
        servers = found["BackendServers"]["BackendServer"]
        return [one["Weight"] for one in servers if one["ServerId"] == self.instance_id]

    def status(self) -> str:
        found = self.api("ecs")(
            "DescribeInstances", InstanceIds=json.dumps([self.instance_id]), RegionId="cn-hangzhou"
        )
        return str(found["Instances"]["Instance"][0]["Status"])

    def carried_out(self, name: str) -> int:
        """How often an order had its effect, after ActionTrail."""
        events = self.api("actiontrail")(
            "LookupEvents", {"LookupAttribute.1.Key": "EventName", "LookupAttribute.1.Value": name}
        )["Events"]
        wanted = (self.group_id, self.instance_id)
        return sum(any(one in json.dumps(event["requestParameters"]) for one in wanted) for event in events)

    def record(self) -> dict[str, Any]:
        """The one record of the one action; it takes the sink to its end."""
        rows = self.sink.rows("__topic__:action and (status:done or status:failed)")
        assert len({row["action_id"] for row in rows}) == 1, rows
        return rows[0]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    sink = Sink(tmp_path / "sink", CONFIG)
    cloud = CloudProcess(sink.folder / "data", "--fleet-speed", str(SPEED))
    assert sink.call("run", "--drain").returncode == 0
    stage = Stage(cloud.url)
    ids = [stage.instance(tags=MANAGED, spot_strategy="SpotAsPriceGo") for _ in range(3)]
    slb = Api(cloud.url, "slb", acs_client())
    balancer = slb("CreateLoadBalancer", LoadBalancerName="web")["LoadBalancerId"]
    servers = json.dumps(
        [{"ServerId": one, "Port": port, "Weight": 100} for one in ids for port in (80, 8080)]
    )
    group_id = slb(
        "CreateVServerGroup", LoadBalancerId=balancer, VServerGroupName="g", BackendServers=servers
    )["VServerGroupId"]
    yield Place(sink, cloud, stage, group_id, ids[0])
    cloud.kill()


def kill_when(place: Place, reached: Callable[[], bool], what: str) -> None:
    """Start a sink, and kill -9 it as soon as something is so."""
    with place.sink.start("run") as running:
        wait_until(reached, what)
        running.kill()
    heal(place.cloud.url)


def finish(place: Place) -> None:
    """Let the next sink bring it to its end."""
    done = place.sink.call("run", "--drain")
    assert done.returncode == 0, done.stderr


ORDERS = {"SetVServerGroupAttribute": [0, 0], "RemoveVServerGroupBackendServers": []}


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("order", ORDERS)
def test_a_removal_is_resumed_wherever_it_was_killed(place: Place, order: str, after_effect: bool) -> None:
    """Weight 0 and removal, each once, be the answer of the first lost with the sink."""
    url = place.cloud.url
    inject(url, f"slb:{order}", reset=True, after_effect=after_effect, delay_seconds=5 if after_effect else 0)
    place.stage("POST", f"instances/{place.instance_id}/interrupt")

    if after_effect:
        kill_when(place, lambda: place.weights() == ORDERS[order], f"the effect of {order}")
    else:
        kill_when(place, lambda: bool(requests(url, order)), order)
    finish(place)

    assert place.weights() == []
    assert {name: place.carried_out(name) for name in ORDERS} == dict.fromkeys(ORDERS, 1)
    record = place.record()
    assert (record["status"], record["module"]) == ("done", "slb_removal")
    assert place.group_id in record["reason"]


def test_a_removal_killed_while_it_waits_waits_only_what_remains(place: Place) -> None:
    """At weight 0, its connections not yet ended: nothing is ordered again."""
    place.stage("POST", f"instances/{place.instance_id}/interrupt")

    kill_when(place, lambda: bool(requests(place.cloud.url, "DescribeMetricLast")), "the drain")
    finish(place)

    assert place.weights() == []
    assert {name: place.carried_out(name) for name in ORDERS} == dict.fromkeys(ORDERS, 1)
    assert place.record()["status"] == "done"


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
def test_a_restart_is_resumed_wherever_it_was_killed(place: Place, after_effect: bool) -> None:
    """One start, seen to its end by the next sink."""
    url = place.cloud.url
    inject(
        url,
        "ecs:StartInstance",
        reset=True,
        after_effect=after_effect,
        delay_seconds=5 if after_effect else 0,
    )
    place.stage("POST", f"instances/{place.instance_id}/crash")

    if after_effect:
        kill_when(place, lambda: place.status() != "Stopped", "the effect of StartInstance")
    else:
        kill_when(place, lambda: bool(requests(url, "StartInstance")), "StartInstance")
    finish(place)

    assert place.status() == "Running"
    assert place.carried_out("StartInstance") == 1
    assert place.record()["status"] == "done"


def test_a_restart_killed_while_it_watches_is_watched_to_its_end(place: Place) -> None:
    """Started, and not yet Running."""
    place.stage("POST", f"instances/{place.instance_id}/crash")

    kill_when(place, lambda: place.carried_out("StartInstance") == 1, "the start")
    finish(place)

    assert place.status() == "Running"
    assert place.carried_out("StartInstance") == 1
    assert place.record()["status"] == "done"
