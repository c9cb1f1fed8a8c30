"""Whether one more run may be carried out, decided and written down in one transaction.

The guards' verdict is a function of what is used up. It is asked here, between the reading and the writing,
so that of two runs racing for a last slot, in two processes even, exactly one is let in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, delete, func, insert, select

from sink.ledger.database import Transaction
from sink.ledger.runs import change, find_ours
from sink.ledger.tables import run, take
from sink.ledger.values import Admitted, Claim, Use

_ACTIONS = select(func.count()).where(
    run.c.module == bindparam("whose"),
    run.c.admitted_at_ms >= bindparam("since_ms"),
    run.c.action_id != bindparam("this"),
)
_TAKES = select(take.c.group_id, take.c.server_id).where(
    take.c.group_id.in_(bindparam("group_ids", expanding=True)), take.c.action_id != bindparam("this")
)
_TAKEN = _TAKES.where(take.c.taken_at_ms >= bindparam("since_ms")).union(
    _TAKES.join(run, run.c.action_id == take.c.action_id).where(run.c.closed_at_ms.is_(None))
)

_GIVE_BACK = delete(take).where(take.c.action_id == bindparam("this"))
_TAKE = insert(take)


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
        transaction.connection.execute(_GIVE_BACK, {"this": claim.action_id})
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
    return transaction.connection.execute(_ACTIONS, since).scalar_one()


def _taken(
    transaction: Transaction, claim: Claim, since_ms: int, group_ids: Sequence[str]
) -> dict[str, frozenset[str]]:
    """Servers taken out of the groups by others: within the window, or in runs that go on."""
    if not group_ids:
        return {}
    since = {"group_ids": list(group_ids), "since_ms": since_ms, "this": claim.action_id}
    found: dict[str, set[str]] = {group_id: set() for group_id in group_ids}
    for group_id, server_id in transaction.connection.execute(_TAKEN, since):
        found[group_id].add(server_id)
    return {group_id: frozenset(servers) for group_id, servers in found.items()}


def _write_takes(transaction: Transaction, claim: Claim, decision: Admitted) -> None:
    rows = [
        {
            "action_id": claim.action_id,
            "group_id": group_id,
            "server_id": server,
            "taken_at_ms": transaction.now_ms,
        }
        for group_id, servers in decision.takes.items()
        for server in dict.fromkeys(servers)
    ]
    if rows:
        transaction.connection.execute(_TAKE, rows)
