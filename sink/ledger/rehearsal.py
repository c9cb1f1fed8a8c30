"""What every run asks the ledger, done once and undone.

SQLAlchemy compiles a statement when it is first executed, a driver prepares it then. The first interruption
after a start would wait for all of that, some tens of milliseconds, and it may be the only one.
"""

from __future__ import annotations

from sink.ledger import admissions, circuits, runs
from sink.ledger.database import Transaction
from sink.ledger.values import Admitted, Claim, NewRun

_NAME = "rehearsal"


class UndoneError(Exception):
    """Raised at the end, so that nothing of it is kept."""


def rehearse(transaction: Transaction) -> None:
    """Take a run through its life. Raises UndoneError."""
    claim = runs.claim(transaction, NewRun(_NAME, _NAME, _NAME, _NAME, _NAME, _NAME, transaction.now_ms))
    assert isinstance(claim, Claim)
    circuits.standing(transaction, _NAME, 0, 0)
    admissions.admit(transaction, claim, lambda _: Admitted({}, {_NAME: [_NAME]}), 0, [_NAME])
    runs.intend(transaction, claim, _NAME)
    runs.answered(transaction, claim, _NAME, None)
    runs.note(transaction, claim, {})
    runs.close(transaction, claim, "done", {})
    raise UndoneError
