"""A run belongs to one sink, remembers what was done in it, and stays closed."""

from __future__ import annotations

from asyncio import gather

import pytest

from sink.errors import LostRun
from sink.ledger import Admitted, Claim, Closed, Held, Ledger
from sink.ledger.runs import MOST_UNFINISHED
from tests.ledger.conftest import claimed, new_run, on_loop
from tests.local.conftest import Watch

ODD = "nul \0, half a pair \ud83d, 网关, " + "long " * 2000


@on_loop
async def test_a_run_is_the_first_ones(url: str) -> None:
    """A sink at work holds what it claimed; the other is told how long at least."""
    clock = Watch()
    async with Ledger.open(url, "one", clock=clock) as one, Ledger.open(url, "two", clock=clock) as two:
        claim = await one.claim(new_run())
        held = await two.claim(new_run())

        assert claim == Claim("restart-1", "restart", "key-1", epoch=1)
        assert isinstance(held, Held)
        assert 0 < held.until_ms - clock() * 1000 <= 10_500


@on_loop
async def test_modules_have_runs_of_their_own(url: str) -> None:
    """A run is one of a module on an event."""
    async with Ledger.open(url, "one") as one, Ledger.open(url, "two") as two:
        assert isinstance(await one.claim(new_run()), Claim)
        assert isinstance(await two.claim(new_run(module="slb_removal")), Claim)


@on_loop
async def test_a_closed_run_stays_as_it_was_closed(url: str) -> None:
    """For whoever asks, whenever: a redelivery gets the same record."""
    async with Ledger.open(url, "one") as one:
        await one.close(await claimed(one), "done", {"status": "done", "reason": ODD})
        assert await one.claim(new_run()) == Closed("done", {"status": "done", "reason": ODD})
    async with Ledger.open(url, "two") as two:
        assert await two.claim(new_run()) == Closed("done", {"status": "done", "reason": ODD})


@on_loop
async def test_a_run_can_be_closed_once(url: str) -> None:
    """By the same claim again it changes nothing, be it with another outcome."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        await ledger.close(claim, "failed", {"status": "failed"})
        await ledger.close(claim, "done", {"status": "done"})

        assert await ledger.claim(new_run()) == Closed("failed", {"status": "failed"})
        assert await ledger.failures_in_row("restart") == 1


@on_loop
async def test_nothing_is_written_to_a_closed_run(url: str) -> None:
    """An order after the outcome would be one that nobody knows of."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        await ledger.close(claim, "done", {})

        with pytest.raises(LostRun):
            await ledger.intend(claim, "start i-1")
        with pytest.raises(LostRun):
            await ledger.note(claim, {"tries": 1})
        with pytest.raises(LostRun):
            await ledger.admit(claim, lambda use: None, 0)


@on_loop
async def test_a_later_claim_makes_the_earlier_void(url: str) -> None:
    """Of two tasks that believe they have the run, the later has it."""
    async with Ledger.open(url, "one") as ledger:
        earlier = await claimed(ledger)
        later = await claimed(ledger)

        assert later.epoch == 2
        await ledger.intend(later, "start i-1")
        with pytest.raises(LostRun):
            await ledger.intend(earlier, "start i-1")
        with pytest.raises(LostRun):
            await ledger.close(earlier, "done", {})


@on_loop
async def test_a_run_taken_over_knows_how_far_it_was(url: str) -> None:
    """Plan, notes, orders with the time when they were first given, answers: in the order of the orders."""
    clock = Watch()
    async with Ledger.open(url, "one", clock=clock) as one:
        claim = await claimed(one)
        await one.admit(claim, lambda use: Admitted({"reason": ODD}, {}), 0)
        await one.intend(claim, "weight 0 rsp-1")
        given_at_ms = round(clock() * 1000)
        await one.intend(claim, f"remove {ODD}")
        one.answered(claim, "weight 0 rsp-1", {"weight": 0, "odd": ODD})
        await one.note(claim, {"drained": True, "odd": ODD})
    async with Ledger.open(url, "two", clock=clock) as two:
        taken = await claimed(two)

        assert taken.epoch == 2
        assert taken.admitted_at_ms is not None
        assert abs(taken.admitted_at_ms - given_at_ms) < 1000
        assert taken.plan == {"reason": ODD}
        assert list(taken.orders) == ["weight 0 rsp-1", f"remove {ODD}"]
        assert abs(taken.orders["weight 0 rsp-1"] - given_at_ms) < 1000
        assert taken.answers == {"weight 0 rsp-1": {"weight": 0, "odd": ODD}}
        assert taken.notes == {"drained": True, "odd": ODD}


@on_loop
async def test_an_order_keeps_the_time_when_it_was_first_given(sqlite_url: str) -> None:
    """What remains of a wait is counted from there, however often it is given again."""
    clock = Watch()
    async with Ledger.open(sqlite_url, "one", clock=clock) as ledger:
        claim = await claimed(ledger)
        await ledger.intend(claim, "start i-1")
        clock.forward(100)
        await ledger.intend(claim, "start i-1")

        assert clock() * 1000 - (await claimed(ledger)).orders["start i-1"] >= 100_000


@on_loop
async def test_notes_are_put_together(url: str) -> None:
    """Under the same name the later counts."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        await ledger.note(claim, {"tries": 1, "seen": "Stopped"})
        await ledger.note(claim, {"tries": 2})

        assert (await claimed(ledger)).notes == {"tries": 2, "seen": "Stopped"}


@on_loop
async def test_an_answer_is_written_before_what_is_asked_next(url: str) -> None:
    """It is not waited for, and yet in order."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        await ledger.intend(claim, "start i-1")
        ledger.answered(claim, "start i-1", "Starting")

        assert (await claimed(ledger)).answers == {"start i-1": "Starting"}


@on_loop
async def test_a_released_run_is_free_at_once(url: str) -> None:
    """An orderly stop leaves nobody waiting for a lease; the claim of before is void."""
    async with Ledger.open(url, "one") as one, Ledger.open(url, "two") as two:
        claim = await claimed(one)
        await one.release(claim)

        assert (await claimed(two)).epoch == 2
        with pytest.raises(LostRun):
            await one.intend(claim, "start i-1")


@on_loop
async def test_what_is_no_longer_ours_is_not_released(url: str) -> None:
    """A run that another has taken over stays his, and a closed one closed."""
    async with Ledger.open(url, "one") as one, Ledger.open(url, "two") as two:
        claim = await claimed(one)
        await one.release(claim)
        await claimed(two)
        await one.release(claim)
        assert isinstance(await one.claim(new_run()), Held)

        ended = await claimed(one, "2")
        await one.close(ended, "done", {})
        await one.release(ended)
        assert await one.claim(new_run("2")) == Closed("done", {})


@on_loop
async def test_what_nobody_is_at_can_be_resumed(url: str) -> None:
    """Open runs of sinks that are gone, with all that is needed to parse the event again; none other."""
    async with Ledger.open(url, "gone") as gone:
        await claimed(gone, "left", body=ODD)
        await gone.close(await claimed(gone, "closed"), "done", {})
    async with Ledger.open(url, "one") as one, Ledger.open(url, "two") as two:
        await claimed(one, "at it")
        await one.release(await claimed(one, "released"))

        assert list(await two.unfinished()) == [new_run("left", body=ODD), new_run("released")]
        assert list(await one.unfinished()) == [new_run("left", body=ODD), new_run("released")]

        await claimed(two, "left", body=ODD)
        assert list(await one.unfinished()) == [new_run("released")]


@on_loop
async def test_runs_of_modules_that_are_off_block_nobody(url: str) -> None:
    """Whoever resumes names his modules, since only so many are given at once."""
    async with Ledger.open(url, "one") as ledger:
        await ledger.release(await claimed(ledger, "a", module="off"))
        await ledger.release(await claimed(ledger, "b"))

        assert [run.module for run in await ledger.unfinished()] == ["off", "restart"]
        assert [run.module for run in await ledger.unfinished(["restart"])] == ["restart"]
        assert list(await ledger.unfinished([])) == []


@on_loop
async def test_unfinished_runs_are_given_in_bounded_numbers(sqlite_url: str) -> None:
    """Memory is bounded, and all come in the end: those that were claimed make room."""
    async with Ledger.open(sqlite_url, "gone") as gone:
        await gather(*(claimed(gone, str(number)) for number in range(MOST_UNFINISHED + 5)))
    async with Ledger.open(sqlite_url, "one") as one:
        first = await one.unfinished()
        await gather(*(one.claim(run) for run in first))

        assert len(first) == MOST_UNFINISHED
        assert len(await one.unfinished()) == 5


@on_loop
async def test_earlier_runs_are_those_that_were_admitted(url: str) -> None:
    """Of this module and instance, since then, the oldest first, each with how it ended."""
    clock = Watch()
    async with Ledger.open(url, "one", clock=clock) as ledger:
        began_ms = round(clock() * 1000)
        for name, status in [("a", "failed"), ("b", "done"), ("c", "")]:
            claim = await claimed(ledger, name, instance_id="i-1")
            await ledger.admit(claim, lambda use: Admitted({}, {}), 0)
            if status:
                await ledger.close(claim, status, {})
        await claimed(ledger, "never admitted", instance_id="i-1")
        for other in [{"module": "other", "instance_id": "i-1"}, {"instance_id": "i-2"}]:
            claim = await claimed(ledger, "d", **other)
            await ledger.admit(claim, lambda use: Admitted({}, {}), 0)

        found = await ledger.earlier("restart", "i-1", began_ms - 1000)
        assert [(run.event_key, run.status) for run in found] == [
            ("key-a", "failed"),
            ("key-b", "done"),
            ("key-c", ""),
        ]
        assert all(abs(run.admitted_at_ms - began_ms) < 10_000 for run in found)
        assert list(await ledger.earlier("restart", "i-1", began_ms + 60_000)) == []


@on_loop
async def test_only_closed_runs_are_forgotten(sqlite_url: str) -> None:
    """And only those of long ago; an open one is kept however old it is."""
    clock = Watch()
    async with Ledger.open(sqlite_url, "one", clock=clock) as ledger:

        async def run_once(name: str) -> None:
            claim = await claimed(ledger, name)
            await ledger.intend(claim, "start")
            await ledger.close(claim, "done", {})

        await gather(*(run_once(f"old {number}") for number in range(600)))
        await claimed(ledger, "open")
        clock.forward(3600)
        await ledger.close(await claimed(ledger, "young"), "done", {})
        before_ms = round(clock() * 1000) - 60_000

        assert await ledger.prune(before_ms) == 600
        assert await ledger.prune(before_ms) == 0
        assert isinstance(await ledger.claim(new_run("young")), Closed)
        assert (await claimed(ledger, "open")).epoch == 2
        assert (await claimed(ledger, "old 1")).epoch == 1


@on_loop
async def test_an_odd_message_is_a_run_like_any_other(url: str) -> None:
    """NUL, half a surrogate pair, length: what a forger puts into an event blocks no ledger."""
    async with Ledger.open(url, "one") as ledger:
        odd = new_run(instance_id=ODD, body=ODD, region_id=ODD)
        claim = await ledger.claim(odd)
        assert isinstance(claim, Claim)
        await ledger.admit(claim, lambda use: Admitted(ODD, {ODD: [ODD]}), 0, [ODD])
        await ledger.release(claim)

        assert (await ledger.unfinished())[0].body == ODD
        assert [run.event_key for run in await ledger.earlier("restart", ODD, 0)] == ["key-1"]
        assert (await ledger.standing("restart", 0)).calling == 1
