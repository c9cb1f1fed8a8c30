"""An MNS queue as the pipeline uses it: batches, leases, deletes, long polls and their end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time

import pytest

from sink.credentials import LOCAL_KEYS, StaticKeys
from sink.errors import Unreachable
from sink.lease import Message
from sink.sources import BATCH, MnsSource
from tests.conftest import RunningCloud
from tests.faults import requests
from tests.local.conftest import until_waiting
from tests.sources.service import NOTHING_CAME, answer, message, messages, queue, saying

POISONED = answer(200, messages(message("a"), message("B").replace(">B<", ">&B;<")))


def test_what_is_sent_is_received_as_it_was_sent(cloud: RunningCloud) -> None:
    """No decoding on the way: a body that is no base64 is nobody's trouble."""
    bodies = ["plain", '{"a": 1}', "YWJj", "中文 <&>", "x" * 60_000]

    async def run() -> list[tuple[str, int, float]]:
        async with queue(cloud.url, visibility_seconds=45) as source:
            for body in bodies:
                await source.send([body])
            found: list[Message] = []
            while len(found) < len(bodies):
                found += await source.receive(1)
            return [(message.body, message.dequeue_count, message.lease_seconds) for message in found]

    assert sorted(asyncio.run(run())) == sorted((body, 1, 45.0) for body in bodies)


def test_an_empty_queue_is_no_error(cloud: RunningCloud) -> None:
    """It is what a quiet fleet looks like."""

    async def run() -> object:
        async with queue(cloud.url) as source:
            return await source.receive(1)

    assert asyncio.run(run()) == []


def test_a_long_poll_ends_when_a_message_comes(cloud: RunningCloud) -> None:
    """Five minutes are not spent waiting for a timer."""

    async def run() -> float:
        async with queue(cloud.url) as source:
            receiving = asyncio.create_task(source.receive(20))
            while not requests(cloud.url, "CreateQueue"):
                await asyncio.sleep(0.01)
            began = time.monotonic()
            await source.send(["now"])
            assert [message.body for message in await receiving] == ["now"]
            return time.monotonic() - began

    assert asyncio.run(run()) < 5


def test_deleting_tells_how_many_came_too_late(cloud: RunningCloud) -> None:
    """A partial failure is an answer: those messages come again."""

    async def run() -> tuple[int, int, int]:
        async with queue(cloud.url) as source:
            await source.send(["a", "b", "c"])
            messages = list(await source.receive(1))
            messages[0].handle += "A"
            some = await source.delete(messages)
            return some, await source.delete(messages[1:]), await source.waiting()

    assert asyncio.run(run()) == (1, 2, 1)


def test_a_prolonged_message_stays_hidden_and_goes_by_its_new_handle(cloud: RunningCloud) -> None:
    """The old handle is void; deleting by it would fail."""

    async def run() -> tuple[bool, object, int, int]:
        async with queue(cloud.url, visibility_seconds=1) as source:
            await source.send(["a"])
            (message,) = await source.receive(1)
            first = message.handle
            await source.prolong(message, 60)
            hidden = await source.receive(2)
            return first != message.handle, hidden, await source.delete([message]), await source.waiting()

    assert asyncio.run(run()) == (True, [], 0, 0)


def test_a_message_given_back_comes_again(cloud: RunningCloud) -> None:
    """That is how a stopping sink hands over."""

    async def run() -> list[int]:
        async with queue(cloud.url) as source:
            await source.send(["a"])
            (message,) = await source.receive(1)
            await source.prolong(message, 1)
            return [again.dequeue_count for again in await source.receive(5)]

    assert asyncio.run(run()) == [2]


def test_cutting_short_ends_a_long_poll_and_takes_no_message(cloud: RunningCloud) -> None:
    """A stop does not wait half a minute, and what comes then is left to others."""

    async def run() -> tuple[type, float, int]:
        async with queue(cloud.url) as source:
            await source.waiting()
            receiving = asyncio.create_task(source.receive(30))
            await asyncio.to_thread(until_waiting, cloud.url)
            began = time.monotonic()
            source.cut_short()
            (error,) = await asyncio.gather(receiving, return_exceptions=True)
            took = time.monotonic() - began
            await source.send(["later"])
            async with queue(cloud.url, create=False) as other:
                return type(error), took, len(await other.receive(2))

    kind, took, received = asyncio.run(run())
    assert (kind, received) == (Unreachable, 1)
    assert took < 2


def test_a_queue_made_twice_stays_as_it_is(cloud: RunningCloud) -> None:
    """Starting the sink changes nothing that is there."""

    async def run() -> float:
        async with queue(cloud.url, visibility_seconds=7) as source:
            await source.create(99)
            await source.send(["a"])
            return (await source.receive(1))[0].lease_seconds

    assert asyncio.run(run()) == 7


def test_temporary_keys_are_taken(cloud: RunningCloud) -> None:
    """With their token, which is sent but not signed."""
    keys = StaticKeys("STS.local", "sts-secret", "sts-token")

    async def run() -> int:
        async with queue(cloud.url, keys=keys, bodies=["a"]) as source:
            (message,) = await source.receive(1)
            await source.prolong(message, 30)
            return await source.delete([message])

    assert asyncio.run(run()) == 0


def test_sixteen_come_and_go_at_once(cloud: RunningCloud) -> None:
    """One request for all to receive them, one to delete them."""

    async def run() -> tuple[int, int, int]:
        async with queue(cloud.url, bodies=[f"body {number}" for number in range(BATCH)]) as source:
            found = await source.receive(1)
            return len(found), await source.delete(found), await source.waiting()

    assert asyncio.run(run()) == (BATCH, 0, 0)
    assert len(requests(cloud.url, "BatchDeleteMessage")) == 1


def test_a_delete_does_not_stand_behind_a_long_poll(cloud: RunningCloud) -> None:
    """Receiving and settling have connections of their own."""

    async def run() -> tuple[int, bool]:
        async with queue(cloud.url, bodies=["a"]) as source:
            found = await source.receive(1)
            receiving = asyncio.create_task(source.receive(30))
            await asyncio.to_thread(until_waiting, cloud.url)
            void = await source.delete(found)
            was_waiting = not receiving.done()
            source.cut_short()
            await asyncio.gather(receiving, return_exceptions=True)
            return void, was_waiting

    assert asyncio.run(run()) == (0, True)


def test_what_is_in_hand_is_settled_after_receiving_was_cut(cloud: RunningCloud) -> None:
    """A stop ends the receives and nothing else."""

    async def run() -> tuple[int, int]:
        async with queue(cloud.url, bodies=["a", "b"]) as source:
            first, second = await source.receive(1)
            source.cut_short()
            with pytest.raises(Unreachable):
                await source.receive(1)
            await source.prolong(first, 1)
            return await source.delete([second]), await source.waiting()

    assert asyncio.run(run()) == (0, 1)


def test_only_a_first_delivery_tells_the_length_of_a_lease() -> None:
    """It began at FirstDequeueTime; of a later one nobody knows when it began. The clock is our own."""
    first = messages(message("a", count=1, first_ms=5_000, next_ms=50_000))
    again = messages(message("a", count=2, first_ms=5_000, next_ms=90_000))

    async def run() -> list[tuple[float, float, int]]:
        async with saying(answer(200, again), answer(200, first), answer(200, again)) as service:
            source = MnsSource(
                service.url, "q", LOCAL_KEYS, clock=lambda: 100.0, wall_clock=lambda: 1_700_000_000.5
            )
            found = [(await source.receive(1))[0] for _ in range(3)]
            source.close()
            return [(each.lease_seconds, each.held_until, each.received_at_ms) for each in found]

    at = 1_700_000_000_500
    assert asyncio.run(run()) == [(30.0, 130.0, at), (45.0, 145.0, at), (45.0, 145.0, at)]


def asked(*answers: bytes, receives: int) -> list[str]:
    """The targets of so many receives, given these answers."""

    async def run() -> list[str]:
        async with saying(*answers) as service, queue(service.url, create=False) as source:
            for _ in range(receives):
                await asyncio.gather(source.receive(1), return_exceptions=True)
            return [target.partition("numOfMessages=")[2] for target in service.targets]

    return asyncio.run(run())


def test_after_an_unreadable_answer_messages_are_received_one_by_one() -> None:
    """As many as it may have held: the one that broke it hides none of its neighbours again."""
    one = answer(200, messages(message("a")))

    targets = asked(POISONED, NOTHING_CAME, *[one] * BATCH, one, receives=BATCH + 3)
    singly = [target.startswith("1&") for target in targets]

    assert singly == [False, True, *[True] * BATCH, False]


def test_a_message_that_is_broken_itself_is_asked_past() -> None:
    """It is hidden for the length of its lease, while the others come."""
    one = answer(200, messages(message("a")))
    broken = answer(200, messages(message("B").replace(">B<", ">&B;<")))

    targets = asked(broken, one, broken, *[one] * BATCH, one, receives=BATCH + 4)

    assert [target.startswith("1&") for target in targets] == [False, True, True, *[True] * BATCH, False]


def test_a_page_of_a_proxys_changes_nothing() -> None:
    """It says nothing of the messages that wait."""
    targets = asked(answer(502, b"<html></html>"), NOTHING_CAME, receives=2)

    assert targets == ["16&waitseconds=1", "16&waitseconds=1"]


def test_a_sink_that_receives_loads_no_sdk() -> None:
    """It costs memory and start-up time, and only sending, creating and counting need it."""
    code = (
        "import sys; from sink.credentials import LOCAL_KEYS; from sink.sources import MnsSource; "
        "MnsSource('http://127.0.0.1:1', 'q', LOCAL_KEYS).close(); print('mns' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


def test_closing_ends_a_call_of_the_sdks_that_waits() -> None:
    """Whoever is silent does not hold up the end of a process."""

    async def run() -> type:
        async with saying(b"HTTP/1.1 100 Continue\r\n\r\n") as service:
            source = MnsSource(service.url, "q", LOCAL_KEYS)
            waiting = asyncio.create_task(source.waiting())
            while not service.requests:
                await asyncio.sleep(0.01)
            source.close()
            (error,) = await asyncio.gather(waiting, return_exceptions=True)
            return type(error)

    assert asyncio.run(run()) is Unreachable
