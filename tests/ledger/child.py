"""A sink as a process of its own, which does nothing but ask the ledger. `test_processes` starts, kills and
freezes it.

It takes the address, a name and what to do, and writes a line of JSON for each thing that the ledger has
acknowledged, after that: what stands there must be in the ledger, however the process ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from random import Random
from typing import Any

from sink.errors import LedgerError, LostRun
from sink.ledger import Admitted, Claim, Closed, Held, Ledger, NewRun, Use
from tests.ledger.conftest import new_run
from tests.processes import PATIENCE_SECONDS

LEASE_SECONDS = 2.0
"""Short, so that little time goes by until the next one may take over."""
WINDOW_MS = 3_600_000


def say(word: str, *rest: Any) -> None:
    """Write a line past every buffer: a kill -9 loses nothing of it."""
    os.write(1, (json.dumps([word, *rest]) + "\n").encode())


async def admit(ledger: Ledger, claim: Claim, limit: int, plan: str) -> bool:
    """Ask for a slot among so many, within the last hour."""

    def decide(use: Use) -> Admitted | None:
        return Admitted(plan, {"rsp": [claim.action_id]}) if use.actions < limit else None

    return await ledger.admit(claim, decide, 0, ["rsp"]) is not None


async def race(ledger: Ledger, name: str, runs: int, limit: int) -> None:
    """Claim every run and ask for a slot for each that was got, all at once, beginning when told to."""

    async def enter(number: int) -> None:
        claim = await ledger.claim(new_run(str(number)))
        if isinstance(claim, Claim):
            say("claimed", number)
            if await admit(ledger, claim, limit, name):
                say("admitted", number)

    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    await asyncio.gather(*(enter(number) for number in range(runs)))
    say("ended")
    await asyncio.to_thread(sys.stdin.readline)


async def work(ledger: Ledger, name: str, seed: int, limit: int) -> None:
    """Take up what is left and begin new runs, for ever; say whatever is acknowledged."""
    random = Random(seed)

    async def carry_on(run: NewRun) -> None:
        claim = await ledger.claim(run)
        if not isinstance(claim, Claim):
            return say("closed", run.action_id, claim.status if isinstance(claim, Closed) else None)
        say("claimed", run.action_id, claim.epoch, claim.plan, sorted(claim.orders), dict(claim.notes))
        if claim.plan is None:
            plan = f"{name} {random.random()}"
            say("asks", run.action_id)
            if not await admit(ledger, claim, limit, plan):
                await ledger.close(claim, "refused", {"by": name})
                return say("closed", run.action_id, "refused")
            say("admitted", run.action_id, plan)
        for order in ("weight 0", "remove", "verify"):
            await ledger.intend(claim, f"{order} {name}")
            say("intended", run.action_id, f"{order} {name}")
            ledger.answered(claim, f"{order} {name}", "ok")
            await ledger.note(claim, {order: name})
            say("noted", run.action_id, order, name)
        await ledger.close(claim, "done", {"by": name})
        return say("closed", run.action_id, "done")

    async def carry_on_if_let(run: NewRun) -> None:
        # On a slow machine a lease of seconds may be lost, and the ledger be in others' hands for its half.
        with suppress(LostRun, LedgerError):
            await carry_on(run)

    while True:
        left: list[NewRun] = []
        with suppress(LedgerError):
            left += await ledger.unfinished()
        fresh = [new_run(f"{name} {random.random()}") for _ in range(4)]
        old = [new_run(f"{name} {number}") for number in range(2)]
        await asyncio.gather(*(carry_on_if_let(run) for run in [*left, *fresh, *old]))


async def hold(ledger: Ledger) -> None:
    """Claim a run; then intend one order for each line that comes, and say what came of it."""
    claim = await ledger.claim(new_run())
    assert not isinstance(claim, Held | Closed)
    say("claimed", claim.epoch)
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            await ledger.intend(claim, line.strip())
            say("intended")
        except LostRun:
            say("lost")


async def main(url: str, name: str, what: str, *numbers: str) -> None:
    """Open the ledger and do what was told."""
    lease_seconds = PATIENCE_SECONDS if what == "race" else LEASE_SECONDS
    async with Ledger.open(url, name, lease_seconds=lease_seconds) as ledger:
        if what == "race":
            await race(ledger, name, *map(int, numbers))
        elif what == "work":
            await work(ledger, name, *map(int, numbers))
        else:
            await hold(ledger)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
