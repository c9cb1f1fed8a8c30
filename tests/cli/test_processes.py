"""`[sink] processes`: real processes that share a queue, and what happens when one of them ends."""

from __future__ import annotations

import json
import os
import pty
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from mns.account import Account

from sink.credentials import LOCAL_KEYS
from sink.events import parse_body
from sink.stores.sls import SlsLogstore
from tests import samples
from tests.cloud.world import Scene
from tests.faults import heal, inject, requests
from tests.local.conftest import CloudProcess, RunningCloud
from tests.processes import (
    Running,
    Sink,
    environment,
    is_there,
    json_lines,
    make_logstore,
    make_queue,
    stored_records,
    wait_until,
)

HIDDEN_SECONDS = 30
"""So long that no lease ends on a slow machine; where messages are to come back, the cloud's clock is set."""


@pytest.fixture
def sink(cloud: RunningCloud, tmp_path: Path) -> Sink:
    """A sink of two processes on a cloud that has its queue and logstore."""
    make_queue(cloud.url, "ecs-events", hidden_seconds=HIDDEN_SECONDS)
    make_logstore(cloud.url)
    made = Sink.on(cloud, tmp_path / "sink")
    config = made.config.replace("[sink]\n", "[sink]\nprocesses = 2\nmax_in_hand = 100\n")
    return Sink(tmp_path / "sink", config, made.keys)


def send(sink: Sink, count: int) -> set[str]:
    """Put so many events into the queue; their keys."""
    bodies = [samples.state_change(instance=f"i-{number}") for number in range(count)]
    assert sink.call("send", str(json_lines(sink.folder / "bodies.jsonl", bodies))).returncode == 0
    return {parse_body(body).event_key for body in bodies}


def stored(cloud: RunningCloud) -> Counter[str]:
    """How often each event_key stands in the logstore."""
    return Counter(record["event_key"] for record in stored_records(cloud.url))


def rows_of(url: str, query: str) -> Sequence[Mapping[str, str]]:
    """What a query finds."""
    logstore = SlsLogstore(url, "ecs-event-sink", "ecs-events", LOCAL_KEYS, region="cn-hangzhou")
    answer = logstore.query(query, 0, 4_000_000_000)
    logstore.close()
    return answer.rows


def in_queue(cloud: RunningCloud) -> tuple[int, int]:
    """Messages in the queue: those that can be received, and those in some sink's hand."""
    queue = Account(cloud.url, "local", "local-secret").get_queue("ecs-events")
    try:
        found = queue.get_attributes()
        return int(found.active_messages), int(found.inactive_messages)
    finally:
        queue.mns_client.close_connection()


def lines(running: Running) -> list[dict[str, Any]]:
    """What it has logged so far."""
    return [json.loads(line) for line in running.log.splitlines() if line.endswith("}")]


def wait_for_writes(cloud: RunningCloud, count: int) -> None:
    """Wait until so many groups were written."""
    wait_until(lambda: len(requests(cloud.url, "PostLogStoreLogs")) >= count, f"{count} writes")


def test_a_backlog_is_stored_once_by_two_processes(sink: Sink, cloud: RunningCloud) -> None:
    """The queue is empty then, and what they did is summed up."""
    keys = send(sink, 1500)

    drained = sink.call("run", "--drain")

    assert (drained.returncode, drained.stderr) == (0, "")
    assert stored(cloud) == dict.fromkeys(keys, 1)
    assert in_queue(cloud) == (0, 0)
    assert "by    2 processes" in drained.stdout
    assert "received 1,500, stored 1,500, deleted 1,500." in drained.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("number", "why"), [(signal.SIGKILL, "signal 9, Killed"), (signal.SIGTERM, "exit code 0")]
)
def test_one_that_ends_is_started_again(sink: Sink, cloud: RunningCloud, number: int, why: str) -> None:
    """One line says so; the other goes on meanwhile, and nothing is lost."""
    # A slow store keeps both in the middle for as long as it takes to kill one there.
    inject(cloud.url, "sls:PostLogStoreLogs", delay_seconds=0.2)
    keys = send(sink, 1500)
    with sink.start("run") as running:
        wait_until(lambda: in_queue(cloud)[1] > 130, "more in hand than one may have")
        first, other = running.workers
        os.kill(first, number)
        wait_until(lambda: len(set(running.workers) - {first, other}) == 1, "another worker")
        heal(cloud.url)
        cloud.clock.forward(HIDDEN_SECONDS)
        wait_until(lambda: stored(cloud).keys() == keys, "every event is stored")
        wait_until(lambda: in_queue(cloud) == (0, 0), "every message is deleted")
        assert other in running.workers
        told = lines(running)
        code, output, _ = running.stop()

    assert [(one["event"], one["why"]) for one in told] == [("worker ended", why)]
    assert (told[0]["worker"] in (1, 2), 0.5 <= told[0]["again_after_seconds"] <= 1) == (True, True)
    assert (code, "Ended after" in output) == (0, True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_in_order(sink: Sink, cloud: RunningCloud, number: int) -> None:
    """In the middle of a backlog: each message is stored and deleted, or in the queue as it was."""
    inject(cloud.url, "sls:PostLogStoreLogs", delay_seconds=0.2)
    keys = send(sink, 1500)
    with sink.start("run") as running:
        wait_for_writes(cloud, 2)
        workers = running.workers
        code, _, log = running.stop(number)
        left = in_queue(cloud)
    heal(cloud.url)
    found = stored(cloud)
    cloud.clock.forward(HIDDEN_SECONDS)
    again = sink.call("run", "--drain")

    assert (code, log, len(workers)) == (0, "", 2)
    assert not any(is_there(worker) for worker in workers)
    assert 0 < len(found) < len(keys)
    assert sum(left) == len(keys) - len(found)
    assert again.returncode == 0
    assert stored(cloud) == dict.fromkeys(keys, 1)


def test_a_second_signal_ends_all_at_once(sink: Sink, cloud: RunningCloud) -> None:
    """However a store hangs; the messages come back by themselves."""
    inject(cloud.url, "sls:PostLogStoreLogs", delay_seconds=30)
    keys = send(sink, 40)
    with sink.start("run") as running:
        wait_until(lambda: in_queue(cloud) == (0, 40), "all are in hand")
        wait_until(lambda: len(running.workers) == 2, "two workers")
        workers = running.workers
        running.process.send_signal(signal.SIGTERM)
        wait_until(lambda: running.ends_at(signal.SIGTERM), "it ends at one of the signals that follow")
        wait_until(lambda: not any(map(is_there, workers)), "its workers are gone", patience_seconds=5)
    heal(cloud.url)
    cloud.clock.forward(HIDDEN_SECONDS)

    assert running.process.returncode == -signal.SIGTERM
    assert sink.call("run", "--drain").returncode == 0
    assert stored(cloud).keys() == keys


def test_workers_stop_in_order_when_their_parent_is_killed(sink: Sink, cloud: RunningCloud) -> None:
    """Each finishes what it has in hand, and says why it stops."""
    inject(cloud.url, "sls:PostLogStoreLogs", delay_seconds=0.2)
    keys = send(sink, 1500)
    with sink.start("run") as running:
        wait_for_writes(cloud, 2)
        wait_until(lambda: len(running.workers) == 2, "two workers")
        workers = running.workers
        running.kill()
        wait_until(lambda: not any(map(is_there, workers)), "its workers are gone", patience_seconds=20)
        told = lines(running)
    left, found = in_queue(cloud), stored(cloud)
    heal(cloud.url)
    cloud.clock.forward(HIDDEN_SECONDS)

    assert sorted((one["event"], one["worker"]) for one in told) == [("parent gone", 1), ("parent gone", 2)]
    assert sum(left) == len(keys) - len(found)
    assert sink.call("run", "--drain").returncode == 0
    assert stored(cloud) == dict.fromkeys(keys, 1)


def test_each_says_what_fails_for_it(sink: Sink, cloud: RunningCloud) -> None:
    """With its number, and once."""
    inject(cloud.url, "mns:BatchReceiveMessage", status=403, code="AccessDenied")
    with sink.start("run") as running:
        wait_until(lambda: len(lines(running)) == 2, "both say that it fails")
        heal(cloud.url)
        wait_until(lambda: len(lines(running)) == 4, "both say that it works again")
        told = lines(running)
        code, _, _ = running.stop()

    assert Counter((one["event"], one["part"], one["worker"]) for one in told) == {
        (event, "ecs-events", worker): 1 for event in ("failing", "recovered") for worker in (1, 2)
    }
    assert code == 0


def test_a_terminal_shows_the_sum(sink: Sink, cloud: RunningCloud) -> None:
    """One table of what both do, and above it what they log."""
    keys = send(sink, 300)
    with ShownRun(sink) as shown:
        wait_until(lambda: stored(cloud).keys() == keys, "every event is stored")
        wait_until(lambda: " 300          300 " in shown.text, "the sum of both")
        assert "StateChange" in shown.text
        inject(cloud.url, "mns:BatchReceiveMessage", status=403, code="AccessDenied")
        for worker in (1, 2):
            wait_until(lambda: f"ecs-events of worker {worker}: " in shown.text, "the table says it")  # noqa: B023
            wait_until(lambda: f"worker={worker}" in shown.text, "the log says it")  # noqa: B023
        assert shown.process.poll() is None


class ShownRun:
    """`sink run` on a terminal."""

    def __init__(self, sink: Sink) -> None:
        self._ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sink", "run"],
            cwd=sink.folder,
            env=environment(TERM="xterm", LINES="50", **sink.keys),
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
        )
        os.close(theirs)
        self.text = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        try:
            while came := os.read(self._ours, 65536):
                self.text += came.decode(errors="replace")
        except OSError:
            return  # what a terminal says when nobody has it open any more

    def __enter__(self) -> ShownRun:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)
        self._reader.join(30)
        os.close(self._ours)


SPEED = 30
ACTING = f"""
[sink]
processes = 2
stop_seconds = 30
[mns]
long_poll_seconds = 1
[actions]
enabled = restart, slb_removal
[action.slb_removal]
drain_seconds = 10
[local]
enabled = yes
fleet = 0
fleet_speed = {SPEED}
"""


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """A cloud with a fleet to act on, in the folder of a sink of two processes."""
    cloud = CloudProcess(tmp_path / "acting" / "data", "--fleet-speed", str(SPEED))
    make_queue(cloud.url, "ecs-events")
    yield Scene(cloud)
    cloud.kill()


def test_two_processes_never_empty_a_group(scene: Scene, tmp_path: Path) -> None:
    """Both servers of each group are to be reclaimed; however the notices fall, one of them stays in.

    It is one process that acts for both.
    """
    sink = Sink(tmp_path / "acting", ACTING)
    assert sink.call("run", "--drain").returncode == 0
    groups = [a_pair(scene) for _ in range(4)]

    with sink.start("run") as running:
        wait_until(lambda: len(running.workers) == 2, "two workers")
        for _, servers in groups:
            for one in servers:
                scene.stage("POST", f"instances/{one}/interrupt")
        wait_until(lambda: len(removals(scene)) == 8, "a record of each")
        assert len(running.workers) == 2
        assert owners(sink) == 1
        code, _, _ = running.stop()

    found = removals(scene)
    assert code == 0
    for group_id, servers in groups:
        ended = {one: found[one] for one in servers}
        assert sorted(one["status"] for one in ended.values()) == ["done", "refused"]
        (refused,) = (one for one in ended.values() if one["status"] == "refused")
        assert refused["reason"].startswith(("last backend:", "group share:"))
        (gone,) = (one for one in servers if ended[one]["status"] == "done")
        for order in ("SetVServerGroupAttribute", "RemoveVServerGroupBackendServers"):
            assert orders(scene, order, group_id, servers) == {gone: 1}


def test_a_run_goes_on_when_the_process_that_asked_for_it_is_killed(scene: Scene, tmp_path: Path) -> None:
    """What it had begun is ended once, and recorded when its message comes again."""
    sink, group_id, servers = an_acting_sink(scene, tmp_path)

    with sink.start("run") as running:
        interrupt_until_the_first_order(scene, running, servers[0])
        for worker in running.workers:
            os.kill(worker, signal.SIGKILL)
        wait_until(lambda: bool(removals(scene)), "the record")
        code, _, _ = running.stop()

    assert code == 0
    assert removals(scene)[servers[0]]["status"] == "done"
    assert orders(scene, "RemoveVServerGroupBackendServers", group_id, servers) == {servers[0]: 1}


def test_a_run_is_ended_by_the_next_sink_when_the_parent_is_killed(scene: Scene, tmp_path: Path) -> None:
    """Its workers wait for no answer any more: they give the message back, and stop."""
    sink, group_id, servers = an_acting_sink(scene, tmp_path)

    with sink.start("run") as running:
        interrupt_until_the_first_order(scene, running, servers[0])
        workers = running.workers
        running.kill()
        wait_until(lambda: not any(map(is_there, workers)), "its workers are gone", patience_seconds=15)
    again = sink.call("run", "--drain")

    assert again.returncode == 0, again.stderr
    assert removals(scene)[servers[0]]["status"] == "done"
    assert orders(scene, "RemoveVServerGroupBackendServers", group_id, servers) == {servers[0]: 1}


def an_acting_sink(scene: Scene, folder: Path) -> tuple[Sink, str, list[str]]:
    """A sink that found its queue empty, and a group of two servers."""
    sink = Sink(folder / "acting", ACTING)
    assert sink.call("run", "--drain").returncode == 0
    return sink, *a_pair(scene)


def interrupt_until_the_first_order(scene: Scene, running: Running, server: str) -> None:
    """A server's run is under way when this returns."""
    wait_until(lambda: len(running.workers) == 2, "two workers")
    scene.stage("POST", f"instances/{server}/interrupt")
    wait_until(lambda: bool(requests(scene.url, "SetVServerGroupAttribute")), "the first order")


def a_pair(scene: Scene) -> tuple[str, list[str]]:
    """A group of two preemptible servers."""
    servers = [
        scene.instance(tags={"ecs-event-sink/managed": "true"}, spot_strategy="SpotAsPriceGo")
        for _ in range(2)
    ]
    group = scene.vserver_group(scene.balancer(), *((one, 80) for one in servers), Weight=100)
    return group.group_id, servers


def removals(scene: Scene) -> dict[str, Mapping[str, str]]:
    """The records of `slb_removal`, by instance."""
    return {row["instance_id"]: row for row in rows_of(scene.url, "__topic__:action and module:slb_removal")}


def owners(sink: Sink) -> int:
    """How many processes the ledger knows."""
    with closing(sqlite3.connect(sink.folder / "data" / "ledger.sqlite3")) as ledger:
        (count,) = ledger.execute("select count(*) from sink_owner").fetchone()
    return int(count)


def orders(scene: Scene, order: str, group_id: str, servers: list[str]) -> dict[str, int]:
    """How often an order was carried out for servers of a group, after ActionTrail."""
    wanted = {"LookupAttribute.1.Key": "EventName", "LookupAttribute.1.Value": order}
    events = scene.api("actiontrail")("LookupEvents", wanted, MaxResults=50)["Events"]
    told = [json.dumps(one["requestParameters"]) for one in events]
    counts = {one: sum(group_id in text and one in text for text in told) for one in servers}
    return {one: count for one, count in counts.items() if count}
