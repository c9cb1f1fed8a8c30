"""A fleet lives on a clock, publishes what happens, and goes on after a restart."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sink.local.fleet.fleet import DATABASE, Fleet, history
from sink.local.fleet.state import FleetState

START = 1_700_000_000.0
HOUR = 3600.0


class Queue:
    """Receives bodies as the queue would; refuses after so many, as a process that dies does."""

    def __init__(self, room: int = 10**9) -> None:
        self.bodies: list[bytes] = []
        self._room = room

    async def send(self, body: bytes) -> None:
        if len(self.bodies) == self._room:
            raise ConnectionError("the queue is gone")
        self.bodies.append(body)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(base64.b64decode(body, validate=True)) for body in self.bodies]


def fleet(data: Path, queue: Queue, at: float = START, seed: int = 1, **options: Any) -> Fleet:
    """A fleet whose clock stands still: only `advance` makes it live."""
    return Fleet(data, size=10, clock=lambda: at, random=Random(seed), publish=queue.send, **options)


def live(data: Path, queue: Queue, hours: float, at: float = START, **options: Any) -> list[dict[str, Any]]:
    async def run() -> None:
        async with fleet(data, queue, at, **options) as living:
            await living.advance(at + hours * HOUR)

    asyncio.run(run())
    return queue.events


def test_a_driven_fleet_lives_hours_at_once(tmp_path: Path) -> None:
    """`advance` makes everything happen that is due."""
    events = live(tmp_path, Queue(), hours=6)
    assert (events[0]["eventTime"][:11], events[-1]["eventTime"][:11]) == ("20231115T06", "20231115T12")


def test_the_same_seed_lives_the_same_life(tmp_path: Path) -> None:
    """Byte for byte, through SQLite or without."""
    queue = Queue()
    live(tmp_path, queue, hours=6, seed=3)
    told = [base64.b64encode(body) for _, body in history(3, 10, START, START + 6 * HOUR)]
    assert told == queue.bodies


def test_another_seed_lives_another_life() -> None:
    """Chance is an argument."""
    assert list(history(1, 10, START, START + HOUR)) != list(history(2, 10, START, START + HOUR))


def test_a_fleet_goes_on_after_a_restart(tmp_path: Path) -> None:
    """The same instances, in the states they were in."""
    before = live(tmp_path, Queue(), hours=6)
    after = live(tmp_path, Queue(), hours=6, at=START + 6 * HOUR, seed=2)
    known = {one["content"].get("resourceId") for one in before}
    created = {one["content"]["resourceId"] for one in after if one["content"].get("state") == "Created"}
    changed = {one["content"]["resourceId"] for one in after if "state" in one["content"]}
    assert changed - created <= known
    assert changed & known


def test_what_fell_due_while_the_process_was_away_happens_at_the_next_start(tmp_path: Path) -> None:
    """No event is dated before the start it was told in."""
    live(tmp_path, Queue(), hours=6)
    events = live(tmp_path, Queue(), hours=1, at=START + 30 * 24 * HOUR)
    assert min(one["eventTime"] for one in events)[:11] == "20231215T06"


def test_what_was_pending_is_not_forgotten(tmp_path: Path) -> None:
    """Every interruption noticed before the stop is carried through after it."""
    events = live(tmp_path, Queue(), hours=48)
    events += live(tmp_path, Queue(), hours=1, at=START + 48 * HOUR)
    noticed = {one["content"]["instanceId"] for one in events if "Preemptible" in one["name"]}
    stopped = {one["content"].get("resourceId") for one in events if one["content"].get("state") == "Stopped"}
    assert noticed <= stopped


def test_an_event_whose_delivery_failed_is_delivered_by_the_next_start(tmp_path: Path) -> None:
    """Nothing is lost with the process, and the repeated one keeps its id."""
    with pytest.raises(ConnectionError):
        live(tmp_path, cut := Queue(room=20), hours=6)
    with closing(FleetState(tmp_path / DATABASE)) as state:
        waiting = [json.loads(one.body)["id"] for one in state.undelivered()]
    resumed = live(tmp_path, Queue(), hours=6)
    assert len(cut.bodies) == 20
    assert waiting == [one["id"] for one in resumed[: len(waiting)]]


def test_a_failing_publish_ends_the_life(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A fault of the publisher is logged at once, and raised on leaving."""

    async def run() -> None:
        tried = asyncio.Event()

        async def publish(body: bytes) -> None:
            tried.set()
            raise ConnectionError("the queue is gone")

        async with _quick(tmp_path, publish):
            await asyncio.wait_for(tried.wait(), 20)

    with pytest.raises(ConnectionError, match="the queue is gone"):
        asyncio.run(run())
    assert "the fleet has come to an end" in caplog.text


def test_a_fleet_lives_by_itself_on_the_true_clock(tmp_path: Path) -> None:
    """Sped up, events come within moments, and their times are those of the clock."""
    started = time.time()
    queue = Queue()

    async def run() -> None:
        heard = asyncio.Event()

        async def publish(body: bytes) -> None:
            await queue.send(body)
            if len(queue.bodies) == 30:
                heard.set()

        async with _quick(tmp_path, publish):
            await asyncio.wait_for(heard.wait(), 20)

    asyncio.run(run())
    times = [_epoch(one["eventTime"]) for one in queue.events]
    assert started - 0.001 <= min(times) <= max(times) <= time.time()


def _quick(data: Path, publish: Callable[[bytes], Awaitable[None]]) -> Fleet:
    return Fleet(data, size=10, clock=time.time, random=Random(1), publish=publish, speed=3600)


def _epoch(text: str) -> float:
    return datetime.strptime(text, "%Y%m%dT%H%M%S.%f%z").timestamp()


def test_a_faster_fleet_gives_shorter_notice(tmp_path: Path) -> None:
    """At sixty times the speed, a reclaim follows its notice after five seconds."""
    events = live(tmp_path, Queue(), hours=1, speed=60)
    notices = [one for one in events if "Preemptible" in one["name"]]
    noticed = {one["content"]["instanceId"]: _epoch(one["eventTime"]) for one in notices}
    taken = [
        round(_epoch(one["eventTime"]) - noticed[one["content"]["resourceId"]], 2)
        for one in events
        if one["content"].get("state") == "Deleted" and one["content"]["resourceId"] in noticed
    ]
    assert min(taken) == 5.0


def test_deleted_instances_are_gone_from_the_fleet(tmp_path: Path) -> None:
    """`instances` is what DescribeInstances would show."""

    async def run() -> tuple[set[str], set[str]]:
        queue = Queue()
        async with fleet(tmp_path, queue) as living:
            await living.advance(START + 24 * HOUR)
            contents = [one["content"] for one in queue.events if "state" in one["content"]]
            last = {content["resourceId"]: content["state"] for content in contents}
            return set(living.instances), {one for one, state in last.items() if state != "Deleted"}

    actual, expected = asyncio.run(run())
    assert expected == actual
