"""Tables are made if they are missing; those of a newer version are left alone."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import inspect, text

from sink.errors import LedgerError
from sink.ledger import Ledger
from sink.ledger.database import Database
from sink.ledger.tables import VERSION, create
from tests.ledger.conftest import claimed, on_loop


def database_of(url: str) -> Database:
    """The ledger's database, without the ledger."""
    return Database(url, "test", 5.0, lambda: 0.0)


@on_loop
async def test_a_ledger_is_there_again_when_it_is_opened_again(url: str) -> None:
    """Making tables changes none that are there."""
    for epoch in (1, 2, 3):
        async with Ledger.open(url, "one") as ledger:
            assert (await claimed(ledger)).epoch == epoch


@on_loop
async def test_many_may_open_a_new_ledger_at_once(url: str) -> None:
    """Several sinks that start together make its tables once."""

    async def claim(number: int) -> int:
        async with Ledger.open(url, f"sink {number}") as ledger:
            return (await claimed(ledger, str(number))).epoch

    assert await asyncio.gather(*(claim(number) for number in range(8))) == [1] * 8


def test_a_newer_ledger_is_refused_and_left_as_it_is(url: str) -> None:
    """Its meaning is not known here. The error names the next step."""
    database = database_of(url)
    database.run(lambda transaction: create(transaction.connection))
    database.run(
        lambda transaction: transaction.connection.execute(
            text("update sink_schema set version = :newer"), {"newer": VERSION + 1}
        )
    )
    database.run(lambda transaction: transaction.connection.execute(text("drop table sink_take")))

    with pytest.raises(LedgerError, match=f"newer version.*schema {VERSION + 1}.*Install that version again"):
        database.run(lambda transaction: create(transaction.connection))
    tables = database.run(lambda transaction: inspect(transaction.connection).get_table_names())
    database.close()
    assert "sink_take" not in tables


def test_a_ledger_shares_a_database_with_others(url: str) -> None:
    """Its tables are named so that nobody else has them by chance."""
    database = database_of(url)
    database.run(lambda transaction: create(transaction.connection))
    tables = database.run(lambda transaction: inspect(transaction.connection).get_table_names())
    database.close()

    assert tables
    assert all(name.startswith("sink_") for name in tables)


def test_text_that_is_no_json_says_that_the_ledger_is_damaged(url: str) -> None:
    """Nobody here wrote it; what to do and what that costs is said."""

    async def run() -> None:
        async with Ledger.open(url, "one") as ledger:
            await claimed(ledger)
            database = database_of(url)
            database.run(
                lambda transaction: transaction.connection.execute(text("update sink_run set notes = '{'"))
            )
            database.close()
            with pytest.raises(LedgerError, match=r"damaged.*move it away.*acted on once more"):
                await claimed(ledger)

    asyncio.run(run())
