"""Whose keys are used, and for how long without asking."""

from __future__ import annotations

import asyncio

import pytest

from sink.credentials import HeldKeys, Keys, StaticKeys
from sink.errors import Denied, Missing


class Rotating:
    """New keys each time that somebody asks."""

    def __init__(self) -> None:
        self.asked = 0

    def get_credentials(self) -> Keys:
        self.asked += 1
        if self.asked == 3:
            raise Denied("The chain", "NoCredentials", "none")
        return StaticKeys(f"key-{self.asked}", "secret")


REFUSED = Denied("MNS", "SignatureDoesNotMatch", "not these")


async def key_id(held: HeldKeys) -> str:
    return (await held.get()).get_access_key_id()


@pytest.mark.parametrize(("seconds", "expected"), [(59.9, "key-1"), (60.0, "key-2")])
def test_keys_are_asked_for_once_a_minute(seconds: float, expected: str) -> None:
    """A token is replaced long before it expires, and asking costs more than a request."""
    now = [5.0]

    async def work() -> list[str]:
        held = HeldKeys(Rotating(), clock=lambda: now[0])
        first = await key_id(held)
        now[0] += seconds
        return [first, await key_id(held)]

    assert asyncio.run(work()) == ["key-1", expected]


def test_keys_outlive_other_refusals() -> None:
    """A queue that is missing tells nothing of them."""

    async def work() -> str:
        held = HeldKeys(Rotating(), clock=lambda: 0.0)
        await held.get()
        with pytest.raises(Missing), held.judged():
            raise Missing("MNS", "QueueNotExist", "gone")
        return await key_id(held)

    assert asyncio.run(work()) == "key-1"


def test_keys_that_were_refused_are_asked_for_anew() -> None:
    """An operator who has set them right need not wait; and what the provider raises is heard."""

    async def work() -> str:
        held = HeldKeys(Rotating(), clock=lambda: 0.0)
        await held.get()
        with pytest.raises(Denied), held.judged():
            raise REFUSED
        found = await key_id(held)
        with pytest.raises(Denied), held.judged():
            raise REFUSED
        with pytest.raises(Denied):
            await held.get()
        return found

    assert asyncio.run(work()) == "key-2"
