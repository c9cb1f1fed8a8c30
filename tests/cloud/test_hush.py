"""The background is silent while somebody is in a hurry, and never for long."""

from __future__ import annotations

import asyncio

from sink.cloud.hush import Hush
from sink.cloud.turn import Turn
from tests.cloud.test_gate import ask, gate
from tests.cloud.world import Scene, in_


class Clock:
    """One that stands still between two steps."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_the_background_begins_no_call_meanwhile(scene: Scene) -> None:
    """Whoever is in a hurry, and whoever just asks, is answered; then it goes on by itself."""
    asyncio.run(_begins_none(scene.url))


async def _begins_none(url: str) -> None:
    clock = Clock()
    async with gate(url, clock=clock) as through:
        through.hush()
        background = asyncio.create_task(through.ask(ask(), Turn(background=True)))
        await through.ask(ask("DescribeZones"), Turn(in_(100)))
        await through.ask(ask(), Turn())
        assert not background.done()

        clock.seconds += 1
        await background


def test_it_has_every_second_moment_to_itself() -> None:
    """However many interruptions follow one another: else nothing would be known of their groups."""
    clock = Clock()
    hush = Hush(clock)
    silent = []
    for _ in range(1000):
        hush.begin()
        silent.append(hush.seconds_left() > 0)
        clock.seconds += 0.001

    assert silent[0]
    assert 0.4 < sum(silent) / len(silent) <= 0.55
