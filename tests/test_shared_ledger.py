"""Several sinks, one effect: two real processes that share a ledger on PostgreSQL, and get the same events.

Each sink has a folder and a queue of its own; what the fleet tells is put into both queues, so that both
sinks want to act on each event. The embedded cloud outlives them, and lives ten times as fast as life. Its
ActionTrail is the witness of what was ordered, the ledger's tables of who has which run. The PostgreSQL
server is this file's own, on a socket in a temporary folder.
"""

from __future__ import annotations

import base64
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Message, Queue, QueueMeta

from sink.credentials import LOCAL_KEYS
from sink.local.accounts import DEFAULT_ACCOUNT_ID
from sink.stores.sls import SlsLogstore
from tests import samples
from tests.ledger.conftest import Postgresql
from tests.local.conftest import OWNER, CloudProcess
from tests.local.pop_client import Api, Stage, acs_client
from tests.processes import Running, Sink, wait_until

SPEED = 10
NAMES = ("one", "two")
FLEET = "fleet"
"""The queue that the fleet tells its events to, and no sink reads."""
HIDDEN_SECONDS = 15
"""So much later the messages of a sink that died come again."""
CONFIG = """
[sink]
id = {name}
stop_seconds = 5
[mns]
queues = {name}
long_poll_seconds = 1
[actions]
enabled = restart, slb_removal
refresh_seconds = 60
[action.restart]
actiontrail_delay_seconds = 0
stays_seconds = {stays_seconds}
[action.slb_removal]
drain_seconds = 10
[guard]
max_actions = {max_actions}
max_group_share = 0.5
[local]
enabled = yes
data = {data}
fleet = 0
fleet_speed = {speed}
"""
MANAGED = {"ecs-event-sink/managed": "true"}


class Site:
    """Two sinks, their cloud, their ledger."""

    def __init__(
        self, folder: Path, ledger_url: str, *, stays_seconds: int = 10, max_actions: int = 30
    ) -> None:
        data = folder / "data"
        self.cloud = CloudProcess(data, "--fleet-speed", str(SPEED), "--fleet-queue", FLEET)
        self.stage = Stage(self.cloud.url)
        self._client = acs_client()
        self._account = Account(self.cloud.url, OWNER.key_id, OWNER.secret)
        self._queues = {name: _queue(self._account, name) for name in (*NAMES, FLEET)}
        self._logstore = SlsLogstore(
            self.cloud.url, "ecs-event-sink", "ecs-events", LOCAL_KEYS, region="cn-hangzhou"
        )
        self._ledger_url = ledger_url
        limits = {"stays_seconds": stays_seconds, "max_actions": max_actions}
        self.sinks = {
            name: Sink(
                folder / name,
                CONFIG.format(name=name, data=data, speed=SPEED, **limits),
                {"SINK__LEDGER__URL": ledger_url},
            )
            for name in NAMES
        }

    def close(self) -> None:
        self._client.session.close()
        self._account.get_client().close_connection()
        self._logstore.close()
        self.cloud.kill()

    @contextmanager
    def running(self) -> Iterator[list[Running]]:
        """Both sinks at work; those that are left are stopped in good order."""
        with ExitStack() as stack:
            running = [stack.enter_context(sink.start("run")) for sink in self.sinks.values()]
            wait_until(lambda: self.ask_ledger("select count(*) from sink_owner") == [(2,)], "both sinks")
            yield running
            for one in running:
                if one.process.poll() is None:
                    code, _, log = one.stop()
                    assert code == 0, log

    def api(self, product: str) -> Api:
        return Api(self.cloud.url, product, self._client)

    def instances(self, count: int) -> list[str]:
        """Running preemptible instances that actions may touch."""
        return [self.stage.instance(tags=MANAGED, spot_strategy="SpotAsPriceGo") for _ in range(count)]

    def group(self, ids: Sequence[str]) -> str:
        """A balancer's group of these servers."""
        slb = self.api("slb")
        balancer = slb("CreateLoadBalancer", LoadBalancerName="web")["LoadBalancerId"]
        servers = json.dumps([{"ServerId": one, "Port": 80, "Weight": 100} for one in ids])
        wanted = {"LoadBalancerId": balancer, "VServerGroupName": "g", "BackendServers": servers}
        return str(slb("CreateVServerGroup", wanted)["VServerGroupId"])

    def weights(self, group_id: str) -> dict[str, int]:
        """The servers of a group and their weights."""
        found = self.api("slb")("DescribeVServerGroupAttribute", VServerGroupId=group_id)
        return {one["ServerId"]: one["Weight"] for one in found["BackendServers"]["BackendServer"]}

    def carried_out(self, order: str, ids: Sequence[str]) -> dict[str, int]:
        """How often an order for each of these instances had its effect, after ActionTrail."""
        wanted = {"LookupAttribute.1.Key": "EventName", "LookupAttribute.1.Value": order}
        events = self.api("actiontrail")("LookupEvents", wanted, MaxResults=50)["Events"]
        told = [json.dumps(event["requestParameters"]) for event in events]
        return {one: sum(one in parameters for parameters in told) for one in ids}

    def happens(self, what: str, ids: Sequence[str]) -> list[str]:
        """Let it happen to these instances; the first event of each, as the fleet has told it."""
        for one in ids:
            self.stage("POST", f"instances/{one}/{what}")
        found: dict[str, str] = {}
        while found.keys() < set(ids):
            for message in _received(self._queues[FLEET]):
                instance_id = json.loads(base64.b64decode(message.message_body))["resourceId"].rpartition(
                    "/"
                )[2]
                found.setdefault(instance_id, message.message_body)
        return [found[one] for one in ids]

    def put(self, name: str, bodies: Sequence[str]) -> None:
        """Put message bodies into a sink's queue."""
        for at in range(0, len(bodies), 16):
            self._queues[name].batch_send_message([Message(body) for body in bodies[at : at + 16]])

    def deal(self, bodies: Sequence[str]) -> None:
        """Put each event into both queues, in such an order that each sink claims one half of them."""
        half, before = len(bodies) // 2, self.runs()
        first, last = bodies[:half], bodies[half:]
        self.put("one", first)
        self.put("two", last)
        wait_until(lambda: self.runs() == before + len(bodies), "a claim on each event")
        self.put("one", last)
        self.put("two", first)

    def ask_ledger(self, query: str) -> list[tuple[Any, ...]]:
        """Ask PostgreSQL, past the sinks; no rows where they have made no tables yet."""
        with psycopg.connect(self._ledger_url.replace("+psycopg", ""), autocommit=True) as connection:
            try:
                return connection.execute(query.encode()).fetchall()
            except psycopg.errors.UndefinedTable:
                return []

    def runs(self) -> int:
        """How many runs the ledger knows."""
        return sum(count for (count,) in self.ask_ledger("select count(*) from sink_run"))

    def stored(self, topic: str) -> list[dict[str, str]]:
        """What the logstore holds of a topic, from both sinks."""
        now = int(time.time())
        found = self._logstore.query(f"__topic__:{topic}", now - 7 * 86_400, now + 60, 100)
        return [dict(row) for row in found.rows]

    def outcomes(self, runs: int) -> list[dict[str, str]]:
        """One record of each run, once both sinks have stored the same one. Takes them to that end."""
        wait_until(lambda: len(self.stored("action")) >= 2 * runs, f"two records of each of {runs} runs")
        records = self.stored("action")
        fields = [tuple(sorted(_fields(record).items())) for record in records]
        assert Counter(Counter(fields).values()) == {2: runs}
        assert len({record["action_id"] for record in records}) == runs
        return [dict(one) for one in set(fields)]


def _queue(account: Account, name: str) -> Queue:
    """A queue, made, whose bodies are taken and given as they are."""
    queue = account.get_queue(name)
    queue.create(QueueMeta(vis_timeout=HIDDEN_SECONDS, max_msg_size=65_536))
    queue.set_encoding(False)
    return queue


def _received(queue: Queue) -> list[Any]:
    """Some messages, taken out for good; none where none come within a second."""
    try:
        messages = list(queue.batch_receive_message(16, 1))
    except MNSServerException as error:
        if error.type != "MessageNotExist":
            raise
        return []
    queue.batch_delete_message([message.receipt_handle for message in messages])
    return messages


def _fields(record: dict[str, str]) -> dict[str, str]:
    """A record's own fields, without what SLS puts there."""
    return {name: value for name, value in record.items() if not name.startswith("__")}


def _encoded(body: str) -> str:
    return base64.b64encode(body.encode()).decode()


@pytest.fixture(scope="module")
def server() -> Iterator[Postgresql]:
    """A PostgreSQL server for the tests of this file."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = Postgresql(Path(folder))
        yield server
        server.remove()


@pytest.fixture
def make_site(tmp_path: Path, server: Postgresql) -> Iterator[Callable[..., Site]]:
    """Makes the site of a test, over an empty ledger."""
    with ExitStack() as stack:

        def make(**limits: int) -> Site:
            site = Site(tmp_path, server.new_address(), **limits)
            stack.callback(site.close)
            return site

        yield make


def test_what_two_sinks_hear_of_is_started_once(make_site: Callable[..., Site]) -> None:
    """Each crash by one of them; the other waits, and stores the same record."""
    site = make_site()
    ids = site.instances(12)

    with site.running():
        site.deal(site.happens("crash", ids))
        records = site.outcomes(12)

    assert site.carried_out("StartInstance", ids) == dict.fromkeys(ids, 1)
    assert Counter((one["status"], one["sink_id"]) for one in records) == {
        ("done", "one"): 6,
        ("done", "two"): 6,
    }
    events = Counter((one["instance_id"], one["sink_id"]) for one in site.stored("event"))
    assert events == {(one, name): 1 for one in ids for name in NAMES}


def test_limits_hold_across_sinks(make_site: Callable[..., Site]) -> None:
    """Of a group's share and of the window, the last slots go to whoever comes first, and no slot twice."""
    site = make_site(max_actions=7)
    small, large = site.instances(4), site.instances(16)
    small_group, large_group = site.group(small), site.group(large)
    doomed = [*small[:3], *large[:8]]
    staying = {small_group: small[3:], large_group: large[8:]}

    with site.running():
        site.deal(site.happens("interrupt", small[:3]))
        wait_until(lambda: _decided(site) == 3, "two of four servers, which is their share")
        site.deal(site.happens("interrupt", large[:8]))
        wait_until(lambda: _decided(site) == 11, "five more of seven, within the window")
        while len(site.stored("action")) < 2 * len(doomed):
            for group_id, servers in staying.items():
                found = site.weights(group_id)
                assert [found[one] for one in servers] == [100] * len(servers)
        records = {one["instance_id"]: one for one in site.outcomes(len(doomed))}

    refused = {one for one in doomed if records[one]["status"] == "refused"}
    guards = Counter(records[one]["reason"].partition(":")[0] for one in refused)
    assert guards == {"group share": 1, "window": 3}
    assert len(refused & set(small)) == 1
    assert {records[one]["status"] for one in doomed if one not in refused} == {"done"}
    once = {one: int(one not in refused) for one in doomed}
    for order in ("SetVServerGroupAttribute", "RemoveVServerGroupBackendServers"):
        assert site.carried_out(order, doomed) == once
    assert {group_id: set(site.weights(group_id)) >= set(ids) for group_id, ids in staying.items()} == {
        small_group: True,
        large_group: True,
    }


def _decided(site: Site) -> int:
    """How many runs were let in or refused."""
    return sum(
        count
        for (count,) in site.ask_ledger(
            "select count(*) from sink_run where admitted_at_ms is not null or closed_at_ms is not null"
        )
    )


def test_a_sink_that_is_killed_leaves_its_runs_to_the_other(make_site: Callable[..., Site]) -> None:
    """Kill -9 between its orders: what it had begun is ended, and nothing is ordered twice."""
    site = make_site(stays_seconds=30)
    ids = site.instances(8)
    bodies = site.happens("crash", ids)

    with site.running() as (one, _):
        site.put("one", bodies)
        wait_until(lambda: any(site.carried_out("StartInstance", ids).values()), "a start")
        one.kill()
        begun = site.runs()
        site.put("two", bodies)
        wait_until(lambda: len(site.stored("action")) == 8, "a record of each run")
        taken_over = site.stored("action")
    again = site.sinks["one"].call("run", "--drain")

    assert again.returncode == 0, again.stderr
    assert begun == 8
    assert Counter((one["status"], one["sink_id"]) for one in taken_over) == {("done", "two"): 8}
    assert len(site.outcomes(8)) == 8
    assert site.carried_out("StartInstance", ids) == dict.fromkeys(ids, 1)


def test_without_the_ledger_actions_wait_and_events_are_stored(
    make_site: Callable[..., Site], server: Postgresql
) -> None:
    """PostgreSQL stops under runs that go on, and starts again: all end well, nothing twice."""
    site = make_site()
    begun, later = site.instances(4), site.instances(4)
    ordinary = [
        _encoded(samples.state_change("Running", f"i-ordinary{number}", userId=DEFAULT_ACCOUNT_ID))
        for number in range(20)
    ]

    with site.running():
        site.deal(site.happens("crash", begun))
        wait_until(lambda: all(site.carried_out("StartInstance", begun).values()), "the first starts")
        server.stop()
        try:
            bodies = [*site.happens("crash", later), *ordinary]
            for name in NAMES:
                site.put(name, bodies)
            wait_until(lambda: len(site.stored("event")) == 2 * (8 + 20), "all events, from both sinks")
            assert site.carried_out("StartInstance", later) == dict.fromkeys(later, 0)
            recorded = {one["instance_id"] for one in site.stored("action")}
        finally:
            server.start()
        records = site.outcomes(8)

    assert recorded & set(later) == set()
    assert Counter(one["status"] for one in records) == {"done": 8}
    assert site.carried_out("StartInstance", [*begun, *later]) == dict.fromkeys([*begun, *later], 1)
