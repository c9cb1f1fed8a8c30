"""The thread that does all of the ledger's work: what waits goes into one transaction.

A thousand interruptions at once then cost a handful of waits for the disk, and one order alone waits for no
timer: the writer takes whatever is there the moment it is free (group commit, after DeWitt et al. 1984).
Urgent operations are taken first, and those of a rank in the order in which they were asked for. One that
fails by itself fails alone: the transaction is undone and done again in halves, until it stands by itself,
which is why an operation must bear to be done twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from queue import Empty, PriorityQueue
from threading import Thread
from typing import Any, TypeVar

from sink.errors import LedgerError, LostRun
from sink.ledger.database import Database, Outage, Transaction

T = TypeVar("T")

MOST_AT_ONCE = 200
"""Operations in a transaction at most: some tens of ms, which is what an urgent one may have to wait."""


class Rank(IntEnum):
    """What is taken first."""

    URGENT = 0
    USUAL = 1
    END = 2
    """Of the end itself: all that waits goes before it."""


@dataclass(slots=True, eq=False)
class _Operation:
    """Work, and once it is done its result or its error."""

    work: Callable[[Transaction], Any]
    answer: asyncio.Future[Any]
    durable: bool
    result: Any = None
    error: Exception | None = None

    def settle(self) -> None:
        """Tell who waits, if anyone still does."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


@dataclass(slots=True)
class Writer:
    """A thread with a database. `begin` it and `end` it on one event loop, whose callers it answers."""

    database: Database
    always: Callable[[Transaction], None]
    """Done first in every transaction."""
    _waiting: PriorityQueue[tuple[Rank, int, _Operation | None]] = field(default_factory=PriorityQueue)
    _numbers: Iterator[int] = field(default_factory=count)
    _thread: Thread = field(init=False)
    _loop: asyncio.AbstractEventLoop = field(init=False)
    _ended: bool = False

    def begin(self) -> None:
        """Start the thread."""
        self._loop = asyncio.get_running_loop()
        self._thread = Thread(target=self._write_until_ended, name="ledger", daemon=True)
        self._thread.start()

    async def end(self) -> None:
        """Do what waits, then end the thread and close the database."""
        self._ended = True
        self._put(Rank.END, None)
        await asyncio.to_thread(self._thread.join)

    def ask(
        self, work: Callable[[Transaction], T], rank: Rank = Rank.USUAL, *, durable: bool = True
    ) -> asyncio.Future[T]:
        """Have work done; the future is resolved once what it did is durable, or if need not be, done."""
        answer: asyncio.Future[T] = self._loop.create_future()
        if self._ended:
            answer.set_exception(LedgerError("the ledger is closed", "Open it again"))
        else:
            self._put(rank, _Operation(work, answer, durable))
        return answer

    def _put(self, rank: Rank, operation: _Operation | None) -> None:
        self._waiting.put((rank, next(self._numbers), operation))

    def _write_until_ended(self) -> None:
        try:
            while operations := self._next_operations():
                self._write(operations)
                self._loop.call_soon_threadsafe(_settle, operations)
        finally:
            self.database.close()

    def _next_operations(self) -> list[_Operation]:
        """Wait for an operation, and take whatever else is there; none at the end."""
        operations: list[_Operation] = []
        with suppress(Empty):
            while len(operations) < MOST_AT_ONCE:
                *_, operation = self._waiting.get(block=not operations)
                if operation is None:
                    if operations:
                        self._put(Rank.END, None)
                    break
                operations.append(operation)
        return operations

    def _write(self, operations: Sequence[_Operation]) -> None:
        """Do them together, or where one of them spoils that, in halves."""
        try:
            self._commit(operations)
        except Outage as outage:
            for operation in operations:
                operation.error = Outage(outage.message, outage.hint)
        except Exception as error:  # noqa: BLE001 - the one that raised it hears of it, whatever it is
            if len(operations) == 1:
                operations[0].error = error
                return
            half = len(operations) // 2
            self._write(operations[:half])
            self._write(operations[half:])

    def _commit(self, operations: Sequence[_Operation]) -> None:
        def work(transaction: Transaction) -> None:
            self.always(transaction)
            for operation in operations:
                _do(operation, transaction)

        self.database.run(work, durable=any(one.durable for one in operations))


def _do(operation: _Operation, transaction: Transaction) -> None:
    """Do one operation. LostRun is an answer: whoever raises it has changed nothing."""
    operation.result = operation.error = None
    try:
        operation.result = operation.work(transaction)
    except LostRun as lost:
        operation.error = lost


def _settle(operations: Sequence[_Operation]) -> None:
    for operation in operations:
        operation.settle()
