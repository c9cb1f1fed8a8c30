"""Two sinks on one ledger, whatever they do in whatever order, against a model of a dictionary."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from sink.errors import LostRun
from sink.ledger import Admitted, Claim, Closed, Held, Ledger, Use
from tests.ledger.conftest import new_run

T = TypeVar("T")
LEASE_SECONDS = 1000
SINKS = st.sampled_from(["one", "two"])
RUNS = st.sampled_from(["a", "b", "c"])
ORDERS = st.sampled_from(["start", "remove"])


@dataclass
class Known:
    """What the model knows of a run."""

    owner: str | None
    epoch: int = 1
    admitted_at: float | None = None
    plan: Any = None
    notes: dict[str, Any] = field(default_factory=dict)
    orders: list[str] = field(default_factory=list)
    closed: Closed | None = None


class TwoSinks(RuleBasedStateMachine):
    """Each rule does the same to the ledger and to the model, and compares."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.url = f"sqlite:///{Path(self.folder.name) / 'ledger.db'}"
        self.now = 1_700_000_000.0
        self.known: dict[str, Known] = {}
        self.failures = 0
        self.claims: dict[tuple[str, str], Claim] = {}
        self.stacks: dict[str, AsyncExitStack] = {}
        self.sinks: dict[str, Ledger] = {}
        self.lease_until: dict[str, float] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Let the ledger work, on one loop throughout."""
        return self.runner.run(work)

    @initialize()
    def open_both(self) -> None:
        for name in ("one", "two"):
            self.open(name)

    def open(self, name: str) -> None:
        self.stacks[name] = AsyncExitStack()
        opening = Ledger.open(self.url, name, lease_seconds=LEASE_SECONDS, clock=lambda: self.now)
        self.sinks[name] = self.run(self.stacks[name].enter_async_context(opening))

    def teardown(self) -> None:
        for stack in self.stacks.values():
            self.run(stack.aclose())
        self.runner.close()
        self.folder.cleanup()

    def alive(self, name: str) -> None:
        """Whoever asks renews its lease, once a third of it is used."""
        left = self.lease_until.get(name, 0) - self.now
        if left <= LEASE_SECONDS * 2 / 3:
            self.lease_until[name] = self.now + LEASE_SECONDS

    def is_held(self, known: Known) -> bool:
        return known.owner is not None and self.lease_until.get(known.owner, 0) > self.now

    def is_theirs(self, sink: str, run: str) -> bool:
        claim, known = self.claims.get((sink, run)), self.known.get(run)
        return claim is not None and known is not None and (known.owner, known.epoch) == (sink, claim.epoch)

    def write(self, sink: str, run: str, work: Coroutine[Any, Any, T]) -> T | None:
        """Write to a run: LostRun if and only if the model has it with another, or closed."""
        self.alive(sink)
        if self.is_theirs(sink, run) and self.known[run].closed is None:
            return self.run(work)
        try:
            self.run(work)
        except LostRun:
            return None
        raise AssertionError(f"{sink} wrote to {run}, which it has lost")

    @rule(sink=SINKS, run=RUNS)
    def claim(self, sink: str, run: str) -> None:
        self.alive(sink)
        answer, known = self.run(self.sinks[sink].claim(new_run(run))), self.known.get(run)
        if known is None:
            known = self.known[run] = Known(sink)
        elif known.closed is not None:
            assert answer == known.closed
            return
        elif known.owner != sink and self.is_held(known):
            assert isinstance(answer, Held)
            return
        else:
            known.owner, known.epoch = sink, known.epoch + 1
        assert isinstance(answer, Claim)
        assert (answer.epoch, answer.plan, answer.notes) == (known.epoch, known.plan, known.notes)
        assert list(answer.orders) == known.orders
        assert (answer.admitted_at_ms is None) == (known.admitted_at is None)
        self.claims[sink, run] = answer

    @rule(sink=SINKS, run=RUNS, limit=st.integers(0, 2), window=st.sampled_from([100, 5000]))
    def admit(self, sink: str, run: str, limit: int, window: int) -> None:
        claim = self.claims.get((sink, run))
        if claim is None:
            return
        since = self.now - window
        others = [one for name, one in self.known.items() if name != run and one.admitted_at is not None]
        used = sum(1 for one in others if one.admitted_at is not None and one.admitted_at >= since)
        takes = {
            name
            for name, one in self.known.items()
            if name != run and one.admitted_at is not None and self.takes_count(one, since)
        }
        seen: list[Use] = []

        def decide(use: Use) -> Admitted | None:
            seen.append(use)
            return Admitted(f"plan {run}", {"group": [run]}) if use.actions < limit else None

        admitted = self.write(
            sink, run, self.sinks[sink].admit(claim, decide, round(since * 1000), ["group"])
        )
        if not seen:
            return
        assert seen[-1] == Use(used, {"group": frozenset(takes)})
        assert (admitted is not None) == (used < limit)
        known = self.known[run]
        known.plan, known.admitted_at = (f"plan {run}", self.now) if admitted else (None, None)

    def takes_count(self, known: Known, since: float) -> bool:
        """Whether what a run took is still taken."""
        if known.closed is None:
            return True
        return known.closed.status == "done" and known.admitted_at is not None and known.admitted_at >= since

    @rule(sink=SINKS, run=RUNS, order=ORDERS)
    def intend(self, sink: str, run: str, order: str) -> None:
        if claim := self.claims.get((sink, run)):
            self.write(sink, run, self.sinks[sink].intend(claim, order))
            if (
                self.is_theirs(sink, run)
                and self.known[run].closed is None
                and order not in self.known[run].orders
            ):
                self.known[run].orders.append(order)

    @rule(sink=SINKS, run=RUNS, value=st.integers(0, 3))
    def note(self, sink: str, run: str, value: int) -> None:
        if claim := self.claims.get((sink, run)):
            self.write(sink, run, self.sinks[sink].note(claim, {f"n{value % 2}": value}))
            if self.is_theirs(sink, run) and self.known[run].closed is None:
                self.known[run].notes[f"n{value % 2}"] = value

    @rule(sink=SINKS, run=RUNS, status=st.sampled_from(["done", "failed", "skipped"]))
    def close(self, sink: str, run: str, status: str) -> None:
        claim, known = self.claims.get((sink, run)), self.known.get(run)
        if claim is None or known is None:
            return
        again = known.closed is not None and self.is_theirs(sink, run)
        if again:
            self.alive(sink)
            self.run(self.sinks[sink].close(claim, status, {"by": sink}))
            return
        self.write(sink, run, self.sinks[sink].close(claim, status, {"by": sink}))
        if self.is_theirs(sink, run):
            known.closed = Closed(status, {"by": sink})
            self.failures = {"failed": self.failures + 1, "done": 0}.get(status, self.failures)

    @rule(sink=SINKS, run=RUNS)
    def release(self, sink: str, run: str) -> None:
        if claim := self.claims.get((sink, run)):
            self.alive(sink)
            self.run(self.sinks[sink].release(claim))
            if self.is_theirs(sink, run) and self.known[run].closed is None:
                self.known[run].owner = None

    @rule(seconds=st.sampled_from([1, 300, 700, 1001]))
    def let_time_pass(self, seconds: int) -> None:
        self.now += seconds

    @rule(sink=SINKS)
    def restart(self, sink: str) -> None:
        """An orderly end, and a new sink under the old name: what was the old one's is nobody's."""
        self.run(self.stacks[sink].aclose())
        for known in self.known.values():
            if known.owner == sink and known.closed is None:
                known.owner = None
        self.lease_until.pop(sink, None)
        for key in [key for key in self.claims if key[0] == sink]:
            del self.claims[key]
        self.open(sink)

    @rule(sink=SINKS)
    def look_around(self, sink: str) -> None:
        self.alive(sink)
        left = {run.event_key for run in self.run(self.sinks[sink].unfinished())}
        assert left == {
            f"key-{name}"
            for name, known in self.known.items()
            if known.closed is None and not self.is_held(known)
        }
        assert self.run(self.sinks[sink].failures_in_row("restart")) == self.failures
        for name, known in self.known.items():
            earlier = self.run(self.sinks[sink].earlier("restart", f"i-{name}", 0))
            status = known.closed.status if known.closed else ""
            assert [run.status for run in earlier] == ([] if known.admitted_at is None else [status])


TestTwoSinks = TwoSinks.TestCase
TestTwoSinks.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
