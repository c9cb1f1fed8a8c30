"""The events of late: remembered once, in order, for as many instances as there is room."""

from __future__ import annotations

import asyncio

from sink.dispatch import newsroom
from sink.dispatch.newsroom import Newsroom
from tests.dispatch.conftest import an_event


def test_news_come_in_the_order_in_which_they_happened() -> None:
    """And once, however often they are delivered."""
    room = Newsroom()
    later = an_event(number=2, eventTime="20261122T080009.000+0800")
    for event in (later, an_event(number=1), later):
        room.hear(event)

    assert [news.event_key for news in room.of("i-1")] == [an_event(number=1).event_key, later.event_key]
    assert room.of("i-2") == []


def test_what_was_heard_of_longest_ago_is_forgotten(monkeypatch: object) -> None:
    """Memory is bounded by the number of instances."""
    room = Newsroom()
    for number in range(newsroom.MOST_INSTANCES + 1):
        room.hear(an_event(f"i-{number}"))

    assert room.of("i-0") == []
    assert len(room.of("i-1")) == 1


def test_who_waits_is_woken_by_the_next_event_of_that_instance() -> None:
    """Not by another's; and at the latest when the time is over."""

    async def work() -> None:
        room = Newsroom()
        waiting = asyncio.create_task(room.next("i-1", 30))
        await asyncio.sleep(0)
        room.hear(an_event("i-2"))
        await asyncio.sleep(0)
        assert not waiting.done()
        room.hear(an_event("i-1"))
        await asyncio.wait_for(waiting, 5)
        await room.next("i-1", 0.01)

    asyncio.run(work())
