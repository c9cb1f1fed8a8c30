"""Many interruptions at once, every second call to CLB throttled: all out in time, no group emptied.

A few dozen here; `SINK_RECLAIMS=1000 pytest -s tests/test_mass_reclaim.py` is the whole of it, over 50 groups
at true speed, and prints what it took. The witness is the embedded cloud's own state, looked at meanwhile.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException

from tests import samples
from tests.faults import heal, inject, requests
from tests.local.conftest import CloudProcess
from tests.local.pop_client import Api, Stage, acs_client
from tests.processes import Sink, json_lines, wait_until

RECLAIMS = int(os.environ.get("SINK_RECLAIMS", "40"))
PER_GROUP = 20
"""Interrupted servers of each group, which has as many again that stay."""
SPEED = 1 if RECLAIMS > 100 else 5
BACKLOG = 50 * RECLAIMS
MANAGED = {"ecs-event-sink/managed": "true"}
CONFIG = f"""
[mns]
long_poll_seconds = 1
[actions]
enabled = slb_removal
[action.slb_removal]
drain_seconds = 30
[guard]
max_actions = {RECLAIMS}
mass_events = {RECLAIMS}
[local]
enabled = yes
fleet = 0
fleet_speed = {SPEED}
"""
pytestmark = pytest.mark.timeout(1200)


@dataclass
class Reclaim:
    """A sink, its cloud, groups with their servers, and those that are about to be reclaimed."""

    sink: Sink
    cloud: CloudProcess
    slb: Api
    groups: dict[str, list[str]]

    @property
    def doomed(self) -> list[str]:
        return [one for servers in self.groups.values() for one in servers[:PER_GROUP]]

    def weights(self, group_id: str) -> dict[str, int]:
        """The weights of a group's servers. This call is throttled like any other."""
        found = patiently(lambda: self.slb("DescribeVServerGroupAttribute", VServerGroupId=group_id))
        return {one["ServerId"]: one["Weight"] for one in found["BackendServers"]["BackendServer"]}

    def interrupt(self) -> None:
        """Give all of them notice, as quickly as the embedded cloud takes it."""
        stage = Stage(self.cloud.url)
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda one: stage("POST", f"instances/{one}/interrupt"), self.doomed))

    def records(self) -> list[dict[str, str]]:
        return self.sink.rows("__topic__:action", "--limit", str(10 * RECLAIMS))


@pytest.fixture
def reclaim(tmp_path: Path) -> Iterator[Reclaim]:
    sink = Sink(tmp_path / "sink", CONFIG)
    cloud = CloudProcess(sink.folder / "data", "--fleet-speed", str(SPEED))
    assert sink.call("run", "--drain").returncode == 0
    slb = Api(cloud.url, "slb", acs_client())
    groups = dict(a_group(Stage(cloud.url), slb) for _ in range(max(1, RECLAIMS // PER_GROUP)))
    yield Reclaim(sink, cloud, slb, groups)
    cloud.kill()


def a_group(stage: Stage, slb: Api) -> tuple[str, list[str]]:
    """A balancer's group of forty servers on one port."""
    wishes = {"tags": MANAGED, "spot_strategy": "SpotAsPriceGo"}
    ids = [stage.instance(**wishes) for _ in range(2 * PER_GROUP)]
    balancer = slb("CreateLoadBalancer", LoadBalancerName="web")["LoadBalancerId"]
    servers = [
        [{"ServerId": one, "Port": 8080, "Weight": 100} for one in part] for part in (ids[::2], ids[1::2])
    ]
    group_id = slb(
        "CreateVServerGroup",
        LoadBalancerId=balancer,
        VServerGroupName="g",
        BackendServers=json.dumps(servers[0]),
    )["VServerGroupId"]
    other = json.dumps(servers[1])
    patiently(lambda: slb("AddVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=other))
    return group_id, ids


def patiently(call: Callable[[], Any]) -> Any:
    """Call again while the balancer is busy or the call is throttled."""
    while True:
        try:
            return call()
        except ServerException as error:
            if error.get_error_code() not in ("BackendServer.configuring", "Throttling.User"):
                raise


def used_ms(records: Sequence[dict[str, str]], order: str) -> list[int]:
    """How much of its notice had been used when each order was answered."""
    steps = chain.from_iterable(json.loads(record["steps"]) for record in records)
    return sorted(step["used_ms"] for step in steps if step["step"].startswith(order))


def test_all_are_out_in_time_and_no_group_is_emptied(reclaim: Reclaim) -> None:
    """Also behind a backlog of state changes; what is left of each group serves all the while."""
    url = reclaim.cloud.url
    backlog = [samples.state_change("Running", f"i-backlog{number}") for number in range(BACKLOG)]
    assert (
        reclaim.sink.call("send", str(json_lines(reclaim.sink.folder / "b.jsonl", backlog))).returncode == 0
    )
    staying = {group_id: set(ids[PER_GROUP:]) for group_id, ids in reclaim.groups.items()}

    with reclaim.sink.start("run") as running:
        wait_until(lambda: len(requests(url, "DescribeHealthStatus")) >= len(staying), "a warm cache")
        inject(url, "slb:*", status=400, code="Throttling.User", every=2)
        reclaim.interrupt()
        watch_until_out(reclaim, staying)
        code, _, log = running.stop()
    assert code == 0, log
    heal(url)
    assert reclaim.sink.call("run", "--drain", patience_seconds=60 + RECLAIMS).returncode == 0

    records = reclaim.records()
    assert Counter(record["status"] for record in records) == {"done": len(reclaim.doomed)}
    for group_id, servers in staying.items():
        assert reclaim.weights(group_id) == dict.fromkeys(servers, 100)
    weighed, removed = used_ms(records, "weigh 0"), used_ms(records, "remove")
    notice_ms = 300_000 // SPEED
    print(  # noqa: T201 - the figures of the whole proof
        f"{len(records)} interruptions, notice {notice_ms} ms: weight 0 after median {median(weighed)}, "
        f"most {weighed[-1]} ms; removed after median {median(removed)}, most {removed[-1]} ms"
    )
    assert len(weighed) >= len(records)
    assert max(weighed[-1], removed[-1]) < notice_ms


def watch_until_out(reclaim: Reclaim, staying: dict[str, set[str]]) -> None:
    """Wait until every doomed server is out of its group; those that stay serve all the while."""
    give_up_at = time.monotonic() + 400
    left = dict(staying)
    while left:
        assert time.monotonic() < give_up_at, f"still in their groups: {left.keys()}"
        for group_id, servers in list(left.items()):
            found = reclaim.weights(group_id)
            assert all(found[one] == 100 for one in servers)
            if set(found) == servers:
                del left[group_id]
        time.sleep(1)  # not to win a race: each look is a call to CLB, and takes from what may be called
