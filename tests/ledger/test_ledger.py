"""A sink at work keeps its runs; one that is gone loses them, and one that comes back finds them lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from sink.errors import LedgerError, LostRun
from sink.ledger import Admitted, Claim, Held, Ledger, Use
from tests.ledger.conftest import claimed, durable_transactions, new_run, on_loop
from tests.local.conftest import Watch


@on_loop
async def test_a_run_is_taken_over_once_the_lease_is_over_and_not_before(sqlite_url: str) -> None:
    """Then it is another's, and whatever the first still writes is lost."""
    clock = Watch()
    async with (
        Ledger.open(sqlite_url, "one", lease_seconds=1000, clock=clock) as one,
        Ledger.open(sqlite_url, "two", lease_seconds=1000, clock=clock) as two,
    ):
        claim = await claimed(one)
        clock.forward(990)
        assert isinstance(await two.claim(new_run()), Held)
        assert list(await two.unfinished()) == []
        clock.forward(20)
        assert list(await two.unfinished()) == [new_run()]
        taken = await claimed(two)
        await two.intend(taken, "start i-1")

        for write in (
            one.intend(claim, "start i-1"),
            one.note(claim, {"a": 1}),
            one.close(claim, "done", {}),
        ):
            with pytest.raises(LostRun, match=r"restart-1 of restart is no longer"):
                await write
        assert (await claimed(two)).orders.keys() == {"start i-1"}


@on_loop
async def test_a_lease_that_was_over_is_taken_up_again(sqlite_url: str) -> None:
    """What nobody took over meanwhile is still ours, and held anew."""
    clock = Watch()
    async with (
        Ledger.open(sqlite_url, "one", lease_seconds=1000, clock=clock) as one,
        Ledger.open(sqlite_url, "two", lease_seconds=1000, clock=clock) as two,
    ):
        claim = await claimed(one)
        clock.forward(5000)
        await one.intend(claim, "start i-1")

        assert isinstance(await two.claim(new_run()), Held)


@on_loop
async def test_who_intends_an_order_has_most_of_a_lease_ahead(sqlite_url: str) -> None:
    """The call that follows is not another's by then; the wall clock may also have been set back."""
    clock = Watch()
    async with (
        Ledger.open(sqlite_url, "one", lease_seconds=900, clock=clock) as one,
        Ledger.open(sqlite_url, "two", lease_seconds=900, clock=clock) as two,
    ):
        claim = await claimed(one)
        for seconds in (800, 899, 200, 500, -5000, 600):
            clock.forward(seconds)
            await one.intend(claim, "start i-1")
            held = await two.claim(new_run())
            assert isinstance(held, Held)
            assert 600 * 1000 <= held.until_ms - clock() * 1000 <= 901 * 1000


@on_loop
async def test_a_lease_is_kept_while_nothing_is_asked(url: str) -> None:
    """For longer than it runs; it is renewed again and again."""
    async with (
        Ledger.open(url, "one", lease_seconds=3) as one,
        Ledger.open(url, "two", lease_seconds=3) as two,
    ):
        await claimed(one)
        began = asyncio.get_running_loop().time()
        ends = set()
        while asyncio.get_running_loop().time() < began + 4.5:
            held = await two.claim(new_run())
            assert isinstance(held, Held)
            ends.add(held.until_ms)
            await asyncio.sleep(0.1)

        assert len(ends) >= 3


@on_loop
async def test_an_orderly_end_gives_runs_up_at_once(url: str) -> None:
    """Nobody waits for the lease."""
    async with Ledger.open(url, "one", lease_seconds=1000) as one:
        await claimed(one)
    async with Ledger.open(url, "two") as two:
        assert (await claimed(two)).epoch == 2


@on_loop
async def test_a_sink_of_the_same_name_is_another(url: str) -> None:
    """Two that were given one name by mistake do not take each other's runs for their own."""
    async with Ledger.open(url, "one") as one, Ledger.open(url, "one") as namesake:
        await claimed(one)

        assert isinstance(await namesake.claim(new_run()), Held)


@pytest.mark.parametrize("ahead_seconds", [-7200, 7200])
@on_loop
async def test_a_clock_that_is_off_steals_no_run_and_counts_the_same_window(
    postgresql_url: str, ahead_seconds: int
) -> None:
    """Leases go by the server's clock; what is handed out and asked for, by that of whoever asks."""
    right = Watch()

    def off() -> float:
        return right() + ahead_seconds

    async with (
        Ledger.open(postgresql_url, "right", clock=right) as one,
        Ledger.open(postgresql_url, "off", clock=off) as two,
    ):
        claim = await claimed(one)
        await one.admit(claim, lambda use: Admitted({}, {"rsp": ["i-1"]}), 0)
        await one.intend(claim, "start i-1")
        await one.open_circuit("restart", "test")
        held = await two.claim(new_run())
        assert isinstance(held, Held)
        assert near(held.until_ms, off, 10)

        mine, minute_ago_ms = await claimed(two, "2"), round(off() * 1000) - 60_000
        uses: list[Use] = []
        await two.admit(mine, uses.append, minute_ago_ms, ["rsp"])
        assert uses == [Use(1, {"rsp": frozenset({"i-1"})})]
        assert (await two.standing("restart", minute_ago_ms)).calling == 2
        assert [
            near(run.admitted_at_ms, off) for run in await two.earlier("restart", "i-1", minute_ago_ms)
        ] == [True]
        assert await two.circuit("restart", cooldown_seconds=60) is not None
        assert near((await two.circuits())["restart"].opened_at_ms, off)

        await one.release(claim)
        taken = await claimed(two)
        assert near(taken.orders["start i-1"], off)
        assert taken.admitted_at_ms is not None
        assert near(taken.admitted_at_ms, off)
        await two.close(taken, "done", {})
        assert await two.prune(minute_ago_ms) == 0
        assert await two.prune(round(off() * 1000) + 60_000) == 1


def near(ms: int, clock: Callable[[], float], ahead_seconds: float = 0) -> bool:
    """Whether a time is that of a clock, or so many seconds ahead of it, to some seconds."""
    return abs(ms / 1000 - clock() - ahead_seconds) < 10


@on_loop
async def test_the_urgent_ledger_is_the_same_one(url: str) -> None:
    """It differs in who waits for whom, and in nothing else."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger.urgent)
        await ledger.urgent.intend(claim, "weight 0 rsp-1")
        await ledger.urgent.close(claim, "failed", {"status": "failed"})

        assert ledger.urgent.lease_seconds == ledger.lease_seconds
        assert await ledger.failures_in_row("restart") == 1


@on_loop
async def test_the_disk_is_waited_for_once_before_the_first_call(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the intent, which takes claim and admission along. All that comes after it is durable by itself."""
    async with Ledger.open(sqlite_url, "one") as ledger:
        durables = durable_transactions(monkeypatch)
        claim = await claimed(ledger)
        await ledger.standing("restart", 0)
        await ledger.admit(claim, lambda use: Admitted({}, {}), 0)
        assert not any(durables)
        durables.clear()
        await ledger.intend(claim, "start")
        await ledger.note(claim, {"drained": True})
        await ledger.close(claim, "done", {})
        await ledger.open_circuit("restart", "a mass event")
        assert durables == [True] * 4


@on_loop
async def test_the_urgent_overtakes_a_backlog(sqlite_url: str) -> None:
    """Two thousand claims wait; an interruption's is answered with the next transaction."""
    async with Ledger.open(sqlite_url, "one") as ledger:
        done: list[str] = []

        async def claim(through: Ledger, name: str) -> None:
            await through.claim(new_run(name))
            done.append(name)

        backlog = [asyncio.create_task(claim(ledger, str(number))) for number in range(2000)]
        await asyncio.sleep(0)
        await claim(ledger.urgent, "urgent")
        place = done.index("urgent")
        await asyncio.gather(*backlog)

        assert place < 1000


@on_loop
async def test_an_answer_that_cannot_be_written_breaks_nothing(url: str) -> None:
    """Nobody waits for it, and nothing rests on it."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        await ledger.intend(claim, "start i-1")
        ledger.answered(claim, "start i-1", {"not": {"JSON"}})
        ledger.answered(claim, "never given", "Starting")

        again = await claimed(ledger)
        assert (list(again.orders), again.answers) == (["start i-1"], {})


@on_loop
async def test_a_closed_ledger_says_so(url: str) -> None:
    """Whoever asks later is told, and does not wait for ever."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)

    with pytest.raises(LedgerError, match="is closed"):
        await ledger.intend(claim, "start i-1")
    ledger.answered(claim, "start i-1", None)


@on_loop
async def test_what_is_in_the_ledger_outlives_an_error_of_its_user(url: str) -> None:
    """A bug that ends the sink takes nothing along."""

    async def broken() -> None:
        async with Ledger.open(url, "one") as ledger:
            await ledger.intend(await claimed(ledger), "start i-1")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    async with Ledger.open(url, "two") as ledger:
        again = await ledger.claim(new_run())
        assert isinstance(again, Claim)
        assert list(again.orders) == ["start i-1"]
