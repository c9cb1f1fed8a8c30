"""Real processes on one ledger: they race, they are killed with -9 at any moment, they freeze and come back.

The oracle is what each process said after the ledger had acknowledged it. `SINK_CRASHES=200` kills that
often instead of a few times.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from sink.ledger import Claim, Closed, Ledger, Use
from tests.ledger.child import LEASE_SECONDS
from tests.ledger.conftest import claimed, new_run
from tests.processes import PATIENCE_SECONDS, environment

CRASHES = int(os.environ.get("SINK_CRASHES", "4"))
LIMIT = 40


class Child:
    """A process that uses a ledger, and what it has said."""

    def __init__(self, path: Path, url: str, name: str, *arguments: str) -> None:
        self._path = path
        with path.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.ledger.child", url, name, *arguments],
                stdin=subprocess.PIPE,
                stdout=output,
                env=environment(),
            )

    @property
    def said(self) -> list[list[Any]]:
        """Whole lines, oldest first."""
        return [
            json.loads(line)
            for line in self._path.read_text().splitlines(keepends=True)
            if line.endswith("\n")
        ]

    def tell(self, line: str) -> None:
        """Write to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def until(self, so: Callable[[list[list[Any]]], bool]) -> list[list[Any]]:
        """Wait until what was said is so; all of it."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while not so(said := self.said):
            assert self.process.poll() is None, f"it has ended: {said}"
            assert time.monotonic() < give_up_at, f"in vain, after {said}"
            time.sleep(0.01)
        return said

    def until_said(self, count: int) -> list[list[Any]]:
        """Wait until so many lines were said; all of them."""
        return self.until(lambda said: len(said) >= count)

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """Kill -9, and wait until it is gone."""
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)
        assert self.process.stdin is not None
        self.process.stdin.close()


@pytest.fixture
def start(url: str, tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Start children on the ledger: `start(name, "race", "100", "5")`."""
    started: list[Child] = []

    def start(name: str, *arguments: str) -> Child:
        started.append(Child(tmp_path / f"{len(started)}.lines", url, name, *arguments))
        return started[-1]

    yield start
    for child in started:
        child.kill()


def test_of_two_processes_one_gets_each_run_and_each_slot(start: Callable[..., Child]) -> None:
    """Every run is claimed once, and as many are admitted as may be: not one more, not one less."""
    children = [start(name, "race", "300", "50") for name in ("one", "two")]
    for child in children:
        child.until_said(1)
    for child in children:
        child.tell("go")

    said = [line for child in children for line in child.until(lambda said: ["ended"] in said)]
    assert sorted(line[1] for line in said if line[0] == "claimed") == list(range(300))
    admitted = [line[1] for line in said if line[0] == "admitted"]
    assert len(admitted) == len(set(admitted)) == 50


def test_a_frozen_sink_loses_its_run_and_finds_it_lost(start: Callable[..., Child], url: str) -> None:
    """It is stopped for longer than its lease; when it goes on, its next order is not given."""
    frozen = start("frozen", "hold")
    assert frozen.until_said(1) == [["claimed", 1]]
    frozen.tell("weight 0")
    assert frozen.until_said(2)[-1] == ["intended"]
    frozen.signal(signal.SIGSTOP)

    async def take_over() -> Claim:
        async with Ledger.open(url, "other", lease_seconds=30) as other:
            give_up_at = time.monotonic() + PATIENCE_SECONDS
            while not isinstance(await other.claim(new_run()), Claim):
                assert time.monotonic() < give_up_at, "the frozen sink still has it"
                await asyncio.sleep(0.02)
            frozen.signal(signal.SIGCONT)
            frozen.tell("remove")
            await asyncio.to_thread(frozen.until_said, 3)
            return await claimed(other)

    claim = asyncio.run(take_over())
    assert frozen.said[-1] == ["lost"]
    assert list(claim.orders) == ["weight 0"]


def test_a_sink_that_comes_back_in_time_has_lost_nothing(start: Callable[..., Child]) -> None:
    """A lease that ran out meanwhile is only lost to somebody who asked."""
    child = start("slow", "hold")
    child.until_said(1)
    child.signal(signal.SIGSTOP)
    time.sleep(1.5 * LEASE_SECONDS)  # not to win a race: to be gone for longer than the lease
    child.signal(signal.SIGCONT)
    child.tell("weight 0")

    assert child.until_said(2)[-1] == ["intended"]


@pytest.mark.timeout(120 + 10 * CRASHES)
def test_what_was_acknowledged_is_there_however_often_it_is_killed(
    start: Callable[..., Child], url: str
) -> None:
    """Two sinks work, and one after another is killed at any moment; whatever they said holds."""
    random = Random(1)
    children: list[Child] = []
    at_work = [start(f"{side} 0", "work", str(random.randrange(10**9)), str(LIMIT)) for side in "ab"]
    children += at_work
    for crash in range(CRASHES):
        victim = random.randrange(2)
        at_work[victim].until_said(20)
        time.sleep(random.uniform(0, 0.4))  # not to win a race: to be killed at any moment of it
        at_work[victim].kill()
        at_work[victim] = start(
            f"{'ab'[victim]} {crash + 1}", "work", str(random.randrange(10**9)), str(LIMIT)
        )
        children.append(at_work[victim])
    for child in at_work:
        child.until_said(20)
        child.kill()

    check(url, [child.said for child in children])


def check(url: str, said: list[list[list[Any]]]) -> None:
    """Hold what was said against what the ledger has."""
    lines = [line for lines in said for line in lines]
    claims = [line for line in lines if line[0] == "claimed"]
    admitted = {line[1]: line[2] for line in lines if line[0] == "admitted"}
    closed = {line[1]: line[2] for line in lines if line[0] == "closed" and line[2] is not None}

    epochs = [(line[1], line[2]) for line in claims]
    assert len(set(epochs)) == len(epochs), "two had the same claim"
    plans = [(line[1], line[3]) for line in claims if line[3] is not None and line[1] in admitted]
    assert all(plan == admitted[action_id] for action_id, plan in plans), "an admitted plan was changed"
    assert sum(1 for line in lines if line[0] == "admitted") == len(admitted), "one was admitted twice"
    assert len(admitted) <= LIMIT
    assert {line[2] for line in lines if line[0] == "closed"} - {"done", "refused", None} == set()
    for action_id in closed:
        outcomes = {line[2] for line in lines if line[0] == "closed" and line[1] == action_id and line[2]}
        assert len(outcomes) == 1, f"{action_id} was closed as {outcomes}"
    asyncio.run(check_ledger(url, lines, admitted, closed))


async def check_ledger(
    url: str, lines: list[list[Any]], admitted: dict[str, Any], closed: dict[str, str]
) -> None:
    """Claim every run that was ever claimed, and see how far it was."""
    async with Ledger.open(url, "oracle", lease_seconds=30) as oracle:
        seen: list[Use] = []
        await oracle.admit(await claimed(oracle, "of the oracle"), seen.append, 0)
        assert len(admitted) <= seen[-1].actions <= LIMIT
        for action_id in {line[1] for line in lines if line[0] == "claimed"}:
            give_up_at = time.monotonic() + PATIENCE_SECONDS
            name = action_id.removeprefix("restart-")
            while not isinstance(found := await oracle.claim(new_run(name)), Claim | Closed):
                assert time.monotonic() < give_up_at, "the dead still hold it"
                await asyncio.sleep(0.05)
            of_run = [line for line in lines if line[1:2] == [action_id]]
            if isinstance(found, Closed):
                assert closed.get(action_id, found.status) == found.status
                continue
            assert action_id not in closed, "a closed run was opened"
            assert found.plan == admitted.get(action_id, found.plan)
            assert {line[2] for line in of_run if line[0] == "intended"} <= found.orders.keys()
            notes = {line[2]: line[3] for line in of_run if line[0] == "noted"}
            assert notes.keys() <= found.notes.keys()
