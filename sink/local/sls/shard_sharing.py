"""Which consumer of a group works on which shard: the arithmetic behind HeartBeat.

Consumers share the shards evenly. One that has too many is told to let some go, but keeps them in hand
until it no longer reports them, for it may be in the middle of a batch; only then does another get them.
So no shard ever has two consumers. `consumer_groups.py` keeps the result; here is no state and no clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """A shard in a consumer's hand. `revoked`: it has been told to let go."""

    shard_id: int
    consumer: str
    revoked: bool = False


def hand_out(
    consumer: str,
    consumers: Collection[str],
    shards: Sequence[int],
    holdings: Sequence[Holding],
    reported: Collection[int],
) -> list[Holding]:
    """What one of the living `consumers` holds from now on, as it reports what it works on.

    >>> hand_out("b", ["a", "b"], [0, 1], [Holding(0, "a")], [])
    [Holding(shard_id=1, consumer='b', revoked=False)]
    """
    active = [h.shard_id for h in holdings if h.consumer == consumer and not h.revoked]
    leaving = [
        h.shard_id for h in holdings if h.consumer == consumer and h.revoked and h.shard_id in reported
    ]
    taken = {h.shard_id for h in holdings if h.consumer != consumer}
    free = [shard for shard in shards if shard not in {*taken, *active, *leaving}]
    wanted = [shard for shard in (*active, *leaving, *free) if shard in shards]
    kept = wanted[: _target(consumer, consumers, len(shards), holdings)]
    let_go = [shard for shard in (*active, *leaving) if shard not in kept and shard in reported]
    return [Holding(shard, consumer) for shard in kept] + [Holding(shard, consumer, True) for shard in let_go]


def _target(consumer: str, consumers: Collection[str], shards: int, holdings: Sequence[Holding]) -> int:
    """A fair share. What does not divide evenly stays with those who have it."""
    base, extra = divmod(shards, len(consumers))
    counts = Counter(holding.consumer for holding in holdings if not holding.revoked)
    ranking = sorted(consumers, key=lambda name: (-counts[name], name))
    return base + (ranking.index(consumer) < extra)
