"""For how long the runs of a sink are its own: until its lease ends, unless it shows life before.

A sink shows life with every transaction, so that whoever intends an order has most of a lease ahead for the
call. The ledger is asked for that, and written to, only where a third of the lease is over.
"""

from __future__ import annotations

from sqlalchemy import bindparam, delete, insert, or_, select, update

from sink.ledger.database import Transaction
from sink.ledger.prepared import Prepared
from sink.ledger.tables import owner

_FIND = Prepared(select(owner.c.until_ms).where(owner.c.owner_id == bindparam("whose")))
_NEW = Prepared(insert(owner))
_RENEW = Prepared(update(owner).where(owner.c.owner_id == bindparam("whose")))


class Lease:
    """The lease of the one sink whose transactions it is shown."""

    def __init__(self, lease_ms: int) -> None:
        self._lease_ms = lease_ms
        self._kept_until_ms: int | None = None
        """As it was read: what was only just written may be undone with its transaction."""

    def renew(self, transaction: Transaction) -> None:
        """Have it run so long from now, unless most of it is left."""
        if self._is_long(transaction, self._kept_until_ms):
            return
        self._kept_until_ms = _until_ms(transaction, transaction.owner)
        if self._is_long(transaction, self._kept_until_ms):
            return
        until_ms = transaction.now_ms + self._lease_ms
        if self._kept_until_ms is None:
            _NEW.change(transaction.connection, {"owner_id": transaction.owner, "until_ms": until_ms})
        else:
            _RENEW.change(transaction.connection, {"whose": transaction.owner, "until_ms": until_ms})

    def _is_long(self, transaction: Transaction, until_ms: int | None) -> bool:
        """Tell whether most of it is left. One that is too long was measured by a clock since set back."""
        if until_ms is None:
            return False
        return self._lease_ms * 2 / 3 < until_ms - transaction.now_ms <= self._lease_ms


def give_up(transaction: Transaction) -> None:
    """Let every run of this sink go; rows of sinks that have died go too."""
    gone = or_(owner.c.owner_id == transaction.owner, owner.c.until_ms <= transaction.now_ms)
    transaction.connection.execute(delete(owner).where(gone))


def held_until_ms(transaction: Transaction, owner_id: str | None) -> int | None:
    """When the lease of another sink ends; None if that has ended, or is none."""
    if owner_id is None or owner_id == transaction.owner:
        return None
    until_ms = _until_ms(transaction, owner_id)
    return until_ms if until_ms is not None and until_ms > transaction.now_ms else None


def _until_ms(transaction: Transaction, owner_id: str) -> int | None:
    row = _FIND.first(transaction.connection, {"whose": owner_id})
    return row.until_ms if row else None
