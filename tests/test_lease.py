"""Messages in hand are prolonged at half time, and stand still once released."""

from __future__ import annotations

import asyncio

import pytest

from sink.errors import Unreachable
from sink.lease import Leases, Message


def message(name: str = "m", *, held_until: float = 30.0, lease: float = 30.0) -> Message:
    return Message("q", name, f"{name}-handle-1", "body", 1, 1000, lease, held_until)


class Queue:
    """Prolongs like MNS: a new handle each time, on a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.prolonged: list[str] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.fails = False

    def clock(self) -> float:
        return self.now

    async def prolong(self, message: Message, seconds: int) -> None:
        self.prolonged.append(message.message_id)
        await self.answers.wait()
        if self.fails:
            raise Unreachable("MNS", "NetWorkException", "gone")
        message.handle = f"{message.message_id}-handle-{len(self.prolonged) + 1}"
        message.held_until = self.now + seconds


@pytest.mark.parametrize(("now", "expected"), [(14.9, []), (15.1, ["m"])])
def test_a_lease_is_prolonged_at_half_time_and_not_before(now: float, expected: list[str]) -> None:
    """Half the lease is left for a failed try and the way."""

    async def run() -> list[str]:
        queue = Queue()
        leases = Leases(queue.prolong, queue.clock)
        leases.take([message()])
        queue.now = now
        leases.prolong_due()
        await asyncio.sleep(0)
        return queue.prolonged

    assert asyncio.run(run()) == expected


def test_a_prolonged_message_goes_by_its_new_handle() -> None:
    """The old handle is void at MNS."""

    async def run() -> Message:
        queue = Queue()
        leases, kept = Leases(queue.prolong, queue.clock), message()
        leases.take([kept])
        queue.now = 20
        leases.prolong_due()
        await leases.release([kept])
        return kept

    kept = asyncio.run(run())
    assert (kept.handle, kept.held_until) == ("m-handle-2", 50)


def test_release_waits_for_a_prolongation_under_way() -> None:
    """Deleting by a handle that is just being replaced would fail."""

    async def run() -> tuple[bool, str]:
        queue = Queue()
        queue.answers.clear()
        leases, kept = Leases(queue.prolong, queue.clock), message()
        leases.take([kept])
        queue.now = 20
        leases.prolong_due()
        releasing = asyncio.create_task(leases.release([kept]))
        await asyncio.sleep(0)
        early = releasing.done()
        queue.answers.set()
        await releasing
        return early, kept.handle

    assert asyncio.run(run()) == (False, "m-handle-2")


def test_a_message_is_prolonged_once_at_a_time() -> None:
    """A slow answer is not asked for again."""

    async def run() -> list[str]:
        queue = Queue()
        queue.answers.clear()
        leases = Leases(queue.prolong, queue.clock)
        leases.take([message()])
        queue.now = 20
        leases.prolong_due()
        await asyncio.sleep(0)
        leases.prolong_due()
        await asyncio.sleep(0)
        return queue.prolonged

    assert asyncio.run(run()) == ["m"]


def test_of_one_message_that_comes_twice_at_once_one_is_taken() -> None:
    """Under the handle of the later: two would be stored, and one deleted in vain."""

    async def run() -> tuple[list[str], int]:
        queue = Queue()
        leases, first, second = Leases(queue.prolong, queue.clock), message(), message()
        second.handle = "second"
        return [each.handle for each in leases.take([first, second])], len(leases)

    assert asyncio.run(run()) == (["second"], 1)


def test_a_message_that_comes_again_goes_on_under_its_new_handle() -> None:
    """Its lease was lost somewhere; it must not be worked on twice."""

    async def run() -> tuple[list[Message], str, int]:
        queue = Queue()
        leases, first, again = Leases(queue.prolong, queue.clock), message(), message(held_until=99)
        again.handle = "again"
        leases.take([first])
        return leases.take([again]), first.handle, len(leases)

    assert asyncio.run(run()) == ([], "again", 1)


def test_a_refused_prolongation_is_tried_again_later_and_not_at_once() -> None:
    """Neither a crash nor a hot loop."""

    async def run() -> list[int]:
        queue = Queue()
        queue.fails = True
        leases = Leases(queue.prolong, queue.clock)
        leases.take([message()])
        counts = []
        for queue.now in (16, 16.1, 50):
            leases.prolong_due()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            counts.append(len(queue.prolonged))
        return counts

    assert asyncio.run(run()) == [1, 1, 2]


def test_the_oldest_in_hand_is_known() -> None:
    """The live table shows its age."""
    queue = Queue()
    leases = Leases(queue.prolong, queue.clock)

    empty = leases.oldest_received_at_ms
    leases.take([message("a"), message("b")])

    assert (empty, leases.oldest_received_at_ms, len(leases)) == (None, 1000, 2)
