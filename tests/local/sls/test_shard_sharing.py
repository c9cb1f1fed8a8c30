"""Consumers share shards evenly and never hold one together, whoever comes and goes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sink.local.sls.shard_sharing import Holding, hand_out

names = st.sampled_from("abcd")


class Group:
    """A consumer group in memory: what the service keeps, and what each consumer has in hand."""

    def __init__(self, shards: int) -> None:
        self.shards = list(range(shards))
        self.holdings: list[Holding] = []
        self.in_hand: dict[str, set[int]] = {}

    def beat(self, name: str) -> None:
        """One heartbeat, by a consumer that lets go as soon as it is told."""
        hand = self.in_hand.setdefault(name, set())
        held = hand_out(name, self.in_hand.keys(), self.shards, self.holdings, hand)
        self.holdings = [h for h in self.holdings if h.consumer != name] + held
        self.in_hand[name] = {holding.shard_id for holding in held if not holding.revoked}

    def lose(self, name: str) -> None:
        """A consumer is forgotten."""
        self.in_hand.pop(name, None)
        self.holdings = [h for h in self.holdings if h.consumer != name]


def test_the_only_consumer_gets_all() -> None:
    """From the first heartbeat."""
    assert hand_out("a", ["a"], [0, 1, 2], [], []) == [Holding(0, "a"), Holding(1, "a"), Holding(2, "a")]


def test_a_shard_in_hand_is_not_given_away() -> None:
    """It is revoked, and stays with its consumer until that no longer reports it."""
    holdings = [Holding(0, "a"), Holding(1, "a")]
    assert hand_out("a", ["a", "b"], [0, 1], holdings, [0, 1]) == [
        Holding(0, "a"),
        Holding(1, "a", revoked=True),
    ]
    holdings = [Holding(0, "a"), Holding(1, "a", revoked=True)]
    assert hand_out("b", ["a", "b"], [0, 1], holdings, []) == []
    assert hand_out("a", ["a", "b"], [0, 1], holdings, [0]) == [Holding(0, "a")]


@given(st.integers(1, 9), st.lists(st.tuples(names, st.booleans()), max_size=30))
def test_no_shard_has_two_consumers(shards: int, happenings: list[tuple[str, bool]]) -> None:
    """Through any sequence of heartbeats and losses."""
    group = Group(shards)
    for name, lost in happenings:
        group.lose(name) if lost else group.beat(name)
        held = [holding.shard_id for holding in group.holdings]
        assert len(held) == len(set(held))


@given(st.integers(1, 9), st.lists(st.tuples(names, st.booleans()), max_size=30), st.permutations("abcd"))
def test_shares_become_even(shards: int, happenings: list[tuple[str, bool]], order: list[str]) -> None:
    """After six rounds of heartbeats every shard has a consumer, and shares differ by one at most."""
    group = Group(shards)
    for name, lost in happenings:
        group.lose(name) if lost else group.beat(name)
    for name in order * 6:
        group.beat(name)
    shares = [len(group.in_hand[name]) for name in order]
    assert sum(shares) == shards
    assert max(shares) - min(shares) <= 1
