"""What is used up is counted and written in one transaction, and never by more than is allowed."""

from __future__ import annotations

from asyncio import gather
from collections.abc import Callable

import pytest

from sink.ledger import Admitted, Claim, Ledger, Use
from tests.ledger.conftest import claimed, on_loop
from tests.local.conftest import Watch


def at_most(limit: int) -> Callable[[Use], Admitted | None]:
    """A guard that lets in so many."""
    return lambda use: Admitted({"actions before": use.actions}, {}) if use.actions < limit else None


def always(plan: object = "plan", **takes: list[str]) -> Callable[[Use], Admitted]:
    """A guard that lets everybody in."""
    return lambda use: Admitted(plan, takes)


async def use_of(ledger: Ledger, claim: Claim, since_ms: int = 0, groups: tuple[str, ...] = ()) -> Use:
    """What others have used up, as one run sees it."""
    seen: list[Use] = []
    await ledger.admit(claim, seen.append, since_ms, groups)
    return seen[-1]


@on_loop
async def test_the_admitted_plan_is_the_guards(url: str) -> None:
    """They may narrow what was wanted; what they let pass is what is carried out, after a restart too."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        admitted = await ledger.admit(claim, always({"places": ["a"]}), 0)

        assert admitted == Admitted({"places": ["a"]}, {})
        assert (await claimed(ledger)).plan == {"places": ["a"]}


@on_loop
async def test_a_refused_plan_leaves_no_trace(url: str) -> None:
    """It is neither counted nor kept."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)

        assert await ledger.admit(claim, at_most(0), 0) is None
        again = await claimed(ledger)
        assert (again.plan, again.admitted_at_ms) == (None, None)
        assert (await use_of(ledger, await claimed(ledger, "2"))).actions == 0


@on_loop
async def test_of_many_at_once_no_more_are_admitted_than_may(url: str) -> None:
    """Each sees all that were admitted before it."""
    async with Ledger.open(url, "one") as one, Ledger.open(url, "two") as two:
        claims = await gather(
            *(
                (claimed(ledger, f"{ledger.lease_seconds} {n} {i}"))
                for i, ledger in enumerate([one, two])
                for n in range(30)
            )
        )
        ledgers = [one] * 30 + [two] * 30
        verdicts = await gather(
            *(ledger.admit(claim, at_most(7), 0) for ledger, claim in zip(ledgers, claims, strict=True))
        )

        admitted = [verdict.plan["actions before"] for verdict in verdicts if verdict]
        assert sorted(admitted) == list(range(7))


@on_loop
async def test_what_was_admitted_before_the_window_is_used_up_no_more(sqlite_url: str) -> None:
    """Nor are other modules' actions, nor the run's own admission of before."""
    clock = Watch()
    async with Ledger.open(sqlite_url, "one", clock=clock) as ledger:
        await ledger.admit(await claimed(ledger, "1"), always(), 0)
        clock.forward(600)
        now_ms = round(clock() * 1000)
        await ledger.admit(await claimed(ledger, "2"), always(), 0)
        await ledger.admit(await claimed(ledger, "2", module="other"), always(), 0)
        mine = await claimed(ledger, "3")
        await ledger.admit(mine, always(), 0)

        assert await ledger.admitted("restart", 0) == 3
        assert await ledger.admitted("restart", now_ms) == 2
        assert (await use_of(ledger, mine, 0)).actions == 2
        assert (await use_of(ledger, await claimed(ledger, "4"), now_ms)).actions == 1


@on_loop
async def test_taken_servers_count_for_every_module(url: str) -> None:
    """A group does not care who takes its servers; only the groups asked for are told, each of them."""
    async with Ledger.open(url, "one") as ledger:
        await ledger.admit(await claimed(ledger, "1"), always(rsp=["i-1"], lb=["i-1"]), 0)
        await ledger.admit(await claimed(ledger, "2", module="other"), always(rsp=["i-2", "i-2"]), 0)

        use = await use_of(ledger, await claimed(ledger, "3"), groups=("rsp", "empty"))
        assert use.taken == {"rsp": frozenset({"i-1", "i-2"}), "empty": frozenset()}


@pytest.mark.parametrize(("status", "left"), [("failed", set()), ("refused", set()), ("done", {"i-1"})])
@on_loop
async def test_what_was_not_done_has_taken_nothing(url: str, status: str, left: set[str]) -> None:
    """A failed run gives its servers back, one that is done has them out."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        await ledger.admit(claim, always(rsp=["i-1"]), 0)
        await ledger.close(claim, status, {})

        use = await use_of(ledger, await claimed(ledger, "2"), groups=("rsp",))
        assert use.taken == {"rsp": left}


@on_loop
async def test_a_run_that_goes_on_holds_what_it_took_beyond_the_window(sqlite_url: str) -> None:
    """Its servers may not be out yet, however short the window is. One that is done is seen in the group."""
    clock = Watch()
    async with Ledger.open(sqlite_url, "one", clock=clock) as ledger:
        await ledger.admit(await claimed(ledger, "goes on"), always(rsp=["i-1"]), 0)
        done = await claimed(ledger, "done")
        await ledger.admit(done, always(rsp=["i-2"]), 0)
        await ledger.close(done, "done", {})
        clock.forward(600)

        now_ms = round(clock() * 1000)
        use = await use_of(ledger, await claimed(ledger, "3"), now_ms, ("rsp",))
        assert use.taken == {"rsp": {"i-1"}}


@on_loop
async def test_the_last_decision_on_a_run_counts(url: str) -> None:
    """Whoever is not sure whether he was admitted asks again; of the first yes nothing is left."""
    async with Ledger.open(url, "one") as ledger:
        claim, other = await claimed(ledger), await claimed(ledger, "2")
        await ledger.admit(claim, always("first", rsp=["i-1"], lb=["i-1"]), 0)
        await ledger.admit(claim, always("second", rsp=["i-1"]), 0)
        assert (await use_of(ledger, other, groups=("rsp", "lb"))).taken == {"rsp": {"i-1"}, "lb": set()}

        await ledger.admit(claim, lambda use: None, 0)
        use = await use_of(ledger, other, groups=("rsp",))
        assert use.actions == 0
        assert use.taken == {"rsp": set()}
        assert (await claimed(ledger)).plan is None


@on_loop
async def test_a_guard_that_breaks_admits_nothing_and_hurts_nobody(url: str) -> None:
    """Its exception goes to whoever asked; what was asked at the same time is done."""

    def broken(use: Use) -> Admitted | None:
        raise ZeroDivisionError("of the guard")

    async with Ledger.open(url, "one") as ledger:
        claims = [await claimed(ledger, str(number)) for number in range(9)]
        verdicts = await gather(
            *(ledger.admit(one, broken if n == 4 else always(), 0) for n, one in enumerate(claims)),
            return_exceptions=True,
        )

        assert [type(verdict) for verdict in verdicts] == [Admitted] * 4 + [ZeroDivisionError] + [
            Admitted
        ] * 4
        assert (await use_of(ledger, claims[4])).actions == 8
