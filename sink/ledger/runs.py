"""What happens to a run: it is claimed, noted in, ordered in, given back, closed; and found again.

Every function here is an operation of the ledger and runs inside a transaction that holds all of it, so
reading and then writing is safe. Each may be done twice (`Database.run`), and then changes nothing the
second time. A run belongs to whoever claimed it last: to owner and epoch. All writing checks both.

What every run needs is prepared; what is asked once in a while SQLAlchemy executes itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import (
    BigInteger,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    or_,
    select,
    update,
)

from sink.errors import LostRun
from sink.ledger.circuits import count_outcome
from sink.ledger.database import Transaction
from sink.ledger.lease import held_until_ms
from sink.ledger.prepared import Prepared
from sink.ledger.tables import Json, order, owner, run, take
from sink.ledger.values import Claim, Closed, EarlierRun, Held, NewRun

MOST_UNFINISHED = 1000
"""Runs that `unfinished` gives at once: what bounds memory. Each is gone from there once it is claimed."""
MOST_PRUNED = 500
"""Runs that one `prune` forgets, so that nobody waits long behind it."""

_THIS = run.c.action_id == bindparam("this")
_CLAIMED = and_(_THIS, run.c.owner_id == bindparam("us"), run.c.epoch == bindparam("this_epoch"))
_OURS = and_(_CLAIMED, run.c.closed_at_ms.is_(None))
_THIS_ORDER = and_(order.c.action_id == bindparam("this"), order.c.name == bindparam("this_order"))

_FIND = Prepared(select(run).where(_THIS))
_FIND_CLAIMED = Prepared(select(run).where(_CLAIMED))
_FIND_OURS = Prepared(select(run).where(_OURS))
_NEW = Prepared(insert(run))
_CHANGE = Prepared(update(run).where(_THIS))
_RELEASE = Prepared(update(run).where(_OURS))
_ORDERS = Prepared(select(order).where(order.c.action_id == bindparam("this")).order_by(order.c.number))
_ANSWER = Prepared(update(order).where(_THIS_ORDER))
_INTEND = Prepared(
    insert(order).from_select(
        ["action_id", "name", "given_at_ms"],
        select(
            run.c.action_id, bindparam("this_order", type_=Json), bindparam("now_ms", type_=BigInteger)
        ).where(_OURS, ~exists().where(_THIS_ORDER)),
    )
)
_GIVE_BACK = Prepared(delete(take).where(take.c.action_id == bindparam("this")))


def claim(transaction: Transaction, new: NewRun) -> Claim | Held | Closed:
    """Make a run ours, unless it is closed, or another sink is at it whose lease runs."""
    row = _FIND.first(transaction.connection, {"this": new.action_id})
    if row is None:
        return _begin(transaction, new)
    if row.closed_at_ms is not None:
        return Closed(row.status, row.fields)
    until_ms = held_until_ms(transaction, row.owner_id)
    return Held(transaction.here(until_ms)) if until_ms else _take_over(transaction, row)


def intend(transaction: Transaction, claim: Claim, name: str) -> None:
    """Write down that an order is about to be given; when it was first given stays."""
    intent = {**_ours(transaction, claim), "this_order": name, "now_ms": transaction.now_ms}
    if not _INTEND.change(transaction.connection, intent):
        find_ours(transaction, claim)


def answered(transaction: Transaction, claim: Claim, name: str, result: Any) -> None:
    """Write down what was answered to an order. It was, whoever has the run by now."""
    answer = {"answered_at_ms": transaction.now_ms, "answer": result}
    _ANSWER.change(transaction.connection, {"this": claim.action_id, "this_order": name, **answer})


def note(transaction: Transaction, claim: Claim, facts: Mapping[str, Any]) -> None:
    """Put facts to the run's notes, over those of the same name."""
    change(transaction, claim, notes={**find_ours(transaction, claim).notes, **facts})


def close(transaction: Transaction, claim: Claim, status: str, fields: Mapping[str, str]) -> None:
    """End a run. Only what is done keeps the places that it took."""
    row = _FIND_CLAIMED.first(transaction.connection, _ours(transaction, claim))
    if row is None:
        raise _lost(claim)
    if row.closed_at_ms is not None:
        return
    change(transaction, claim, closed_at_ms=transaction.now_ms, status=status, fields=dict(fields), body=None)
    if status != "done" and row.admitted_at_ms is not None:
        give_back(transaction, claim)
    count_outcome(transaction, claim.module, status)


def release(transaction: Transaction, claim: Claim) -> None:
    """Give a run back, for whoever asks next. One that is no longer ours stays where it is."""
    _RELEASE.change(transaction.connection, {**_ours(transaction, claim), "owner_id": None})


def give_back(transaction: Transaction, claim: Claim) -> None:
    """Take back what the run's admission took."""
    _GIVE_BACK.change(transaction.connection, {"this": claim.action_id})


def find_ours(transaction: Transaction, claim: Claim) -> Any:
    """The run's row. Raises LostRun where it is closed, or was claimed by another since."""
    found = _FIND_OURS.first(transaction.connection, _ours(transaction, claim))
    if found is None:
        raise _lost(claim)
    return found


def change(transaction: Transaction, claim: Claim, **values: Any) -> None:
    """Set columns of a run that was found to be ours in this transaction."""
    _CHANGE.change(transaction.connection, {"this": claim.action_id, **values})


def unfinished(transaction: Transaction, modules: Collection[str] | None) -> Sequence[NewRun]:
    """Open runs that no sink is at, the oldest first; of these modules only, if they are named."""
    at_work = select(owner.c.owner_id).where(owner.c.until_ms > transaction.now_ms)
    columns = [run.c[one.name] for one in fields(NewRun)]
    found = select(*columns).where(
        run.c.closed_at_ms.is_(None), or_(run.c.owner_id.is_(None), run.c.owner_id.not_in(at_work))
    )
    if modules is not None:
        found = found.where(run.c.module.in_(modules))
    rows = transaction.connection.execute(found.order_by(run.c.claimed_at_ms).limit(MOST_UNFINISHED))
    return [NewRun(**row._mapping) for row in rows]


def earlier(transaction: Transaction, module: str, instance_id: str, since_ms: int) -> Sequence[EarlierRun]:
    """Admitted runs of a module for an instance, the oldest first."""
    rows = transaction.connection.execute(
        select(run.c.event_key, run.c.admitted_at_ms, run.c.status)
        .where(run.c.instance_id == instance_id, run.c.module == module)
        .where(run.c.admitted_at_ms >= transaction.there(since_ms))
        .order_by(run.c.admitted_at_ms)
    )
    return [EarlierRun(row.event_key, transaction.here(row.admitted_at_ms), row.status or "") for row in rows]


def prune(transaction: Transaction, before_ms: int) -> int:
    """Forget some of the runs that were closed before then; how many, 0 once there are no more."""
    old = select(run.c.action_id).where(run.c.closed_at_ms < transaction.there(before_ms)).limit(MOST_PRUNED)
    gone = transaction.connection.scalars(old).all()
    for table in (order, take, run):
        transaction.connection.execute(delete(table).where(table.c.action_id.in_(gone)))
    return len(gone)


def _ours(transaction: Transaction, claim: Claim) -> dict[str, Any]:
    return {"this": claim.action_id, "us": transaction.owner, "this_epoch": claim.epoch}


def _lost(claim: Claim) -> LostRun:
    return LostRun(f"the run {claim.action_id} of {claim.module} is no longer this sink's")


def _begin(transaction: Transaction, new: NewRun) -> Claim:
    first = {"owner_id": transaction.owner, "epoch": 1, "claimed_at_ms": transaction.now_ms, "notes": {}}
    _NEW.change(transaction.connection, asdict(new) | first)
    return Claim(new.action_id, new.module, new.event_key, 1)


def _take_over(transaction: Transaction, row: Any) -> Claim:
    """Claim a run anew; who had it before finds it lost."""
    epoch = row.epoch + 1
    this = {"this": row.action_id}
    _CHANGE.change(transaction.connection, {**this, "owner_id": transaction.owner, "epoch": epoch})
    orders = _ORDERS.rows(transaction.connection, this)
    return Claim(
        action_id=row.action_id,
        module=row.module,
        event_key=row.event_key,
        epoch=epoch,
        admitted_at_ms=None if row.admitted_at_ms is None else transaction.here(row.admitted_at_ms),
        plan=row.plan,
        notes=row.notes,
        orders={one.name: transaction.here(one.given_at_ms) for one in orders},
        answers={one.name: one.answer for one in orders if one.answered_at_ms is not None},
    )
