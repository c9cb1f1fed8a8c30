"""A sink at work in an embedded cloud with balancers: notices go to it, and it is found out when it acted.

`reaction.py` makes one for each condition. `Site` furnishes cloud and sink, sends, and reads the moments of
each notice back: from logstore, ledger and the cloud's journal.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random
from uuid import UUID

from mns.account import Account
from mns.queue import Message, Queue, QueueMeta

from benchmarks.answers import BATCH
from benchmarks.measure import KEYS, BenchmarkError, environment
from benchmarks.place import LOGSTORE, PROJECT, QUEUE, REGION
from benchmarks.rivals.handmade import Connection, Requests
from benchmarks.running import log_of, running_sink
from benchmarks.traffic import together
from sink.credentials import LOCAL_KEYS
from sink.local.accounts import DEFAULT_ACCOUNT_ID
from sink.local.fleet import events
from sink.local.fleet.instances import MANAGED_TAG, Instance, State, launch
from sink.local.fleet.staging import INSTANCE
from sink.stores.sls import SlsLogstore
from tests.faults import requests
from tests.local.pop_client import Api, Stage, acs_client

BUSY_PAUSE_SECONDS = 0.15
"""Between two notices beside a backlog, on the mean: at the vendor's quota of edits (`sink.cloud.rates`)."""
IDLE_PAUSE_SECONDS = 0.5
"""And where nothing else is done: what follows the call for one is over before the next comes."""
STAYING = 3
"""Servers of each group that go on: with fewer its state would be read anew before each edit."""
SENDERS = 4
_FILL_SECONDS = 2.0
_FILLED_PER_SECOND = 4_000
"""A backlog is sent before its delay ends, with time to spare."""
FIRST_CALL = "SetVServerGroupAttribute"
_PATIENCE_SECONDS = 300.0
_VISIBILITY_SECONDS = 30
_LOOK_SECONDS = 0.25
_CONFIG = """
[sink]
stop_seconds = 1
[mns]
queues = {queues}
[ledger]
url = sqlite:///ledger.sqlite3
[actions]
enabled = slb_removal
[guard]
max_actions = {notices}
mass_events = {notices}
[local]
enabled = yes
data = {data}
fleet = 0
fleet_speed = 1
"""
_ORDERS = """
select r.instance_id, r.claimed_at_ms, r.admitted_at_ms, o.given_at_ms
from sink_order o join sink_run r on r.action_id = o.action_id
where o.name like '"weigh 0 %' and o.answered_at_ms is not null
"""


@dataclass(frozen=True, slots=True)
class Condition:
    """What the sink is doing when notices come."""

    name: str
    backlog: int
    queues: Sequence[str] = (QUEUE,)

    @property
    def notice_queue(self) -> str:
        """Where notices go."""
        return self.queues[0]


@dataclass(frozen=True, slots=True)
class Times:
    """The moments of one notice, in ms since 1970."""

    enqueued_ms: float
    received_ms: float
    claimed_ms: float
    admitted_ms: float
    intended_ms: float
    called_ms: float

    @property
    def figures(self) -> dict[str, float]:
        """The spans between them, by the names that the JSON has for them."""
        return {
            "enqueued_to_received_ms": self.received_ms - self.enqueued_ms,
            "received_to_called_ms": self.called_ms - self.received_ms,
            "enqueued_to_called_ms": self.called_ms - self.enqueued_ms,
            "received_to_claimed_ms": self.claimed_ms - self.received_ms,
            "claimed_to_admitted_ms": self.admitted_ms - self.claimed_ms,
            "admitted_to_intended_ms": self.intended_ms - self.admitted_ms,
            "intended_to_called_ms": self.called_ms - self.intended_ms,
        }


class Site:
    """An embedded cloud with queues, and one balancer for each instance that will be interrupted.

    The sink works in `folder`; the cloud's own folder is `data`.
    """

    def __init__(
        self, folder: Path, data: Path, url: str, condition: Condition, notices: int, random: Random
    ) -> None:
        self.url = url
        self._folder = folder
        self._random = random
        self._asked = 0
        """Requests to the cloud, as of the last look."""
        account = Account(url, *KEYS.values())
        self.queues = {name: _make_queue(account, name) for name in {*condition.queues, QUEUE}}
        self._condition = condition
        self._notices = self.queues[condition.notice_queue]
        config = _CONFIG.format(queues=", ".join(condition.queues), notices=max(2, notices), data=data)
        (folder / "config.ini").write_text(config, encoding="utf-8")
        stage, tags = Stage(url), {MANAGED_TAG: "true"}
        staying = [stage.instance(tags=tags) for _ in range(STAYING)]
        wishes = {"tags": tags, "spot_strategy": "SpotAsPriceGo", "operation_locks": ["Recycling"]}
        self.doomed: list[Instance] = [
            INSTANCE.validate_python(stage("POST", "instances", **wishes)) for _ in range(notices)
        ]
        slb = Api(url, "slb", acs_client())
        for one in self.doomed:
            _make_group(slb, [*staying, one.instance_id])

    def send(self) -> dict[str, float]:
        """Send backlog and notices as the condition has it; when each notice was (ms), by instance."""
        if self._notices is not self.queues[QUEUE]:
            self._send_backlog([])
        elif self._condition.backlog:
            enqueued_ms = self._send_backlog([self._notice(one) for one in self.doomed]) * 1000
            return {one.instance_id: enqueued_ms for one in self.doomed}
        return self._send_notices()

    @contextmanager
    def sink(self) -> Iterator[None]:
        """A sink at work that knows all groups; afterwards stopped in good order. Raises BenchmarkError."""
        with running_sink(self._folder, environment(), subprocess.DEVNULL) as process:
            self._await(lambda: self._has_read_groups(process), "the groups were read")
            self._await(self._is_quiet, "other balancers and scaling groups were read")
            yield

    def times(self, enqueued_ms: Mapping[str, float]) -> list[Times]:
        """The moments of each notice, once every group was edited. Raises BenchmarkError."""
        self._await(lambda: len(self._orders()) >= len(enqueued_ms), "every group was edited")
        self._await(lambda: len(self._received_ms()) >= len(enqueued_ms), "every notice was stored")
        orders = sorted(self._orders(), key=lambda order: order[-1])
        received_ms = self._received_ms()
        called_ms = _first_after([order[-1] for order in orders], self._called_ms())
        return [
            Times(enqueued_ms[one], received_ms[one], claimed, admitted, intended, called)
            for (one, claimed, admitted, intended), called in zip(orders, called_ms, strict=True)
        ]

    def _send_backlog(self, notices: Sequence[bytes]) -> float:
        """Fill the ordinary queue, with these among it, and wait until its delay ends: that moment.

        Raises BenchmarkError where filling took longer.
        """
        bodies = [
            self._body(events.state_change(self._some_instance())) for _ in range(self._condition.backlog)
        ]
        for number, notice in enumerate(notices):
            bodies.insert(number * (len(bodies) + 1) // len(notices), notice)
        encoded = [base64.b64encode(body) for body in bodies]
        batches = [encoded[at : at + BATCH] for at in range(0, len(encoded), BATCH)]
        visible_at = ceil(time.time() + _FILL_SECONDS + len(bodies) / _FILLED_PER_SECOND)
        shares = [(visible_at, batches[number::SENDERS]) for number in range(SENDERS)]
        together(shares, self._send_batches)
        left = visible_at - time.time()
        if left < 0:
            raise BenchmarkError(f"the backlog was there {-left:.1f} s after its delay")
        time.sleep(left)
        return visible_at

    def _send_notices(self) -> dict[str, float]:
        """Put the notices into their queue, one after another; when each was (ms), by instance."""
        pause = BUSY_PAUSE_SECONDS if self._condition.backlog else IDLE_PAUSE_SECONDS
        enqueued_ms = {}
        for instance in self.doomed:
            body = self._notice(instance)
            enqueued_ms[instance.instance_id] = time.time() * 1000
            self._notices.send_message(Message(body.decode()))
            time.sleep(self._random.uniform(0.5, 1.5) * pause)
        return enqueued_ms

    def _notice(self, instance: Instance) -> bytes:
        return self._body(events.interruption(instance))

    def _has_read_groups(self, process: subprocess.Popen[bytes]) -> bool:
        if process.poll() is not None:
            raise BenchmarkError(f"the sink ended with {process.returncode}:\n{log_of(self._folder)}")
        return len(requests(self.url, "DescribeHealthStatus")) >= len(self.doomed)

    def _is_quiet(self) -> bool:
        """Tell whether the cloud was asked for nothing since the last look."""
        before, self._asked = self._asked, len(requests(self.url))
        return self._asked == before

    def _orders(self) -> list[tuple[str, int, int, int]]:
        """Instance, and when its run was claimed, admitted and its first order intended."""
        with closing(sqlite3.connect(self._folder / "ledger.sqlite3")) as ledger:
            return ledger.execute(_ORDERS).fetchall()

    def _received_ms(self) -> dict[str, float]:
        logstore = SlsLogstore(self.url, PROJECT, LOGSTORE, LOCAL_KEYS, region=REGION)
        query = (
            '__topic__:event and kind:"Instance:PreemptibleInstanceInterruption" | select instance_id, '
            f"min(received_at_ms) as at from log group by instance_id limit {len(self.doomed)}"
        )
        with closing(logstore):
            rows = logstore.query(query, int(time.time()) - 3600, int(time.time()) + 60).rows
        return {row["instance_id"]: float(row["at"]) for row in rows}

    def _called_ms(self) -> list[float]:
        return sorted(entry["at"] * 1000 for entry in requests(self.url, FIRST_CALL))

    def _await(self, condition: Callable[[], bool], what: str) -> None:
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while not condition():
            if time.monotonic() > give_up_at:
                raise BenchmarkError(
                    f"in vain it was waited that {what}; the sink said:\n{log_of(self._folder)}"
                )
            time.sleep(_LOOK_SECONDS)  # to leave the cores to what is measured

    def _some_instance(self) -> Instance:
        return launch(self._random, time.time(), REGION, State.RUNNING)

    def _body(self, notice: events.Notice) -> bytes:
        event_id = UUID(int=self._random.getrandbits(128), version=4)
        return events.Envelope(DEFAULT_ACCOUNT_ID, REGION).body(notice, time.time(), event_id)

    def _send_batches(self, share: tuple[float, Sequence[Sequence[bytes]]]) -> None:
        """Send some of the backlog, so that it can be received from that moment on."""
        visible_at, batches = share
        with closing(Connection(self.url)) as connection:
            signed = Requests(self.url, *KEYS.values())
            for bodies in batches:
                connection.ask(signed.send(list(bodies), max(0, round(visible_at - time.time()))))


def _first_after(intended_ms: Sequence[float], called_ms: Sequence[float]) -> list[float]:
    """The call to each intent, both in ascending order: the journal knows no instances.

    Intents are rounded to the millisecond. Raises BenchmarkError where a call is missing.

    >>> _first_after([10, 20, 21], [11.5, 12.0, 20.8, 23.0])
    [11.5, 20.8, 23.0]
    """
    left, found = iter(called_ms), []
    for intended in intended_ms:
        called = next((one for one in left if one >= intended - 1), None)
        if called is None:
            raise BenchmarkError(
                f"{len(called_ms)} calls to {len(intended_ms)} intents: the journal is too short"
            )
        found.append(called)
    return found


def _make_queue(account: Account, name: str) -> Queue:
    queue = account.get_queue(name)
    queue.create(QueueMeta(vis_timeout=_VISIBILITY_SECONDS, max_msg_size=65_536))
    return queue


def _make_group(slb: Api, ids: Sequence[str]) -> None:
    """A balancer with one group of these servers."""
    balancer_id = slb("CreateLoadBalancer", LoadBalancerName="web")["LoadBalancerId"]
    servers = json.dumps([{"ServerId": one, "Port": 80, "Weight": 100} for one in ids])
    group = {"LoadBalancerId": balancer_id, "VServerGroupName": "web", "BackendServers": servers}
    slb("CreateVServerGroup", group)
