"""Whether one more run may be carried out, decided and written down in one transaction.

The guards' verdict is a function of what is used up. It is asked here, between the reading and the writing,
so that of two runs racing for a last slot, in two processes even, exactly one is let in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, func, insert, select

from sink.ledger.database import Transaction
from sink.ledger.prepared import Prepared
from sink.ledger.runs import change, find_ours, give_back
from sink.ledger.tables import run, take
from sink.ledger.values import Admitted, Claim, Use

_ACTIONS = Prepared(
    select(func.count()).where(
        run.c.module == bindparam("whose"),
        run.c.admitted_at_ms >= bindparam("since_ms"),
        run.c.action_id != bindparam("this"),
    )
)
_TAKES = select(take.c.server_id).where(
    take.c.group_id == bindparam("whose"), take.c.action_id != bindparam("this")
)
_TAKEN = Prepared(
    _TAKES.where(take.c.taken_at_ms >= bindparam("since_ms")).union(
        _TAKES.join(run, run.c.action_id == take.c.action_id).where(run.c.closed_at_ms.is_(None))
    )
)
_TAKE = Prepared(insert(take))


def admit(
    transaction: Transaction,
    claim: Claim,
    decide: Callable[[Use], Admitted | None],
    since_ms: int,
    group_ids: Sequence[str],
) -> Admitted | None:
    """Decide, and keep a yes with its plan and takes; a no takes an earlier yes back."""
    before = find_ours(transaction, claim)
    since_ms = transaction.there(since_ms)
    actions = _actions(transaction, claim.module, since_ms, claim.action_id)
    use = Use(actions, _taken(transaction, claim, since_ms, group_ids))
    decision = decide(use)
    if before.admitted_at_ms is not None:
        give_back(transaction, claim)
        change(transaction, claim, plan=None, admitted_at_ms=None)
    if decision:
        change(transaction, claim, plan=decision.plan, admitted_at_ms=transaction.now_ms)
        _write_takes(transaction, claim, decision)
    return decision


def admitted(transaction: Transaction, module: str, since_ms: int) -> int:
    """Admissions of the module since then."""
    return _actions(transaction, module, transaction.there(since_ms), "")


def _actions(transaction: Transaction, module: str, since_ms: int, action_id: str) -> int:
    """Admissions of the module since then, but for this run's own."""
    since = {"whose": module, "since_ms": since_ms, "this": action_id}
    return int(_ACTIONS.first(transaction.connection, since)[0])


def _taken(
    transaction: Transaction, claim: Claim, since_ms: int, group_ids: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Servers taken out of the groups by others: within the window, or in runs that go on."""
    since = {"since_ms": since_ms, "this": claim.action_id}
    rows = {one: _TAKEN.rows(transaction.connection, {"whose": one, **since}) for one in group_ids}
    return {group_id: frozenset(row.server_id for row in found) for group_id, found in rows.items()}


def _write_takes(transaction: Transaction, claim: Claim, decision: Admitted) -> None:
    this = {"action_id": claim.action_id, "taken_at_ms": transaction.now_ms}
    for group_id, servers in decision.takes.items():
        for server_id in dict.fromkeys(servers):
            _TAKE.change(transaction.connection, {**this, "group_id": group_id, "server_id": server_id})
