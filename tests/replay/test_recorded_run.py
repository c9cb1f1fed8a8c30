"""A stretch of a real run decided again: the same settings the same, one guard changed just what it changes.

The run is that of real processes: a fleet that lives sixty times as fast as life, and to which more happens
than chance would bring in so short a time; `sink run` with both actions; then a `sink run --drain` that ends
what was under way at the stop. What a changed guard has to change is worked out here from the records, by
what the guard's rule says and without the replay.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from sink.local.products import PRODUCTS
from tests.cloud.world import Scene
from tests.faults import requests
from tests.local.conftest import CloudProcess
from tests.processes import Running, Sink, wait_until

SPEED = 60
CONFIG = f"""
[sink]
stop_seconds = 5
[mns]
long_poll_seconds = 1
[actions]
enabled = restart, slb_removal
[guard]
window_minutes = 600
max_group_share = 0.2
[local]
enabled = yes
fleet = 60
fleet_speed = {SPEED}
"""
"""Everything of the stretch is within one window, and groups let so few go that some have to stay."""
MANAGED = "ecs-event-sink/managed"
Row = dict[str, Any]


@dataclass(frozen=True)
class Fleet:
    """The living fleet, and what is made to happen to it."""

    scene: Scene

    def crash(self, number: int, *, managed: bool) -> set[str]:
        """Let guests go down."""
        chosen = self._some(number, lambda one: (MANAGED in one["tags"]) is managed and not _is_spot(one))
        for one in chosen:
            self.scene.stage("POST", f"instances/{one}/crash")
        return chosen

    def stop(self, number: int) -> set[str]:
        """Order instances to stop, as their owners do."""
        chosen = self._some(number, lambda one: MANAGED in one["tags"] and not _is_spot(one))
        for one in chosen:
            self.scene.api("ecs")("StopInstance", InstanceId=one)
        return chosen

    def interrupt(self, number: int) -> set[str]:
        """Announce reclaims."""
        chosen = self._some(number, lambda one: MANAGED in one["tags"] and _is_spot(one))
        for one in chosen:
            self.scene.stage("POST", f"instances/{one}/interrupt")
        return chosen

    def _some(self, number: int, wanted: Callable[[Row], bool]) -> set[str]:
        """So many that run and are wanted, once there are as many."""
        found: list[str] = []

        def enough() -> bool:
            running = [one for one in self.scene.stage("GET", "instances") if one["state"] == "Running"]
            found[:] = [one["instance_id"] for one in running if not one["operation_locks"] and wanted(one)]
            return len(found) >= number

        wait_until(enough, f"{number} such instances")
        return set(found[:number])


def _is_spot(one: Row) -> bool:
    return bool(one["spot_strategy"] != "NoSpot")


@dataclass(frozen=True)
class Recorded:
    """What was recorded, and where."""

    sink: Sink
    url: str
    records: list[Row]
    stopped_at_ms: int
    """When the first sink was told to stop."""

    def again(self, **settings: str) -> list[Row]:
        """Every decision of a replay under these settings."""
        sink = Sink(self.sink.folder, CONFIG, settings)
        done = sink.call("replay", "--json", "--all")
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def in_order(self, module: str) -> list[Row]:
        """A module's records, by their beginning."""
        own = [one for one in self.records if one["module"] == module]
        return sorted(own, key=lambda one: int(one["started_at_ms"]))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """The stretch, recorded."""
    sink = Sink(tmp_path_factory.mktemp("recorded") / "sink", CONFIG)
    cloud = CloudProcess(sink.folder / "data", "--fleet-speed", str(SPEED))
    try:
        stopped_at_ms = _live(sink, Fleet(Scene(cloud)))
        drained = sink.call("run", "--drain")
        assert drained.returncode == 0, drained.stderr
        yield Recorded(sink, cloud.url, sink.rows("__topic__:action", "--limit", "10000"), stopped_at_ms)
    finally:
        cloud.kill()


def _live(sink: Sink, fleet: Fleet) -> int:
    """Run while things happen, until all of them have been decided about; when the stop was ordered (ms)."""
    with sink.start("run") as running:
        # One of each first, so that which was admitted first is no matter of milliseconds.
        _await_decisions(running, fleet.crash(1, managed=True), fleet.interrupt(1))
        restarts = fleet.crash(3, managed=True) | fleet.crash(3, managed=False) | fleet.stop(3)
        _await_decisions(running, restarts, fleet.interrupt(8))
        stopped_at_ms = round(time.time() * 1000)
        code, _, log = running.stop()
    assert code == 0, log
    return stopped_at_ms


def _await_decisions(running: Running, restarts: set[str], removals: set[str]) -> None:
    wanted = {("restart", one) for one in restarts} | {("slb_removal", one) for one in removals}
    wait_until(lambda: wanted <= _decided(running), "a decision on each", patience_seconds=120)


def _decided(running: Running) -> set[tuple[str, str]]:
    lines = [json.loads(line) for line in running.log.splitlines() if line.endswith("}")]
    return {(line["module"], line["instance_id"]) for line in lines if line["event"] in ("acted", "alarm")}


def steps(record: Row) -> set[str]:
    return {one["step"] for one in json.loads(record["steps"])}


def run_of(decision: Row) -> tuple[str, str]:
    return decision["module"], decision["event_key"]


def test_the_stretch_has_every_sort_of_decision(recorded: Recorded) -> None:
    """Else what follows would show little."""
    statuses = Counter((one["module"], one["status"]) for one in recorded.records)

    assert len(recorded.records) >= 15
    assert {module for module, _ in statuses} == {"restart", "slb_removal"}
    assert min(statuses["restart", "done"], statuses["slb_removal", "done"]) >= 2
    assert min(statuses["restart", "refused"], statuses["restart", "skipped"]) >= 2


def test_the_same_settings_decide_as_it_was_recorded(recorded: Recorded) -> None:
    """Each decision once, none otherwise, and unknown only where a run went on in another process."""
    compared = recorded.again()

    assert sorted(map(run_of, compared)) == sorted(map(run_of, recorded.records))
    assert [one for one in compared if one["differs"]] == []
    unknown = {run_of(one): one for one in compared if one["now"]["verdict"] == "unknown"}
    resumed = {
        run_of(one)
        for one in recorded.records
        if int(one["started_at_ms"]) < recorded.stopped_at_ms < int(one["finished_at_ms"])
    }
    assert set(unknown) <= resumed
    assert all("nothing recorded of: " in one["now"]["reason"] for one in unknown.values())
    known = [one for one in compared if run_of(one) not in unknown]
    assert [one["now"]["verdict"] for one in known] == [one["then"]["verdict"] for one in known]
    assert len(known) >= 15


def test_a_replay_calls_nothing(recorded: Recorded) -> None:
    """It reads its own logstore, and no product of the cloud is asked or ordered."""
    began = time.time()
    assert recorded.again()

    asked = {one["service"] for one in requests(recorded.url) if one["at"] >= began}
    assert "sls" in asked
    assert asked.isdisjoint(product.name for product in PRODUCTS)


def test_one_guard_changed_makes_exactly_its_difference(recorded: Recorded) -> None:
    """One action allowed: the first of each module stays, and whoever came to the window later is refused."""
    compared = recorded.again(SINK__GUARD__MAX_ACTIONS="1")

    unknown = {run_of(one) for one in compared if one["now"]["verdict"] == "unknown"}
    expected = {
        run
        for module in ("restart", "slb_removal")
        for run in _refused_by_a_window_of_one(recorded.in_order(module), unknown)
    }
    assert {run_of(one) for one in compared if one["differs"]} == expected
    reasons = {one["now"]["reason"] for one in compared if run_of(one) in expected}
    assert reasons == {"window: 1 actions within 600 minutes, and 1 are allowed"}
    assert len(expected) >= 4


def _refused_by_a_window_of_one(
    records: list[Row], unknown: set[tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """Those that came to the window, which is asked before the groups are, once one had been admitted."""
    is_full = False
    for one in records:
        acted = "admitted" in steps(one)
        guard = one["reason"].split(":")[0] if one["status"] == "refused" else ""
        if run_of(one) in unknown:
            continue
        if is_full and (acted or guard in ("group share", "last backend")):
            yield run_of(one)
        is_full = is_full or acted
