"""When the embedded cloud is no longer needed."""

from __future__ import annotations

import asyncio

import pytest

from sink.local.holders import Holders


async def ended(holders: Holders, patience_seconds: float, limit_seconds: float) -> bool:
    """Tell whether the cloud is abandoned within the limit."""
    try:
        await asyncio.wait_for(holders.abandoned(patience_seconds), limit_seconds)
    except TimeoutError:
        return False
    return True


def test_nobody_came() -> None:
    """Patience ends; not before."""

    async def scene() -> tuple[bool, bool]:
        holders = Holders()
        return await ended(holders, 10, 0.01), await ended(holders, 0.01, 10)

    assert asyncio.run(scene()) == (False, True)


def test_the_last_one_left() -> None:
    """While somebody holds, the cloud stays; patience is for the first one only."""

    async def scene() -> tuple[bool, bool]:
        holders = Holders()
        with holders.hold():
            held = await ended(holders, 0.001, 0.01)
        return held, await ended(holders, 10, 10)

    assert asyncio.run(scene()) == (False, True)


def test_one_came_as_the_last_one_left() -> None:
    """A holder that comes before the end was noticed keeps the cloud."""

    async def scene() -> bool:
        holders = Holders()
        with holders.hold():
            waiting = asyncio.create_task(holders.abandoned(10))
            await asyncio.sleep(0)
        with holders.hold():
            await asyncio.sleep(0)
            stayed = not waiting.done()
        await waiting
        return stayed

    assert asyncio.run(scene())


@pytest.mark.parametrize("count", [1, 2, 3])
def test_holders_are_counted(count: int) -> None:
    """The status page shows how many there are."""
    holders = Holders()
    holds = [holders.hold() for _ in range(count)]
    for hold in holds:
        hold.__enter__()
    assert holders.count == count
    for hold in holds:
        hold.__exit__(None, None, None)
    assert holders.count == 0
