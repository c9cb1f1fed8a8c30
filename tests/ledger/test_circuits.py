"""Failures are counted in a row, callers by instance; a circuit is open until closed or cooled down."""

from __future__ import annotations

from uuid import uuid4

import pytest

from sink.ledger import Circuit, Ledger
from tests.ledger.conftest import claimed, on_loop
from tests.local.conftest import Watch


async def end(ledger: Ledger, *outcomes: str, module: str = "restart") -> None:
    """Close new runs, one after another."""
    for outcome in outcomes:
        claim = await claimed(ledger, uuid4().hex, module=module)
        await ledger.close(claim, outcome, {})


@pytest.mark.parametrize(
    ("outcomes", "failures"),
    [
        ((), 0),
        (("failed", "failed"), 2),
        (("failed", "done"), 0),
        (("done", "failed"), 1),
        (("failed", "skipped", "refused", "shadow", "failed"), 2),
    ],
)
@on_loop
async def test_failures_are_counted_since_one_was_done(
    url: str, outcomes: tuple[str, ...], failures: int
) -> None:
    """What was not carried out says nothing about whether it would have worked."""
    async with Ledger.open(url, "one") as ledger:
        await end(ledger, *outcomes)
        await end(ledger, "failed", module="other")

        assert await ledger.failures_in_row("restart") == failures


@on_loop
async def test_failures_are_counted_anew_after_the_circuit_was_closed(url: str) -> None:
    """Else the next failure would open it again. A circuit that opens forgets nothing."""
    async with Ledger.open(url, "one") as ledger:
        await end(ledger, "failed", "failed")
        await ledger.open_circuit("restart", "2 failures in a row")
        assert await ledger.failures_in_row("restart") == 2
        assert await ledger.close_circuit("restart")
        assert await ledger.failures_in_row("restart") == 0
        await end(ledger, "failed")
        assert await ledger.failures_in_row("restart") == 1


@on_loop
async def test_instances_call_once_however_many_events_they_have(url: str) -> None:
    """A mass event is many instances and not a flapping one; a run claimed again is no new call."""
    async with Ledger.open(url, "one") as ledger:
        for name, instance_id in [("1", "i-1"), ("2", "i-1"), ("3", "i-2"), ("3", "i-2")]:
            await claimed(ledger, name, instance_id=instance_id)
        await claimed(ledger, "4", module="other")

        assert (await ledger.standing("restart", 0)).calling == 2
        assert (await ledger.standing("nobody", 0)).calling == 0


@on_loop
async def test_calls_are_counted_within_the_time_and_since_the_circuit_was_closed(sqlite_url: str) -> None:
    """Else a circuit closed in the middle of a mass event would open again at once."""
    clock = Watch()
    async with Ledger.open(sqlite_url, "one", clock=clock) as ledger:
        await claimed(ledger, "1")
        clock.forward(60)
        now_ms = round(clock() * 1000)
        await claimed(ledger, "2")
        assert (await ledger.standing("restart", 0)).calling == 2
        assert (await ledger.standing("restart", now_ms)).calling == 1

        clock.forward(1)
        await ledger.close_circuit("restart")
        clock.forward(1)
        assert (await ledger.standing("restart", 0)).calling == 0
        await claimed(ledger, "3")
        assert (await ledger.standing("restart", 0)).calling == 1


@on_loop
async def test_a_circuit_is_open_for_every_sink_until_it_is_closed(url: str) -> None:
    """And after a restart; the last reason counts. Closing tells whether there was anything to close."""
    clock = Watch()
    async with Ledger.open(url, "one", clock=clock) as one:
        assert await one.circuit("restart") is None
        await one.open_circuit("restart", "first")
        await one.open_circuit("restart", "5 failures in a row")
    async with Ledger.open(url, "two", clock=clock) as two:
        found = await two.circuit("restart")
        assert isinstance(found, Circuit)
        assert found.reason == "5 failures in a row"
        assert abs(found.opened_at_ms - clock() * 1000) < 10_000
        assert await two.circuits() == {"restart": found}
        assert await two.circuit("other") is None

        assert await two.close_circuit("restart") is True
        assert await two.close_circuit("restart") is False
        assert await two.close_circuit("never heard of") is False
        assert await two.circuit("restart") is None
        assert await two.circuits() == {}


@on_loop
async def test_a_circuit_that_has_cooled_down_is_closed_to_those_who_ask_with_a_cooldown(
    sqlite_url: str,
) -> None:
    """It is listed until somebody closes it, and opens anew from the next time it is opened."""
    clock = Watch()
    async with Ledger.open(sqlite_url, "one", clock=clock) as ledger:
        await ledger.open_circuit("restart", "mass event")
        clock.forward(59)
        assert await ledger.circuit("restart", cooldown_seconds=60) is not None
        clock.forward(2)
        assert await ledger.circuit("restart", cooldown_seconds=60) is None
        assert list(await ledger.circuits()) == ["restart"]

        await ledger.open_circuit("restart", "again")
        assert await ledger.circuit("restart", cooldown_seconds=60) is not None
