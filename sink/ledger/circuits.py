"""The state of a module across its runs: failures in a row, who called for it, its circuit.

What opens a circuit is the guards' business; here is only what they go by, alike for every sink of a
ledger. Counting begins anew where a circuit is closed by hand, or closing one in the middle of a mass event
would be no use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, distinct, func, insert, select, update

from sink.ledger.database import Transaction
from sink.ledger.prepared import Prepared
from sink.ledger.tables import module, run
from sink.ledger.values import Circuit, Standing

_THIS = module.c.module == bindparam("whose")
_FAILURES = Prepared(select(module.c.failures_in_row).where(_THIS))
_OPEN = select(module).where(module.c.opened_at_ms.is_not(None))
_OPEN_HERE = Prepared(_OPEN.where(_THIS))
_CHANGE = Prepared(update(module).where(_THIS))
_NEW = Prepared(insert(module))
_CALLING = Prepared(
    select(func.count(distinct(run.c.instance_id))).where(
        run.c.module == bindparam("whose"),
        run.c.claimed_at_ms >= bindparam("since_ms"),
        run.c.claimed_at_ms
        > select(func.coalesce(func.max(module.c.closed_at_ms), 0)).where(_THIS).scalar_subquery(),
    )
)


def count_outcome(transaction: Transaction, name: str, status: str) -> None:
    """Count a failure, or that there was none; a run that was skipped or refused says neither."""
    if status == "failed":
        _set(transaction, name, failures_in_row=failures_in_row(transaction, name) + 1)
    elif status == "done":
        _set(transaction, name, failures_in_row=0)


def failures_in_row(transaction: Transaction, name: str) -> int:
    """Runs that failed since one was done, or since the circuit was closed."""
    row = _FAILURES.first(transaction.connection, {"whose": name})
    return row.failures_in_row if row else 0


def instances_calling(transaction: Transaction, name: str, since_ms: int) -> int:
    """Distinct instances whose runs were first claimed since then, and since the circuit was closed."""
    since = {"whose": name, "since_ms": transaction.there(since_ms)}
    return int(_CALLING.first(transaction.connection, since)[0])


def standing(transaction: Transaction, name: str, since_ms: int, cooldown_seconds: float | None) -> Standing:
    """What stands against the module's acting: its circuit, and who has called for it since then."""
    return Standing(
        circuit(transaction, name, cooldown_seconds), instances_calling(transaction, name, since_ms)
    )


def open_circuit(transaction: Transaction, name: str, reason: str) -> None:
    """Open it; one that is open is from now on open for this reason."""
    _set(transaction, name, opened_at_ms=transaction.now_ms, reason=reason)


def close_circuit(transaction: Transaction, name: str) -> bool:
    """Close it, and forget failures; whether it was open."""
    was_open = circuit(transaction, name, None) is not None
    counting_since = {"failures_in_row": 0, "closed_at_ms": transaction.now_ms}
    _set(transaction, name, opened_at_ms=None, reason=None, **counting_since)
    return was_open


def circuit(transaction: Transaction, name: str, cooldown_seconds: float | None) -> Circuit | None:
    """The module's circuit if it is open, and was opened less than the cooldown ago."""
    row = _OPEN_HERE.first(transaction.connection, {"whose": name})
    found = _circuit(transaction, row) if row else None
    if found is None or cooldown_seconds is None:
        return found
    ends_ms = transaction.there(found.opened_at_ms) + cooldown_seconds * 1000
    return found if transaction.now_ms < ends_ms else None


def circuits(transaction: Transaction) -> Mapping[str, Circuit]:
    """Every circuit that was opened and not closed, by module."""
    rows = transaction.connection.execute(_OPEN.order_by(module.c.module))
    return {row.module: _circuit(transaction, row) for row in rows}


def _circuit(transaction: Transaction, row: Any) -> Circuit:
    return Circuit(transaction.here(row.opened_at_ms), row.reason)


def _set(transaction: Transaction, name: str, **values: Any) -> None:
    """Set columns of a module, of which there may be no row yet."""
    if not _CHANGE.change(transaction.connection, {"whose": name, **values}):
        _NEW.change(transaction.connection, {"failures_in_row": 0, **values, "module": name})
