"""The way of a message: stored before it is deleted, given back when it cannot be, and never dropped."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from sink.errors import CloudError, Denied, Unreachable
from sink.events import INTERRUPTION, Event, Record, Unreadable
from sink.lease import Message
from sink.pipeline import Limits, Pipeline
from tests import samples

LIMITS = Limits(in_hand=64, empty_seconds=0, stop_seconds=2, retry_seconds=0.02)
DOWN = Unreachable("SLS", "ServerBusy", "try later")


class Queue:
    """A queue as the pipeline sees one: batches out, handles that go void, visibility without a clock."""

    def __init__(self, bodies: Sequence[str] = (), name: str = "q") -> None:
        self.name = name
        self.visible = deque((f"{name}-{n}", body) for n, body in enumerate(bodies))
        self.hidden: dict[str, tuple[str, str]] = {}
        self.deleted: list[str] = []
        self.given_back: dict[str, int] = {}
        self.deliveries: dict[str, int] = {}
        self.failures: list[CloudError] = []
        self.delete_failures: list[CloudError] = []
        self.batch = 16
        self.cut = asyncio.Event()

    async def receive(self, wait_seconds: int) -> Sequence[Message]:
        if self.failures:
            raise self.failures.pop(0)
        if not self.visible:
            try:
                await asyncio.wait_for(self.cut.wait(), 0.01)
            except TimeoutError:
                return []
            raise Unreachable("MNS", "NetWorkException", "cut")
        return [self._deliver() for _ in range(min(16, len(self.visible)))]

    def _deliver(self) -> Message:
        name, body = self.visible.popleft()
        count = self.deliveries[name] = self.deliveries.get(name, 0) + 1
        self.hidden[f"{name}#{count}"] = (name, body)
        return Message(self.name, name, f"{name}#{count}", body, count, 1000, 30, 1e12)

    async def delete(self, messages: Sequence[Message]) -> int:
        if self.delete_failures:
            raise self.delete_failures.pop(0)
        found = [self.hidden.pop(message.handle, None) for message in messages]
        self.deleted += [entry[0] for entry in found if entry]
        return found.count(None)

    async def prolong(self, message: Message, seconds: int) -> None:
        self.given_back[message.message_id] = seconds
        if message.handle in self.hidden:
            self.visible.append(self.hidden.pop(message.handle))

    async def waiting(self) -> int:
        return len(self.visible) + len(self.hidden)

    def cut_short(self) -> None:
        self.cut.set()


class Logstore:
    """Keeps records; while `down` is set it keeps none and says so."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.down: CloudError | None = None
        self.refused: set[str] = set()
        self.open = asyncio.Event()
        self.open.set()

    async def write(self, records: Sequence[Record]) -> Sequence[CloudError | None]:
        await self.open.wait()
        if self.down:
            return [self.down] * len(records)
        kept = [record for record in records if record.fields.get("event_id") not in self.refused]
        self.records += kept
        return [None if record in kept else DOWN for record in records]

    @property
    def bodies(self) -> list[str]:
        return [record.fields["body"] for record in self.records if "body" in record.fields]


@dataclass
class Report:
    """Remembers what it was told."""

    troubles: list[tuple[str, str]] = field(default_factory=list)
    recoveries: list[str] = field(default_factory=list)
    bugs: list[Exception] = field(default_factory=list)

    def received(self, events: Sequence[Event | Unreadable]) -> None:
        """Nothing to remember."""

    def trouble(self, part: str, error: CloudError) -> None:
        self.troubles.append((part, error.code))

    def fine(self, part: str) -> None:
        self.recoveries.append(part)

    def bug(self, error: Exception) -> None:
        self.bugs.append(error)


class Actions:
    """Handles interruptions, when it is let."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.told: list[str] = []
        """Whom it was told of, and what it began, in their order."""
        self.may_end = asyncio.Event()
        self.may_end.set()

    def notice(self, events: Iterable[Event]) -> None:
        self.told += [event.instance_id for event in events]

    def wants(self, event: Event) -> bool:
        return event.kind == INTERRUPTION

    async def act(self, event: Event) -> Sequence[Record]:
        self.begun.append(event.instance_id)
        self.told.append(f"act on {event.instance_id}")
        await self.may_end.wait()
        return [Record.of("action", 1000, {"event_key": event.event_key, "status": "done"})]


@dataclass
class Bench:
    """A pipeline over a queue, a logstore and a report of the test's."""

    queue: Queue
    store: Logstore = field(default_factory=Logstore)
    report: Report = field(default_factory=Report)
    actions: Actions = field(default_factory=Actions)
    limits: Limits = LIMITS

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(
            [self.queue],
            self.store,
            self.report,
            sink_id="s",
            actions=self.actions,
            receivers=2,
            limits=self.limits,
            random=Random(1),
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the loop turn until something is so; the test's own time limit ends a wait in vain."""
        while not condition():
            await asyncio.sleep(0.001)


def drained(bodies: Sequence[str], prepare: Callable[[Bench], None] = lambda _: None) -> Bench:
    async def run() -> Bench:
        bench = Bench(Queue(bodies))
        prepare(bench)
        await bench.pipeline.run(drain=True)
        return bench

    return asyncio.run(run())


def interruption(instance: str = "i-1") -> str:
    return samples.state_change(
        instance=instance, name=INTERRUPTION, content={"instanceId": instance, "action": "delete"}
    )


def test_every_message_is_stored_and_then_deleted() -> None:
    """The queue is empty, the logstore holds each body once."""
    bodies = [samples.state_change(instance=f"i-{n}") for n in range(100)]
    bench = drained(bodies)

    assert sorted(bench.store.bodies) == sorted(bodies)
    assert len(bench.queue.deleted) == 100
    assert (bench.pipeline.tally.received, bench.pipeline.tally.stored, bench.pipeline.in_hand) == (
        100,
        100,
        0,
    )


def test_what_cannot_be_read_is_stored_and_leaves_its_neighbours_alone() -> None:
    """One of a batch of sixteen holds no event."""
    bodies = [samples.state_change(instance=f"i-{n}") for n in range(15)] + ["not an event"]
    bench = drained(bodies)

    assert sorted(bench.store.bodies) == sorted(bodies)
    assert [record.topic for record in bench.store.records].count("quarantine") == 1
    assert bench.pipeline.tally.quarantined == 1


def test_nothing_is_deleted_that_is_not_stored() -> None:
    """While SLS is down messages go back to the queue, each time for longer, and arrive when it is up."""

    async def run() -> Bench:
        bench = Bench(Queue([samples.state_change()]))
        bench.store.down = DOWN
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: bench.pipeline.tally.given_back >= 4)
        assert bench.queue.deleted == []
        bench.store.down = None
        await running
        return bench

    bench = asyncio.run(run())

    assert bench.store.bodies == [samples.state_change()]
    assert bench.queue.deleted == ["q-0"]
    assert bench.queue.given_back["q-0"] >= 20
    assert ("logstore", "ServerBusy") in bench.report.troubles
    assert bench.report.recoveries.count("logstore") == 1


def test_one_record_that_is_not_stored_keeps_only_its_own_message() -> None:
    """Its fifteen neighbours are deleted; it comes again."""
    bodies = [samples.state_change(instance=f"i-{n}", id=f"id-{n}") for n in range(16)]

    async def run() -> Bench:
        bench = Bench(Queue(bodies))
        bench.store.refused = {"id-7"}
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: len(bench.queue.deleted) == 15 and bench.queue.deliveries["q-7"] > 1)
        bench.store.refused = set()
        await running
        return bench

    bench = asyncio.run(run())

    assert bench.queue.deleted[-1] == "q-7"
    assert sorted(bench.store.bodies) == sorted(bodies)


def test_an_action_does_not_wait_for_the_store() -> None:
    """Five minutes are short; SLS may be slow."""

    async def run() -> tuple[list[str], list[str]]:
        bench = Bench(Queue([interruption("i-now")]))
        bench.store.open.clear()
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: bench.actions.begun == ["i-now"])
        early = list(bench.queue.deleted)
        bench.store.open.set()
        await running
        return early, bench.queue.deleted

    assert asyncio.run(run()) == ([], ["q-0"])


def test_a_message_waits_for_its_action_and_its_neighbours_do_not() -> None:
    """Deleted only when every action has come to a recorded end."""
    bodies = [samples.state_change(instance=f"i-{n}") for n in range(5)] + [interruption()]

    async def run() -> Bench:
        bench = Bench(Queue(bodies))
        bench.actions.may_end.clear()
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: len(bench.queue.deleted) == 5)
        assert "q-5" not in bench.queue.deleted
        bench.actions.may_end.set()
        await running
        return bench

    bench = asyncio.run(run())

    assert bench.queue.deleted[-1] == "q-5"
    assert [record.topic for record in bench.store.records][-1] == "action"


def test_an_action_whose_record_is_not_stored_keeps_its_message() -> None:
    """An outcome that nobody can read later is no outcome."""

    async def run() -> Bench:
        bench = Bench(Queue([interruption()]))
        bench.actions.may_end.clear()
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: len(bench.store.records) == 1)
        bench.store.down = DOWN
        bench.actions.may_end.set()
        await bench.until(lambda: bench.pipeline.tally.given_back > 0)
        assert bench.queue.deleted == []
        bench.store.down = None
        await running
        return bench

    assert asyncio.run(run()).queue.deleted == ["q-0"]


def test_a_queue_that_fails_is_tried_again_and_said_once_it_works() -> None:
    """Wrong keys, a missing queue, a network that is gone: the process stays up."""

    def prepare(bench: Bench) -> None:
        bench.queue.failures = [Denied("MNS", "AccessDenied", "no"), DOWN, DOWN]

    bench = drained([samples.state_change()], prepare)

    assert bench.queue.deleted == ["q-0"]
    assert bench.report.troubles[0] == ("q", "AccessDenied")
    assert bench.report.recoveries[0] == "q"


def test_a_delete_that_fails_is_tried_again() -> None:
    """The record is stored; a second delivery would only repeat it."""

    def prepare(bench: Bench) -> None:
        bench.queue.delete_failures = [DOWN]

    bench = drained([samples.state_change()], prepare)

    assert (bench.queue.deleted, len(bench.store.records)) == (["q-0"], 1)


def test_a_delete_that_came_too_late_is_counted_and_not_fatal() -> None:
    """The lease was lost: somebody else has the message now."""

    class LateQueue(Queue):
        async def delete(self, messages: Sequence[Message]) -> int:
            await super().delete(messages)
            return len(messages)

    async def run() -> Bench:
        bench = Bench(LateQueue([samples.state_change()]))
        await bench.pipeline.run(drain=True)
        return bench

    tally = asyncio.run(run()).pipeline.tally
    assert (tally.deleted, tally.redelivered) == (0, 1)


def most_in_hand_while_nothing_can_be_stored(queue: Queue) -> int:
    """Of a queue that is drained once storing goes on."""

    async def run() -> int:
        bench = Bench(queue)
        bench.store.open.clear()
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: bench.pipeline.in_hand >= LIMITS.in_hand)
        await asyncio.sleep(0.02)
        most = bench.pipeline.in_hand
        bench.store.open.set()
        await running
        return most

    return asyncio.run(run())


def test_memory_is_bounded_while_nothing_can_be_stored() -> None:
    """Receivers pause when enough is in hand."""
    queue = Queue([samples.state_change(instance=f"i-{n}") for n in range(500)])

    # The last receive may bring sixteen where there was room for one.
    assert LIMITS.in_hand <= most_in_hand_while_nothing_can_be_stored(queue) < LIMITS.in_hand + 16
    assert len(queue.deleted) == 500


class FarQueue(Queue):
    """Answers a while later, and remembers how many receives waited at once."""

    seconds = 0.03
    """The way there and back, beside which a busy machine is quick."""

    def __init__(self, bodies: Sequence[str]) -> None:
        super().__init__(bodies)
        self.waiting_now = self.most_waiting = 0
        self.waits: list[int] = []

    async def receive(self, wait_seconds: int) -> Sequence[Message]:
        self.waits.append(wait_seconds)
        self.waiting_now += 1
        self.most_waiting = max(self.most_waiting, self.waiting_now)
        try:
            await self._way()
            return await super().receive(wait_seconds)
        finally:
            self.waiting_now -= 1

    async def _way(self) -> None:
        await asyncio.sleep(self.seconds)


class SlowQueue(FarQueue):
    """Answers one receive after the other."""

    def __init__(self, bodies: Sequence[str]) -> None:
        super().__init__(bodies)
        self._turn = asyncio.Lock()

    async def _way(self) -> None:
        async with self._turn:
            await asyncio.sleep(0.005)


def far(count: int, limits: Limits = LIMITS, kind: type[FarQueue] = FarQueue) -> FarQueue:
    """A queue of so many messages, drained."""
    queue = kind([samples.state_change(instance=f"i-{n}") for n in range(count)])
    asyncio.run(Bench(queue, limits=limits).pipeline.run(drain=True))
    assert len(queue.deleted) == count
    return queue


def test_a_backlog_calls_helpers_as_many_as_may_be() -> None:
    """Two receivers would pay each way to the queue; helpers do not wait for messages."""
    queue = far(2000, replace(LIMITS, in_hand=1000, helpers=5))

    assert queue.most_waiting == 2 + 5
    assert set(queue.waits) == {0, 1}


def test_a_queue_that_serves_no_more_is_not_crowded() -> None:
    """Helpers would wait behind one another there, and with them whatever else the service is asked."""
    queue = far(2000, replace(LIMITS, in_hand=1000), SlowQueue)

    assert 2 < queue.most_waiting <= 12 < 2 + LIMITS.helpers


def test_messages_one_by_one_call_nobody() -> None:
    """Fifteen at a time are no backlog."""
    queue = far(15)

    assert queue.most_waiting == 2
    assert set(queue.waits) == {1}


def test_helpers_go_when_the_backlog_is_gone() -> None:
    """An idle queue costs the long polls of those who stand, and nothing else."""

    async def run() -> list[int]:
        queue = FarQueue([samples.state_change(instance=f"i-{n}") for n in range(500)])
        bench = Bench(queue, limits=replace(LIMITS, in_hand=1000))
        running = asyncio.create_task(bench.pipeline.run())
        await bench.until(lambda: len(queue.deleted) == 500 and queue.waiting_now <= 2)
        queue.waits.clear()
        await bench.until(lambda: len(queue.waits) >= 20)
        bench.pipeline.stop()
        await running
        return queue.waits

    assert set(asyncio.run(run())) == {LIMITS.long_poll_seconds}


def test_what_helpers_may_bring_counts_as_in_hand() -> None:
    """Else thirty answers on their way would pass the bound together."""
    queue = FarQueue([samples.state_change(instance=f"i-{n}") for n in range(500)])

    assert LIMITS.in_hand <= most_in_hand_while_nothing_can_be_stored(queue) < LIMITS.in_hand + 16


def test_a_helper_that_fails_leaves_it_to_those_who_stand() -> None:
    """They report, and wait longer each time."""

    class Faulty(FarQueue):
        async def receive(self, wait_seconds: int) -> Sequence[Message]:
            if not wait_seconds:
                raise Unreachable("MNS", "NetWorkException", "down")
            return await super().receive(wait_seconds)

    async def run() -> Bench:
        bench = Bench(Faulty([samples.state_change(instance=f"i-{n}") for n in range(100)]))
        await bench.pipeline.run(drain=True)
        return bench

    bench = asyncio.run(run())

    assert len(bench.queue.deleted) == 100
    assert bench.report.troubles == []


def test_a_stop_ends_helpers_too() -> None:
    """What they had received is settled or given back, like all else."""

    async def run() -> Bench:
        queue = FarQueue([samples.state_change(instance=f"i-{n}") for n in range(5000)])
        bench = Bench(queue, limits=replace(LIMITS, in_hand=1000))
        running = asyncio.create_task(bench.pipeline.run())
        await bench.until(lambda: queue.waiting_now > 10)
        bench.pipeline.stop()
        await running
        return bench

    bench = asyncio.run(run())

    assert 0 < len(bench.queue.deleted) < 5000
    assert bench.pipeline.in_hand == 0
    assert len(bench.queue.visible) + len(bench.queue.deleted) == 5000


def test_messages_that_an_action_wants_leave_the_receivers_their_room() -> None:
    """A thousand interruptions that are drained for minutes hide no event that comes after them."""
    urgent = [interruption(f"i-{n}") for n in range(200)]
    later = [samples.state_change(instance=f"i-later-{n}") for n in range(100)]

    async def run() -> Bench:
        bench = Bench(Queue(urgent + later))
        bench.actions.may_end.clear()
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: len(bench.queue.deleted) == 100)
        assert (len(bench.actions.begun), bench.pipeline.in_hand) == (200, 200)
        bench.actions.may_end.set()
        await running
        return bench

    assert len(asyncio.run(run()).queue.deleted) == 300


def test_messages_that_an_action_wants_are_bounded_by_a_bound_of_their_own() -> None:
    """Memory is finite for them, too."""

    async def run() -> tuple[int, Bench]:
        bench = Bench(Queue([interruption(f"i-{n}") for n in range(300)]), limits=replace(LIMITS, acting=100))
        bench.actions.may_end.clear()
        running = asyncio.create_task(bench.pipeline.run(drain=True))
        await bench.until(lambda: bench.pipeline.in_hand >= 100)
        await asyncio.sleep(0.02)
        most = bench.pipeline.in_hand
        bench.actions.may_end.set()
        await running
        return most, bench

    most, bench = asyncio.run(run())

    # What was received before it was read may be wanted, too.
    assert 100 <= most <= 100 + LIMITS.in_hand
    assert len(bench.queue.deleted) == 300


def test_every_event_is_noticed_before_its_action_begins_and_what_is_none_is_not() -> None:
    """An action that waits for its instance to stop hears of it here."""
    bodies = [interruption("i-1"), samples.state_change(instance="i-2"), "not an event"]
    bench = drained(bodies)

    assert bench.actions.told == ["i-1", "i-2", "act on i-1"]


def test_a_stop_sees_through_what_is_in_hand() -> None:
    """Never cut between store and delete."""

    async def run() -> Bench:
        bench = Bench(Queue([samples.state_change()]))
        bench.store.open.clear()
        running = asyncio.create_task(bench.pipeline.run())
        await bench.until(lambda: bench.pipeline.in_hand == 1)
        bench.pipeline.stop()
        bench.store.open.set()
        await running
        return bench

    bench = asyncio.run(run())
    assert (bench.queue.deleted, len(bench.store.records)) == (["q-0"], 1)


def test_a_stop_gives_back_what_takes_too_long() -> None:
    """The next sink must not wait for the lease to end."""

    async def run() -> Bench:
        bench = Bench(Queue([samples.state_change()]), limits=Limits(stop_seconds=0.05))
        bench.store.open.clear()
        running = asyncio.create_task(bench.pipeline.run())
        await bench.until(lambda: bench.pipeline.in_hand == 1)
        bench.pipeline.stop()
        await running
        return bench

    bench = asyncio.run(run())
    assert (bench.queue.deleted, bench.queue.given_back) == ([], {"q-0": 1})


def test_a_stop_does_not_wait_for_an_idle_long_poll() -> None:
    """Ctrl-C on a quiet sink ends it at once, and without an error."""

    async def run() -> Bench:
        bench = Bench(Queue())
        running = asyncio.create_task(bench.pipeline.run())
        await asyncio.sleep(0.01)
        bench.pipeline.stop()
        await running
        return bench

    assert asyncio.run(run()).report.troubles == []


def test_a_bug_costs_its_own_messages_a_new_delivery_and_nobody_else_anything() -> None:
    """The loop outlives what should not have happened."""

    class BuggyActions(Actions):
        def wants(self, event: Event) -> bool:
            if event.instance_id == "i-bug" and len(self.begun) == 0:
                self.begun.append("raised")
                raise ZeroDivisionError
            return False

    async def run() -> Bench:
        bench = Bench(Queue([samples.state_change(instance="i-bug")]), actions=BuggyActions())
        await bench.pipeline.run(drain=True)
        return bench

    bench = asyncio.run(run())
    assert [type(bug) for bug in bench.report.bugs] == [ZeroDivisionError]
    assert (bench.queue.deleted, bench.queue.deliveries) == (["q-0"], {"q-0": 2})


def test_an_action_that_raises_costs_its_message_a_new_delivery() -> None:
    """Never a message held for ever, nor one deleted without its action's end."""

    class RaisingActions(Actions):
        async def act(self, event: Event) -> Sequence[Record]:
            if not self.begun:
                self.begun.append("raised")
                raise ZeroDivisionError
            return await super().act(event)

    async def run() -> Bench:
        bench = Bench(Queue([interruption("i-1")]), actions=RaisingActions())
        await bench.pipeline.run(drain=True)
        return bench

    bench = asyncio.run(run())
    assert [type(bug) for bug in bench.report.bugs] == [ZeroDivisionError]
    assert (bench.queue.deleted, bench.actions.begun) == (["q-0"], ["raised", "i-1"])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["event", "garbage", "interruption"]), max_size=60),
    st.lists(st.sampled_from(["receive", "delete", "store"]), max_size=6),
)
def test_no_message_is_lost_or_left_whatever_fails(kinds: list[str], faults: list[str]) -> None:
    """Conservation: at the end every body is in the logstore, and the queue is empty."""
    make: dict[str, Callable[[str], str]] = {
        "event": lambda name: samples.state_change(instance=name),
        "interruption": interruption,
        "garbage": lambda name: f"<{name}",
    }
    bodies = [make[kind](f"i-{n}") for n, kind in enumerate(kinds)]

    class FailingLogstore(Logstore):
        async def write(self, records: Sequence[Record]) -> Sequence[CloudError | None]:
            if "store" in faults:
                faults.remove("store")
                return [DOWN] * len(records)
            return await super().write(records)

    def prepare(bench: Bench) -> None:
        bench.queue.failures = [DOWN] * faults.count("receive")
        bench.queue.delete_failures = [DOWN] * faults.count("delete")

    async def run() -> Bench:
        bench = Bench(Queue(bodies), store=FailingLogstore())
        prepare(bench)
        await bench.pipeline.run(drain=True)
        return bench

    bench = asyncio.run(run())

    assert set(bench.store.bodies) == set(bodies)
    assert sorted(bench.queue.deleted) == sorted(f"q-{n}" for n in range(len(bodies)))
    assert (bench.queue.visible, bench.queue.hidden, bench.pipeline.in_hand) == (deque(), {}, 0)
