"""A lease is renewed in time, and asked for no more often than that."""

from __future__ import annotations

from typing import Any

import pytest

from sink.ledger.database import Database, Transaction
from sink.ledger.lease import Lease, held_until_ms
from sink.ledger.tables import create
from tests.local.conftest import Watch

LEASE_MS = 900_000


def held_ms(transaction: Transaction, clock: Watch) -> float:
    """How long the lease of `one` still runs, as another sink sees it."""
    return (held_until_ms(transaction, "one") or 0) - clock() * 1000


def test_what_was_undone_is_written_again(url: str) -> None:
    """A transaction takes its first renewal along when it is undone: the next one brings it back."""
    clock, lease = Watch(), Lease(LEASE_MS)
    one, two = Database(url, "one", 5.0, clock), Database(url, "two", 5.0, clock)
    one.run(lambda transaction: create(transaction.connection))

    def fail(transaction: Transaction) -> None:
        lease.renew(transaction)
        raise ArithmeticError

    for _ in range(2):
        with pytest.raises(ArithmeticError):
            one.run(fail)
    assert two.run(lambda transaction: held_until_ms(transaction, "one")) is None
    one.run(lease.renew)
    assert two.run(lambda transaction: held_ms(transaction, clock)) > LEASE_MS - 60_000
    one.close()
    two.close()


def test_nothing_is_asked_while_most_of_it_is_left(sqlite_url: str) -> None:
    """Which is nearly always; an order waits for no statement that it does not need."""
    clock, lease = Watch(), Lease(LEASE_MS)
    database = Database(sqlite_url, "one", 5.0, clock)
    database.run(lambda transaction: create(transaction.connection))
    for _ in range(2):
        database.run(lease.renew)
    asked: list[str] = []

    def watch(transaction: Transaction) -> None:
        file: Any = transaction.connection.connection.driver_connection
        file.set_trace_callback(asked.append)

    database.run(watch)
    database.run(lease.renew)
    assert not [one for one in asked if "sink_owner" in one]
    clock.forward(400)
    database.run(lease.renew)
    assert [one.split()[0] for one in asked if "sink_owner" in one] == ["SELECT", "UPDATE"]
    database.close()
