"""Actions of the real process: what they do to a cloud, and what a user is told of it.

The cloud is a process that lives sixty times as fast as life. One act is played once, in `played`: a crash, a
stop that somebody ordered, an interruption; most tests look at what came of it. The reclaim at the end of
the interruption is a stop, too, so that there are four decisions. The guards' window lives as fast as the
cloud: it is ten minutes of ours, so that what was admitted in the act is still within it for the last test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sink.action import Group
from sink.cli.settings import read_settings
from tests.cloud.world import Scene
from tests.faults import heal, inject, requests
from tests.local.conftest import CloudProcess
from tests.processes import Running, Sink, wait_until

SPEED = 60
CONFIG = f"""
[sink]
stop_seconds = 2
[mns]
long_poll_seconds = 1
[actions]
enabled = restart, slb_removal
[action.restart]
stays_seconds = 5
[guard]
window_minutes = {10 * SPEED}
[local]
enabled = yes
fleet = 0
fleet_speed = {SPEED}
"""
MANAGED = {"ecs-event-sink/managed": "true"}
Ended = dict[tuple[str, str], dict[str, Any]]
ORDERS = ("StartInstance", "SetVServerGroupAttribute", "RemoveVServerGroupBackendServers")


@dataclass
class Site:
    """A sink, its cloud, and a group of servers by the names of what will happen to them."""

    sink: Sink
    scene: Scene
    servers: dict[str, str]
    group: Group

    def crash(self) -> None:
        """Its guest goes down by itself."""
        self.scene.stage("POST", f"instances/{self.servers['crashes']}/crash")

    def stop(self) -> None:
        """Somebody orders it to stop."""
        self.scene.api("ecs")("StopInstance", InstanceId=self.servers["is stopped"])

    def interrupt(self) -> None:
        """Its reclaim is announced."""
        self.scene.stage("POST", f"instances/{self.servers['is reclaimed']}/interrupt")

    def in_group(self) -> set[str]:
        """The servers that are still in the group."""
        found = self.scene.api("slb")("DescribeVServerGroupAttribute", VServerGroupId=self.group.group_id)
        return {one["ServerId"] for one in found["BackendServers"]["BackendServer"]}

    def status(self, name: str) -> str:
        """How an instance stands; empty once it is released."""
        ids = json.dumps([self.servers[name]])
        found = self.scene.api("ecs")("DescribeInstances", InstanceIds=ids, RegionId="cn-hangzhou")
        return "".join(one["Status"] for one in found["Instances"]["Instance"])

    def ended(self, running: Running) -> Ended:
        """What the log tells of actions that have ended, by what happened to their instance."""
        names = {instance_id: name for name, instance_id in self.servers.items()}
        lines = [json.loads(line) for line in running.log.splitlines() if line.endswith("}")]
        return {
            (line["module"], names[line["instance_id"]]): line
            for line in lines
            if line["event"] in ("acted", "alarm")
        }


@contextmanager
def a_site(folder: Path, config: str = CONFIG) -> Iterator[Site]:
    """A cloud with five servers in a group, all managed, of which one is preemptible."""
    sink = Sink(folder / "sink", config)
    cloud = CloudProcess(sink.folder / "data", "--fleet-speed", str(SPEED))
    try:
        assert sink.call("run", "--drain").returncode == 0
        scene = Scene(cloud)
        servers = {
            "crashes": scene.instance(tags=MANAGED),
            "is stopped": scene.instance(tags=MANAGED),
            "is reclaimed": scene.instance(tags=MANAGED, spot_strategy="SpotAsPriceGo"),
            "goes on": scene.instance(tags=MANAGED),
            "goes on, too": scene.instance(tags=MANAGED),
        }
        group = scene.vserver_group(scene.balancer(), *((one, 80) for one in servers.values()), Weight=100)
        yield Site(sink, scene, servers, group)
    finally:
        cloud.kill()


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, Ended, str]]:
    """The act, played to its end: the site, what was logged of each action, and what was printed."""
    with a_site(tmp_path_factory.mktemp("act")) as site:
        with site.sink.start("run") as running:
            site.crash()
            site.stop()
            site.interrupt()
            wait_until(lambda: len(site.ended(running)) == 4, "four decisions")
            ended = site.ended(running)
            wait_until(lambda: len(site.sink.rows("__topic__:action")) == 4, "four records")
            code, output, _ = running.stop()
        assert code == 0
        yield site, ended, output


Played = tuple[Site, Ended, str]


def test_a_crash_is_restarted(played: Played) -> None:
    """Nobody ordered it, and nothing explains it."""
    site, ended, _ = played

    assert ended["restart", "crashes"]["status"] == "done"
    assert site.status("crashes") == "Running"


def test_a_stop_that_was_ordered_is_left_alone(played: Played) -> None:
    """Somebody meant it; who it was stands in the reason."""
    site, ended, _ = played

    assert ended["restart", "is stopped"]["status"] == "skipped"
    assert site.status("is stopped") == "Stopped"


def test_an_interrupted_instance_leaves_its_group(played: Played) -> None:
    """And no other does."""
    site, ended, _ = played

    assert ended["slb_removal", "is reclaimed"]["status"] == "done"
    assert ended["restart", "is reclaimed"]["status"] == "skipped"
    assert site.in_group() == set(site.servers.values()) - {site.servers["is reclaimed"]}


def test_the_summary_counts_actions(played: Played) -> None:
    """By how they ended, in the last line."""
    _, _, output = played

    assert output.splitlines()[-1].endswith("actions: 2 done, 2 skipped.")


def test_explain_tells_what_was_done(played: Played) -> None:
    """Events and decisions in the order of time, with steps, milliseconds and the notice's seconds."""
    site, _, _ = played

    told = site.sink.call("explain", site.servers["is reclaimed"]).stdout

    notice, done, used = (
        told.index("Instance:PreemptibleInstanceInterruption"),
        told.index("slb_removal: done: "),
        told.index(" s used"),
    )
    assert notice < done < used < told.index("SetVServerGroupAttribute")
    assert f"weigh 0 {site.group.group_id}" in told
    assert "▲" in told


def test_explain_tells_why_nothing_was_done(played: Played) -> None:
    """No action, because."""
    site, ended, _ = played

    told = site.sink.call("explain", site.servers["is stopped"]).stdout

    assert f"restart: no action, because {ended['restart', 'is stopped']['reason']}" in told
    assert site.servers["crashes"] not in told


def test_explain_tells_programs(played: Played) -> None:
    """One entry a line, whole records in them; of an event only what belongs to it."""
    site, _, _ = played
    of_instance = [
        json.loads(line)
        for line in site.sink.call("explain", site.servers["crashes"], "--json").stdout.splitlines()
    ]
    decision = next(one for one in of_instance if one["topic"] == "action")

    event_key = decision["record"]["event_key"]
    of_event = [
        json.loads(line) for line in site.sink.call("explain", event_key, "--json").stdout.splitlines()
    ]

    assert [one["at_ms"] for one in of_instance] == sorted(one["at_ms"] for one in of_instance)
    states = [one["record"]["state"] for one in of_instance if one["topic"] == "event"]
    assert states == ["Stopped", "Starting", "Running"]
    assert [one["topic"] for one in of_event] == ["event", "action"]


def test_explain_says_what_to_try_where_it_finds_nothing(played: Played) -> None:
    """A longer time, or a search."""
    site, _, _ = played

    done = site.sink.call("explain", "i-nowhere")

    assert done.returncode == 0
    assert "--from 365d" in done.stdout


def test_what_is_no_id_is_refused(played: Played) -> None:
    """It would be a query."""
    site, _, _ = played

    assert site.sink.call("explain", 'i-1" or *').returncode == 64


def test_the_actions_are_shown_with_what_they_used(played: Played) -> None:
    """Of the ledger that the run has left: one admission each, and no circuit open."""
    site, _, _ = played

    shown = [json.loads(line) for line in site.sink.call("actions", "--json").stdout.splitlines()]

    assert [(one["name"], one["admitted"], one["circuit"]) for one in shown if one["enabled"]] == [
        ("restart", 1, None),
        ("slb_removal", 1, None),
    ]
    assert "1 of 30 actions within 600 minutes" in site.sink.call("actions").stdout


def test_a_replay_decides_as_it_was_decided(played: Played) -> None:
    """Under the same settings nothing differs; under others, what they change."""
    site, _, _ = played
    strict = Sink(site.sink.folder.parent / "strict", CONFIG.replace("[guard]", "[guard]\ntag = other"))
    data = {"SINK__LOCAL__DATA": str(site.sink.folder / "data")}
    strict.keys = data

    same = site.sink.call("replay").stdout
    other = [json.loads(line) for line in strict.call("replay", "--json").stdout.splitlines()]

    assert "4 decisions, 0 would be others today" in same
    assert {one["now"]["verdict"] for one in other} == {"refused"}
    assert len(other) == 4


def test_shadow_orders_nothing(tmp_path: Path) -> None:
    """Everything is decided and recorded; the cloud is only asked."""
    with a_site(tmp_path, CONFIG.replace("[actions]\n", "[actions]\nmode = shadow\n")) as site:
        with site.sink.start("run") as running:
            site.crash()
            site.interrupt()
            wait_until(lambda: len(site.ended(running)) == 3, "three decisions")
            ended = site.ended(running)
            running.stop()
        ordered = [one for name in ORDERS for one in requests(site.scene.url, name)]

    assert {run: one["status"] for run, one in ended.items()} == {
        ("restart", "crashes"): "shadow",
        ("slb_removal", "is reclaimed"): "shadow",
        ("restart", "is reclaimed"): "skipped",
    }
    assert ordered == []


def test_actions_do_not_wait_for_the_logstore(tmp_path: Path) -> None:
    """SLS down from beginning to end: they are done, and their records come once it is back."""
    with a_site(tmp_path) as site:
        inject(site.scene.url, "sls:PostLogStoreLogs", status=503, code="ServerBusy")
        with site.sink.start("run") as running:
            site.crash()
            site.interrupt()
            wait_until(lambda: len(site.ended(running)) == 3, "three decisions")
            assert site.servers["is reclaimed"] not in site.in_group()
            assert site.status("crashes") == "Running"
            running.stop()
        heal(site.scene.url)
        assert site.sink.call("run", "--drain").returncode == 0
        rows = site.sink.rows("__topic__:action")
        ordered = requests(site.scene.url, "StartInstance")

    assert sorted((row["module"], row["status"]) for row in rows) == [
        ("restart", "done"),
        ("restart", "skipped"),
        ("slb_removal", "done"),
    ]
    assert len(ordered) == 1


def test_the_kill_switch_stops_what_is_yet_to_be_done(tmp_path: Path) -> None:
    """For as long as the file is there; `sink actions` says so."""
    with a_site(tmp_path) as site:
        switch = read_settings(site.sink.folder / "config.ini", {}).guard.kill_switch
        switch.touch()
        with site.sink.start("run") as running:
            site.crash()
            wait_until(lambda: bool(site.ended(running)), "a decision")
            ended = site.ended(running)
            running.stop()
        told = site.sink.call("actions").stdout

    assert ended["restart", "crashes"]["status"] == "refused"
    assert ended["restart", "crashes"]["reason"].startswith("kill switch: ")
    assert "is there: nothing acts" in told
