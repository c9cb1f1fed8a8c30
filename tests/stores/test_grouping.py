"""Records joined into groups; each failure tried, given back, split or quarantined as its sort says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sink.backoff import Backoff
from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.events import Record
from sink.stores.grouping import Circuit, GroupingStore, GroupLimits, Outcome

T = TypeVar("T")
LIMITS = GroupLimits(records=100, bytes=10_000, lanes=2, retry_seconds=0)


def record(body: str = "x", topic: str = "event") -> Record:
    return Record.of(topic, 1000, {"event_key": body, "body": body})


def error(kind: type[CloudError]) -> CloudError:
    return kind("SLS", kind.__name__, "said so")


class Logstore:
    """Takes groups, refuses those that hold a body named so, and fails as it is told."""

    def __init__(self) -> None:
        self.groups: list[tuple[str, list[str]]] = []
        self.failures: list[CloudError] = []
        self.calls = 0
        self.refuses: set[tuple[str, str]] = set()
        self.open = asyncio.Event()
        self.open.set()

    async def put(self, topic: str, records: Sequence[Record]) -> None:
        self.calls += 1
        await self.open.wait()
        if self.failures:
            raise self.failures.pop(0)
        bodies = [record.fields["body"] for record in records]
        if any((topic, body) in self.refuses for body in bodies):
            raise error(Rejected)
        self.groups.append((topic, bodies))


def run(
    work: Callable[[GroupingStore, Logstore], Awaitable[T]], limits: GroupLimits = LIMITS
) -> tuple[T, Logstore]:
    async def inside() -> tuple[T, Logstore]:
        logstore = Logstore()
        async with GroupingStore(logstore.put, limits, random=Random(1)) as store:
            return await work(store, logstore), logstore

    return asyncio.run(inside())


def test_what_comes_together_goes_together() -> None:
    """One call for many receives, while a call is under way."""

    async def work(store: GroupingStore, logstore: Logstore) -> list[list[Outcome]]:
        logstore.open.clear()
        writes = [asyncio.create_task(store.write([record(f"{n}")])) for n in range(30)]
        await asyncio.sleep(0.01)
        logstore.open.set()
        return list(await asyncio.gather(*writes))

    outcomes, logstore = run(work)

    assert outcomes == [[None]] * 30
    assert sum(len(bodies) for _, bodies in logstore.groups) == 30
    assert len(logstore.groups) <= 3


@pytest.mark.parametrize(("records_that_wait", "calls"), [(9, 1), (10, 2), (25, 2)])
def test_a_call_beside_others_begins_once_enough_waits(records_that_wait: int, calls: int) -> None:
    """And never more of them than there are lanes."""

    async def work(store: GroupingStore, logstore: Logstore) -> int:
        logstore.open.clear()
        first = asyncio.create_task(store.write([record("first")]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert logstore.calls == 1
        writes = [asyncio.create_task(store.write([record(f"{n}")])) for n in range(records_that_wait)]
        await asyncio.sleep(0.01)
        under_way = logstore.calls
        logstore.open.set()
        assert await asyncio.gather(first, *writes) == [[None]] * (1 + records_that_wait)
        return under_way

    under_way, _ = run(work, GroupLimits(records=10, lanes=2, worth_a_call=10))

    assert under_way == calls


def test_a_bug_is_raised_where_the_records_came_from_and_the_store_goes_on() -> None:
    """Nobody waits for ever."""
    logstore = Logstore()
    bugs = [ZeroDivisionError("a bug of ours")]

    async def put(topic: str, records: Sequence[Record]) -> None:
        if bugs:
            raise bugs.pop()
        await logstore.put(topic, records)

    async def inside() -> Sequence[Outcome]:
        async with GroupingStore(put, LIMITS, random=Random(1)) as store:
            with pytest.raises(ZeroDivisionError):
                await store.write([record("a")])
            return await store.write([record("a")])

    assert asyncio.run(inside()) == [None]
    assert logstore.groups == [("event", ["a"])]


def test_topics_do_not_mix_and_outcomes_keep_their_order() -> None:
    """A log group has one topic."""
    mixed = [record("a"), record("b", "quarantine"), record("c")]

    async def work(store: GroupingStore, logstore: Logstore) -> list[Outcome]:
        logstore.refuses = {("quarantine", "b")}
        return await store.write(mixed)

    outcomes, logstore = run(work)

    assert [type(outcome) for outcome in outcomes] == [type(None), Rejected, type(None)]
    assert ("event", ["a", "c"]) in logstore.groups


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=60))
def test_no_group_is_larger_than_its_limits_and_nothing_is_lost(sizes: list[int]) -> None:
    """SLS refuses a group that is too large, whole. A single record may be what it is."""
    records = [record(f"{at}:".ljust(size, "x")) for at, size in enumerate(sizes)]

    async def work(store: GroupingStore, _: Logstore) -> None:
        await asyncio.gather(*(store.write([one]) for one in records))

    _, logstore = run(work, GroupLimits(records=7, bytes=5000, lanes=1))
    groups = [bodies for _, bodies in logstore.groups]

    assert sorted(body for bodies in groups for body in bodies) == sorted(r.fields["body"] for r in records)
    for bodies in groups:
        assert len(bodies) <= 7
        assert len(bodies) == 1 or sum(len(record(body).contents) for body in bodies) <= 5000


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.sets(st.integers(0, 39), max_size=5))
def test_a_refused_record_is_set_apart_and_its_neighbours_are_stored(count: int, bad: set[int]) -> None:
    """PutLogs takes all or nothing; one bad record must not cost the others."""
    records = [record(f"{n}") for n in range(count)]

    async def work(store: GroupingStore, logstore: Logstore) -> list[Outcome]:
        logstore.refuses = {("event", f"{n}") for n in bad}
        return await store.write(records)

    outcomes, logstore = run(work)
    stored = {
        topic: {b for t, bodies in logstore.groups if t == topic for b in bodies}
        for topic in ("event", "quarantine")
    }

    assert outcomes == [None] * count
    assert stored["quarantine"] == {f"{n}" for n in bad if n < count}
    assert stored["event"] == {f"{n}" for n in range(count)} - stored["quarantine"]


def test_what_even_quarantine_refuses_is_given_back_alone() -> None:
    """Its message stays in the queue; the others are done."""

    async def work(store: GroupingStore, logstore: Logstore) -> list[Outcome]:
        logstore.refuses = {("event", "bad"), ("quarantine", "bad")}
        return await store.write([record("a"), record("bad"), record("b")])

    outcomes, _ = run(work)

    assert [type(outcome) for outcome in outcomes] == [type(None), Rejected, type(None)]


@pytest.mark.parametrize("kind", [Unreachable, Throttled])
def test_a_passing_failure_is_tried_again(kind: type[CloudError]) -> None:
    """A blip costs a moment, not a redelivery."""

    async def work(store: GroupingStore, logstore: Logstore) -> list[Outcome]:
        logstore.failures = [error(kind)]
        return await store.write([record()])

    outcomes, logstore = run(work, GroupLimits(retry_seconds=5))

    assert (outcomes, logstore.calls) == ([None], 2)


@pytest.mark.parametrize("kind", [Denied, Missing])
def test_what_an_operator_must_mend_is_given_back_at_once(kind: type[CloudError]) -> None:
    """Trying again within seconds would not help."""

    async def work(store: GroupingStore, logstore: Logstore) -> list[Outcome]:
        logstore.failures = [error(kind)]
        return await store.write([record()])

    outcomes, logstore = run(work, GroupLimits(retry_seconds=5))

    assert ([type(outcome) for outcome in outcomes], logstore.calls) == ([kind], 1)


def test_while_the_service_is_down_nothing_waits_in_memory() -> None:
    """After a failure writes are refused at once, until a try is due."""

    async def work(store: GroupingStore, logstore: Logstore) -> list[type]:
        logstore.failures = [error(Unreachable)]
        first = await store.write([record()])
        second = await store.write([record(), record("y")])
        return [type(outcome) for outcome in first + second]

    outcomes, logstore = run(work)

    assert (outcomes, logstore.calls) == ([Unreachable] * 3, 1)


def test_the_circuit_lets_one_try_through_after_each_pause() -> None:
    """The pause grows with each failure and ends with the first success."""
    now = 0.0
    circuit = Circuit(lambda: now, Backoff(10, 100, Random(1)))
    failure = error(Unreachable)

    assert circuit.refusal() is None
    circuit.open(failure)
    assert circuit.refusal() is failure
    now = 11
    assert [circuit.refusal(), circuit.refusal()] == [None, failure]
    circuit.close()
    assert circuit.refusal() is None
