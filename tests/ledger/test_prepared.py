"""Prepared statements against SQLAlchemy's own way: the same rows from the same statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import bindparam, func, insert, select, update

from sink.ledger.database import Database, Transaction
from sink.ledger.prepared import Prepared
from sink.ledger.tables import create, run

ODD = ["plain", "NUL \0 and half a pair \ud800", "x" * 300, "中文 100% :this %(this)s ?", ""]
NOTES = [{}, {"a": [1, None, "\0\ud800"]}, None, 7, "text"]
FIND = select(run).where(run.c.module == bindparam("whose"))
COUNT = select(func.coalesce(func.count(), 5) + 2).where(run.c.module == bindparam("whose"))
BOTH = FIND.union(select(run).where(run.c.epoch > bindparam("least")))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """A database with the tables in it."""
    database = Database(url, "one", 5.0, lambda: 0.0)
    database.run(lambda transaction: create(transaction.connection))
    yield database
    database.close()


def row_of(number: int, name: str, notes: Any) -> dict[str, Any]:
    return {
        "action_id": f"{number}",
        "module": name,
        "event_key": name,
        "instance_id": name,
        "region_id": name,
        "body": name,
        "received_at_ms": 1 << 40,
        "epoch": number,
        "claimed_at_ms": number,
        "notes": notes if notes is not None else {},
        "plan": notes,
    }


def fill(transaction: Transaction) -> None:
    """Rows of any names and notes, half of them written by each way."""
    new = Prepared(insert(run))
    rows = [row_of(n, name, notes) for n, (name, notes) in enumerate(zip(ODD, NOTES, strict=True))]
    for one in rows[::2]:
        assert new.change(transaction.connection, one) == 1
    transaction.connection.execute(insert(run), rows[1::2])


@pytest.mark.parametrize("name", [*ODD, "nobody"])
@pytest.mark.parametrize("statement", [FIND, COUNT, BOTH], ids=["rows", "a value", "a union"])
def test_rows_are_those_of_sqlalchemy(database: Database, statement: Any, name: str) -> None:
    """Types of our own, constants in the statement, and names that need quoting somewhere."""
    values = {"whose": name, "least": 2}

    def both(transaction: Transaction) -> tuple[list[Any], list[Any]]:
        fill(transaction)
        found = Prepared(statement).rows(transaction.connection, values)
        return [tuple(one) for one in found], [
            tuple(one) for one in transaction.connection.execute(statement, values)
        ]

    ours, theirs = database.run(both)

    assert sorted(ours, key=str) == sorted(theirs, key=str)


def test_a_row_knows_its_columns(database: Database) -> None:
    """And a statement that finds none gives none."""

    def find(transaction: Transaction) -> tuple[Any, Any]:
        fill(transaction)
        finding = Prepared(FIND)
        return (
            finding.first(transaction.connection, {"whose": "plain"}),
            finding.first(transaction.connection, {"whose": "nobody"}),
        )

    found, none = database.run(find)

    assert (found.epoch, found.body, found.notes, found.owner_id) == (0, "plain", {}, None)
    assert none is None


def test_a_change_is_of_the_columns_that_are_named(database: Database) -> None:
    """The same statement with other values is another; how many rows it met is told."""

    def change(transaction: Transaction) -> list[int]:
        fill(transaction)
        changing = Prepared(update(run).where(run.c.action_id == bindparam("this")))
        return [
            changing.change(transaction.connection, {"this": "0", "notes": {"b": 2}}),
            changing.change(transaction.connection, {"this": "0", "epoch": 9, "plan": [1]}),
            changing.change(transaction.connection, {"this": "nobody", "epoch": 9}),
        ]

    def find(transaction: Transaction) -> Any:
        return Prepared(FIND).first(transaction.connection, {"whose": "plain"})

    assert database.run(change) == [1, 1, 0]
    found = database.run(find)
    assert (found.notes, found.epoch, found.plan) == ({"b": 2}, 9, [1])


def test_what_is_no_json_is_told_as_it_is(database: Database) -> None:
    """Whoever asked for it made a mistake, and the database none."""
    with pytest.raises(TypeError):
        database.run(
            lambda transaction: Prepared(insert(run)).change(
                transaction.connection, row_of(0, "one", {"a": object()})
            )
        )
