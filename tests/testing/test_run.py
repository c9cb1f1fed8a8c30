"""The run in memory that tests of actions go by."""

from __future__ import annotations

import asyncio

import pytest

from sink.testing import Killed, TestRun, stopped


def test_time_of_its_own_passes_only_by_waiting() -> None:
    """Hours pass in no time, and none without having been waited for."""
    run = TestRun(now_ms=0, pace=60)

    asyncio.run(run.sleep(3600))
    asyncio.run(run.next_news("i-1", 60))

    assert run.now_ms() == 61_000


def test_what_is_heard_wakes_who_waits() -> None:
    """By the wall clock, `next_news` ends with the news and not with its time."""
    run = TestRun()

    async def work() -> None:
        waiting = asyncio.create_task(run.next_news("i-1", 3600))
        await asyncio.sleep(0)
        run.hear(stopped("i-1", 5))
        await waiting

    asyncio.run(asyncio.wait_for(work(), 10))

    assert [(one.status, one.event_time_ms) for one in run.news("i-1")] == [("Stopped", 5)]
    assert run.news("i-2") == []


def test_a_killed_run_leaves_its_orders_and_notes() -> None:
    """And nothing else, as the ledger does."""
    run = TestRun(now_ms=7, dies_after=2)
    run.hear(stopped("i-1", 5))

    async def work() -> None:
        await run.note(weight=100)
        await run.intend("start i-1")

    with pytest.raises(Killed):
        asyncio.run(work())
    again = run.again()

    assert (again.notes, again.begun("start i-1"), again.begun("start i-2")) == ({"weight": 100}, 7, None)
    assert again.news("i-1") == []


def test_an_order_keeps_its_first_time() -> None:
    """`begun` tells when it was first given."""
    run = TestRun(now_ms=1)

    async def work() -> None:
        await run.intend("start i-1")
        await run.sleep(1)
        await run.intend("start i-1")

    asyncio.run(work())

    assert run.begun("start i-1") == 1
