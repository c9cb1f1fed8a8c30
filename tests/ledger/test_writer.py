"""What waits is written together, urgent things first; what fails by itself fails alone."""

from __future__ import annotations

import asyncio
import threading
from asyncio import gather
from collections.abc import Callable

import pytest

from sink.errors import LedgerError, LostRun
from sink.ledger import Admitted, Claim, Ledger, Use
from sink.ledger.database import Database, Transaction
from sink.ledger.writer import MOST_AT_ONCE, Rank, Writer
from tests.ledger.conftest import claimed, durable_transactions, new_run, on_loop


class Notebook:
    """Work for a writer, which notes what was done in which transaction."""

    def __init__(self, url: str) -> None:
        self.database = Database(url, "one", 5.0, lambda: 0.0)
        self.transactions: list[list[object]] = []
        self.writer = Writer(self.database, lambda transaction: self.transactions.append([]))
        self.may_begin = threading.Event()

    @property
    def done(self) -> list[object]:
        """All that was done, in order."""
        return [what for transaction in self.transactions for what in transaction]

    def wait(self, transaction: Transaction) -> object:
        """Keep the writer busy until it may begin."""
        assert self.may_begin.wait(20)
        return None

    def write(self, what: object) -> Callable[[Transaction], object]:
        """Note that it was done."""

        def work(transaction: Transaction) -> object:
            self.transactions[-1].append(what)
            return what

        return work


@on_loop
async def test_what_waits_is_written_in_one_transaction(sqlite_url: str) -> None:
    """In the order in which it was asked for; each is given its own result."""
    notebook = Notebook(sqlite_url)
    notebook.writer.begin()
    first = notebook.writer.ask(notebook.wait)
    rest = [notebook.writer.ask(notebook.write(number)) for number in range(100)]
    notebook.may_begin.set()
    results = await gather(first, *rest)
    await notebook.writer.end()

    assert results == [None, *range(100)]
    # The first transaction is the one that waited, with whatever came before it began.
    assert notebook.done == list(range(100))
    assert len(notebook.transactions) <= 2


@on_loop
async def test_a_transaction_has_an_end(sqlite_url: str) -> None:
    """However much waits, no more than so much goes into one."""
    notebook = Notebook(sqlite_url)
    notebook.writer.begin()
    asked = [notebook.writer.ask(notebook.wait)]
    asked += [notebook.writer.ask(notebook.write(number)) for number in range(3 * MOST_AT_ONCE)]
    notebook.may_begin.set()
    await gather(*asked)
    await notebook.writer.end()

    assert notebook.done == list(range(3 * MOST_AT_ONCE))
    assert max(map(len, notebook.transactions)) == MOST_AT_ONCE


@on_loop
async def test_the_urgent_goes_before_all_that_waits(sqlite_url: str) -> None:
    """An interruption does not stand behind a backlog of restarts."""
    notebook = Notebook(sqlite_url)
    notebook.writer.begin()
    asked = [notebook.writer.ask(notebook.wait)]
    while notebook.writer._waiting.qsize():
        await asyncio.sleep(0.001)
    asked += [notebook.writer.ask(notebook.write(number)) for number in range(5)]
    asked += [notebook.writer.ask(notebook.write(f"urgent {number}"), Rank.URGENT) for number in range(2)]
    notebook.may_begin.set()
    await gather(*asked)
    await notebook.writer.end()

    assert notebook.done == ["urgent 0", "urgent 1", 0, 1, 2, 3, 4]


@on_loop
async def test_one_operation_waits_for_no_other(sqlite_url: str) -> None:
    """No timer collects some first: a hundred, one after another, are a hundred commits."""
    notebook = Notebook(sqlite_url)
    notebook.writer.begin()
    for number in range(100):
        assert await notebook.writer.ask(notebook.write(number)) == number
    await notebook.writer.end()

    assert notebook.transactions == [[number] for number in range(100)]


@on_loop
async def test_a_transaction_is_durable_if_anything_in_it_has_to_be(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asked for it to be is answered by that transaction; where nobody did, no disk is waited for."""
    notebook = Notebook(sqlite_url)
    durables = durable_transactions(monkeypatch)
    notebook.writer.begin()
    await notebook.writer.ask(notebook.write("brief"), durable=False)
    busy = notebook.writer.ask(notebook.wait, durable=False)
    asked = [notebook.writer.ask(notebook.write(n), durable=n == 5) for n in range(10)]
    notebook.may_begin.set()
    await gather(busy, *asked)
    await notebook.writer.end()

    durable = [done for done, lasts in zip(notebook.transactions, durables, strict=True) if lasts]
    assert [5 in done for done in durable] == [True]
    assert durables[0] is False


@on_loop
async def test_what_waits_at_the_end_is_written(sqlite_url: str) -> None:
    """And nothing after it: whoever asks then is told."""
    notebook = Notebook(sqlite_url)
    notebook.writer.begin()
    asked = [notebook.writer.ask(notebook.write(number)) for number in range(10)]
    await notebook.writer.end()

    assert [await one for one in asked] == list(range(10))
    with pytest.raises(LedgerError, match="is closed"):
        await notebook.writer.ask(notebook.write("late"))


@on_loop
async def test_a_caller_who_has_gone_keeps_nobody_from_his_answer(sqlite_url: str) -> None:
    """What he asked is done nevertheless: it may be already."""
    notebook = Notebook(sqlite_url)
    notebook.writer.begin()
    notebook.writer.ask(notebook.wait)
    gone, stays = notebook.writer.ask(notebook.write("gone")), notebook.writer.ask(notebook.write("stays"))
    gone.cancel()
    notebook.may_begin.set()
    assert await stays == "stays"
    await notebook.writer.end()

    assert notebook.done == ["gone", "stays"]


@on_loop
async def test_one_that_fails_fails_alone(url: str) -> None:
    """Whatever it raises after whatever it wrote; its neighbours' work is durable, and done once."""

    async with Ledger.open(url, "one") as ledger:
        claims = [await claimed(ledger, str(number)) for number in range(20)]
        lost = await claimed(ledger, "lost")
        await claimed(ledger, "lost")
        answers = await gather(
            *(ledger.note(one, {"n": n}) for n, one in enumerate(claims[:10])),
            ledger.note(claims[10], {"not": {"JSON"}}),
            ledger.note(lost, {"n": 1}),
            *(ledger.close(one, "failed", {}) for one in claims[11:]),
            ledger.close(claims[10], "failed", {"not": {"JSON"}}),  # type: ignore[dict-item]
            return_exceptions=True,
        )

        raised = [(n, type(answer)) for n, answer in enumerate(answers) if answer is not None]
        assert raised == [(10, TypeError), (11, LostRun), (21, TypeError)]
        assert await ledger.failures_in_row("restart") == 9
        assert [(await claimed(ledger, str(n))).notes for n in range(11)] == [{"n": n} for n in range(10)] + [
            {}
        ]


@on_loop
async def test_a_thousand_runs_at_once_are_some_transactions(sqlite_url: str) -> None:
    """Not thousands of waits for the disk, one after another."""
    begun = 0

    def count_transactions() -> float:
        nonlocal begun
        begun += 1
        return 1000.0

    async def run(ledger: Ledger, number: int) -> None:
        claim = await ledger.claim(new_run(str(number)))
        assert isinstance(claim, Claim)
        await ledger.admit(claim, admit_all, 0)
        await ledger.intend(claim, "start")
        await ledger.close(claim, "done", {})

    def admit_all(use: Use) -> Admitted:
        return Admitted({}, {})

    async with Ledger.open(sqlite_url, "one", clock=count_transactions) as ledger:
        await gather(*(run(ledger, number) for number in range(1000)))

    assert begun < 100
