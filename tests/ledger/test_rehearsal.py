"""The rehearsal leaves nothing behind, and nothing to be compiled for the first run."""

from __future__ import annotations

import asyncio

from sink.ledger import Admitted, Claim, Ledger
from tests.ledger.conftest import claimed, new_run, on_loop


async def live(ledger: Ledger, claim: Claim) -> None:
    """What a run asks, from its claim to its end."""
    await ledger.standing("restart", 0, cooldown_seconds=60)
    await ledger.admit(claim, lambda _: Admitted({"reason": "r"}, {"g": ["i-1"]}), 0, ["g"])
    await ledger.intend(claim, "weigh 0 g i-1")
    ledger.answered(claim, "weigh 0 g i-1", "accepted")
    await ledger.note(claim, {"a": 1})
    await ledger.close(claim, "done", {"status": "done"})


@on_loop
async def test_nothing_of_it_is_kept(url: str) -> None:
    """Neither a run nor a circuit, nor a module's count."""
    async with Ledger.open(url, "one") as ledger:
        ledger.rehearse()

        assert await ledger.unfinished() == []
        assert await ledger.admitted("rehearsal", 0) == 0
        assert (await ledger.standing("rehearsal", 0)).calling == 0
        assert await ledger.circuits() == {}


@on_loop
async def test_what_is_asked_beside_it_is_kept(url: str) -> None:
    """Though it shares a transaction with what is undone."""
    async with Ledger.open(url, "one") as ledger:
        ledger.rehearse()
        claims = await asyncio.gather(*(claimed(ledger, str(number)) for number in range(5)))

        assert len(claims) == 5
        assert {one.action_id for one in await ledger.unfinished()} == set()
        for claim in claims:
            await ledger.release(claim)
        assert len(await ledger.unfinished()) == 5


@on_loop
async def test_the_first_run_has_nothing_compiled(sqlite_url: str) -> None:
    """Every statement of a run's life is in the rehearsal."""
    async with Ledger.open(sqlite_url, "one") as ledger:
        ledger.rehearse()
        await ledger.circuit("restart", cooldown_seconds=60)
        compiled = ledger._writer.database._engine._compiled_cache
        assert compiled is not None
        before = set(compiled)

        claim = await ledger.urgent.claim(new_run())
        assert isinstance(claim, Claim)
        await live(ledger.urgent, claim)

        assert set(compiled) - before == set()
