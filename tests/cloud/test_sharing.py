"""Questions that wait together are asked together, and each gets its own answer. Pure, by hypothesis."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.cloud.sharing import Batch, Sharing
from sink.cloud.turn import Turn
from sink.errors import Denied, Rejected

Key = tuple[str, int]


class Service:
    """Answers batches after pauses drawn by chance, and remembers how it was asked."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.asked: list[tuple[str, list[Key], int]] = []
        self.clock = 0

    async def read(self, room: str, batch: Batch[Key, int]) -> Mapping[Key, int]:
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        keys = batch.close()
        self.clock += 1
        sent_at = self.clock
        self.asked.append((room, keys, sent_at))
        for _ in range(self.random.randrange(4)):
            await asyncio.sleep(0)
        return dict.fromkeys(keys, sent_at)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 3)), max_size=40),
    st.integers(1, 4),
    st.integers(0, 1000),
)
def test_every_question_is_answered_by_a_call_that_was_made_after_it(
    questions: list[tuple[str, int, int]], most: int, seed: int
) -> None:
    """Whatever comes in between: no call is too large, none mixes rooms, none is older than its question."""
    service = Service(seed)

    async def run() -> None:
        sharing: Sharing[str, Key, int] = Sharing(service.read, room=lambda key: key[0], most=most)

        async def ask(key: Key, pause: int) -> None:
            for _ in range(pause):
                await asyncio.sleep(0)
            asked_at = service.clock
            assert await asyncio.wait_for(sharing.ask(key, Turn()), 10) > asked_at

        await asyncio.gather(*(ask((room, number), pause) for room, number, pause in questions))

    asyncio.run(run())

    for room, keys, _ in service.asked:
        assert len(keys) <= most
        assert {key[0] for key in keys} == {room}


def test_what_comes_in_one_moment_is_as_few_calls_as_can_be() -> None:
    """The same question twice, and more than fit into one."""
    service = Service(1)

    async def run() -> None:
        sharing: Sharing[str, Key, int] = Sharing(service.read, room=lambda key: key[0], most=10)
        await asyncio.gather(*(sharing.ask(("a", number), Turn()) for number in [*range(25), *range(25)]))

    asyncio.run(run())

    assert sorted(len(keys) for _, keys, _ in service.asked) == [5, 10, 10]


def test_a_bug_is_told_to_everybody_who_waits() -> None:
    """Nobody waits for ever for an answer that will not come."""

    async def read(room: str, batch: Batch[Key, int]) -> Mapping[Key, int]:
        batch.close()
        raise ZeroDivisionError

    async def run() -> None:
        sharing: Sharing[str, Key, int] = Sharing(read, room=lambda key: key[0])
        asked = [sharing.ask(("a", 1), Turn()), sharing.ask(("a", 1), Turn()), sharing.ask(("b", 1), Turn())]
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(one) for one in outcomes] == [ZeroDivisionError] * 3

    asyncio.run(run())


def test_who_joins_makes_the_batch_as_urgent() -> None:
    """The call goes out in the order of its most urgent question."""
    seen: list[int | None] = []

    async def read(room: str, batch: Batch[Key, int]) -> Mapping[Key, int]:
        await asyncio.sleep(0)
        seen.append(batch.turn.deadline_ms)
        return dict.fromkeys(batch.close(), 1)

    async def run() -> None:
        sharing: Sharing[str, Key, int] = Sharing(read, room=lambda key: key[0], most=5)
        turns = [Turn(), Turn(20), Turn(10), Turn(30)]
        await asyncio.gather(*(sharing.ask(("a", number), turn) for number, turn in enumerate(turns)))

    asyncio.run(run())

    assert seen == [10]


def test_dropped_questions_do_not_disturb_the_rest() -> None:
    """Their answers come to nobody."""
    service = Service(4)

    async def run() -> None:
        sharing: Sharing[str, Key, int] = Sharing(service.read, room=lambda key: key[0], most=5)
        tasks = [asyncio.create_task(sharing.ask(("a", number), Turn())) for number in range(5)]
        await asyncio.sleep(0)
        tasks[0].cancel()
        tasks[3].cancel()
        kept = [await tasks[number] for number in (1, 2, 4)]
        assert kept == [1, 1, 1]
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]

    asyncio.run(run())


def test_a_refusal_of_one_question_spoils_no_other() -> None:
    """An id that the API takes offence at is found, and the others are answered."""
    asked: list[int] = []

    async def read(room: str, batch: Batch[Key, int]) -> Mapping[Key, int]:
        keys = batch.close()
        asked.append(len(keys))
        if ("a", 13) in keys:
            raise Rejected("ECS", "InvalidInstanceId.Malformed", "what is this?")
        return {key: key[1] for key in keys}

    async def run() -> list[object]:
        sharing: Sharing[str, Key, int] = Sharing(read, room=lambda key: key[0], most=100)
        questions = (sharing.ask(("a", number), Turn()) for number in range(20))
        return await asyncio.gather(*questions, return_exceptions=True)

    outcomes = asyncio.run(run())

    assert isinstance(outcomes.pop(13), Rejected)
    assert outcomes == [*range(13), *range(14, 20)]
    assert len(asked) < 12


def test_an_error_that_is_about_all_is_told_to_all() -> None:
    """No permission is not looked for question by question."""
    asked: list[int] = []

    async def read(room: str, batch: Batch[Key, int]) -> Mapping[Key, int]:
        asked.append(len(batch.close()))
        raise Denied("ECS", "Forbidden.RAM", "no")

    async def run() -> list[object]:
        sharing: Sharing[str, Key, int] = Sharing(read, room=lambda key: key[0], most=100)
        questions = (sharing.ask(("a", number), Turn()) for number in range(20))
        return await asyncio.gather(*questions, return_exceptions=True)

    assert {type(one) for one in asyncio.run(run())} == {Denied}
    assert asked == [20]
