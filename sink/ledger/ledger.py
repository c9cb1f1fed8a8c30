"""The ledger as its users see it: async methods, and what each of them promises.

Each is an operation of `runs`, `admissions` or `circuits`, done by the writer's thread in a transaction
that it shares with whatever else waits. Any number of tasks may ask at the same time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar
from uuid import uuid4

from sink.errors import LedgerError
from sink.ledger import admissions, circuits, lease, runs, tables
from sink.ledger.database import Database, Transaction
from sink.ledger.lease import Lease
from sink.ledger.rehearsal import rehearse
from sink.ledger.values import Admitted, Circuit, Claim, Closed, EarlierRun, Held, NewRun, Standing, Use
from sink.ledger.writer import Rank, Writer

T = TypeVar("T")


class Ledger:
    """The durable ledger of actions. Open it with `Ledger.open`; for the event loop that opened it.

    One effect: a run belongs to one sink at a time, and what was intended, noted or closed is on the disk
    when the method returns, with all that was claimed and admitted before: an urgent run waits for the disk
    once, before its first call. A sink that dies loses its runs to the next that asks, once its lease is
    over; should it only have been stopped, its claims are void, and every method that takes one raises
    LostRun. A machine that dies may forget claims and admissions after which nothing was ordered yet.

    Not promised: that an order is given once. A sink that freezes for longer than its lease between
    `intend` and the call itself may give it after another has taken the run over. Orders have to bear that.

    Every method raises LedgerError, with the next step, where the database fails, and works again as soon
    as that does.
    """

    def __init__(self, writer: Writer, lease_seconds: float, rank: Rank = Rank.USUAL) -> None:
        self.lease_seconds = lease_seconds
        self._writer = writer
        self._rank = rank

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, owner: str, *, lease_seconds: float = 10.0, clock: Callable[[], float] = time.time
    ) -> AsyncIterator[Ledger]:
        """Open the ledger at `sqlite:///PATH` or `postgresql+psycopg://…`, and make its tables if need be.

        `owner` is who works here, for people. `lease_seconds` is how long its runs stay its own without a
        sign of life; at the end of the block they are given up at once. `clock` is the wall clock, in
        seconds. Raises LedgerError for an address, a server or a file that is none, is damaged or of a
        newer version.
        """
        # A sink that was started again is another: its runs of before wait for the end of their lease, too.
        database = Database(url, f"{owner} {uuid4().hex}", lease_seconds / 2, clock)
        await asyncio.to_thread(database.run, lambda transaction: tables.create(transaction.connection))
        writer = Writer(database, Lease(round(lease_seconds * 1000)).renew)
        ledger = cls(writer, lease_seconds)
        writer.begin()
        keeper = asyncio.create_task(ledger._show_life(), name="ledger lease")
        try:
            yield ledger
        finally:
            keeper.cancel()
            # Where this fails the lease runs out by itself.
            with suppress(LedgerError):
                await ledger._ask(lease.give_up)
            await writer.end()

    @property
    def urgent(self) -> Ledger:
        """The same ledger for runs with a deadline: what they ask goes before all that waits.

        A run asks either this one or the usual one, since the order in which both are done is open.
        """
        return Ledger(self._writer, self.lease_seconds, Rank.URGENT)

    def rehearse(self) -> None:
        """Have the database do once what every run asks, soon, and undo it: so the first run is as quick.

        Nobody is told if that fails. Who needs the ledger is told the same.
        """
        self._have_done(rehearse)

    async def claim(self, new: NewRun) -> Claim | Held | Closed:
        """Make a run ours. Not if it is closed, nor if another sink is at it; one that was given up is
        taken over.

        Our own is claimed anew, which makes the claim of before void.
        """
        return await self._ask(lambda transaction: runs.claim(transaction, new), durable=False)

    async def admit(
        self,
        claim: Claim,
        decide: Callable[[Use], Admitted | None],
        since_ms: int,
        group_ids: Sequence[str] = (),
    ) -> Admitted | None:
        """Let a run be carried out if `decide` says so, given what was used up since then: of two, one gets
        a last slot.

        `decide` is called on the writer's thread, inside the transaction and perhaps more than once: it has
        to be quick, and its last answer counts. Raises LostRun.
        """
        return await self._ask(
            lambda transaction: admissions.admit(transaction, claim, decide, since_ms, group_ids),
            durable=False,
        )

    async def admitted(self, module: str, since_ms: int) -> int:
        """How many runs of a module were admitted since then."""
        return await self._ask(lambda transaction: admissions.admitted(transaction, module, since_ms))

    async def intend(self, claim: Claim, order: str) -> None:
        """Write down that an order is about to be given. Raises LostRun if the run is no longer ours."""
        await self._ask(lambda transaction: runs.intend(transaction, claim, order))

    def answered(self, claim: Claim, order: str, result: Any) -> None:
        """Write down what came of an order (JSON), soon: before whatever is asked after this.

        Nobody is told if that fails. What it would have said, a look at the live state says too.
        """
        self._have_done(lambda transaction: runs.answered(transaction, claim, order, result))

    async def note(self, claim: Claim, facts: Mapping[str, Any]) -> None:
        """Put facts (JSON) to the run's notes. Raises LostRun."""
        await self._ask(lambda transaction: runs.note(transaction, claim, facts))

    async def close(self, claim: Claim, status: str, fields: Mapping[str, str]) -> None:
        """End a run, for good: whoever claims it is given status and fields. Raises LostRun.

        `done` and `failed` count for `failures_in_row`; all but `done` give back the servers that were taken.
        """
        await self._ask(lambda transaction: runs.close(transaction, claim, status, fields))

    async def release(self, claim: Claim) -> None:
        """Give an open run back at once. One that is no longer ours stays where it is."""
        await self._ask(lambda transaction: runs.release(transaction, claim))

    async def unfinished(self, modules: Collection[str] | None = None) -> Sequence[NewRun]:
        """Runs to resume: open, and no sink at them. The oldest 1,000, of these modules or of all."""
        return await self._ask(lambda transaction: runs.unfinished(transaction, modules))

    async def earlier(self, module: str, instance_id: str, since_ms: int) -> Sequence[EarlierRun]:
        """Runs of a module for an instance that were admitted since then, the oldest first."""
        return await self._ask(lambda transaction: runs.earlier(transaction, module, instance_id, since_ms))

    async def failures_in_row(self, module: str) -> int:
        """Runs closed as `failed` since one was `done`, or since the circuit was closed by hand."""
        return await self._ask(lambda transaction: circuits.failures_in_row(transaction, module))

    async def standing(
        self, module: str, since_ms: int, *, cooldown_seconds: float | None = None
    ) -> Standing:
        """What stands against a module's acting: its circuit, as `circuit` tells it, and how many call.

        Those are the distinct instances with runs first claimed since then, and since it was closed by hand.
        """
        return await self._ask(
            lambda transaction: circuits.standing(transaction, module, since_ms, cooldown_seconds),
            durable=False,
        )

    async def circuit(self, module: str, *, cooldown_seconds: float | None = None) -> Circuit | None:
        """The module's circuit if it is open; with a cooldown, if it was opened less than so long ago."""
        return await self._ask(
            lambda transaction: circuits.circuit(transaction, module, cooldown_seconds), durable=False
        )

    async def circuits(self) -> Mapping[str, Circuit]:
        """Every circuit that was opened and not closed by hand, by module; cooled down or not."""
        return await self._ask(circuits.circuits)

    async def open_circuit(self, module: str, reason: str) -> None:
        """Open a module's circuit, from now on."""
        await self._ask(lambda transaction: circuits.open_circuit(transaction, module, reason))

    async def close_circuit(self, module: str) -> bool:
        """Close a module's circuit and count its failures anew; tell whether it was open."""
        return await self._ask(lambda transaction: circuits.close_circuit(transaction, module))

    async def prune(self, before_ms: int) -> int:
        """Forget runs closed before then, and tell how many. No queue may still hold their events."""
        gone = 0
        while pruned := await self._ask(lambda transaction: runs.prune(transaction, before_ms)):
            gone += pruned
        return gone

    def _ask(self, work: Callable[[Transaction], T], *, durable: bool = True) -> asyncio.Future[T]:
        return self._writer.ask(work, self._rank, durable=durable)

    def _have_done(self, work: Callable[[Transaction], None]) -> None:
        """Ask, and wait neither for its end nor for its failure."""
        self._ask(work, durable=False).add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _show_life(self) -> None:
        """Have a transaction come where nothing else brings one. From the loop: one that hangs is no life."""
        while True:
            await asyncio.sleep(self.lease_seconds / 3)
            # Whoever needs the ledger meanwhile is told the same.
            with suppress(LedgerError):
                await self._ask(lambda transaction: None, durable=False)
