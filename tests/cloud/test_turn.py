"""Turns: who goes first, how long it is tried, and who hears of what it met."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sink.cloud.turn import Turn
from sink.errors import Throttled

NOW_MS = 1_000_000
deadlines = st.none() | st.integers(NOW_MS + 1, NOW_MS + 1_000_000)


class Place:
    """A place in a queue that counts how often it was hastened."""

    def __init__(self) -> None:
        self.times = 0

    def hasten(self) -> None:
        self.times += 1


def test_the_earliest_deadline_goes_first_and_the_background_last() -> None:
    """An interruption overtakes a restart, and both the refresh."""
    soon, later = Turn(NOW_MS + 1000), Turn(NOW_MS + 2000)
    whenever, background = Turn(), Turn(background=True)

    ranked = sorted([background, whenever, later, soon], key=lambda one: one.urgency(NOW_MS))

    assert ranked == [soon, later, whenever, background]


def test_what_is_late_anyway_is_in_no_hurry() -> None:
    """Else those that are lost would have those that are not be late too."""
    assert Turn(NOW_MS - 1).urgency(NOW_MS) == Turn().urgency(NOW_MS)


@given(st.lists(st.tuples(deadlines, st.booleans()), min_size=1, max_size=6))
def test_together_is_as_urgent_as_the_most_urgent_and_as_patient_as_the_most_patient(
    parties: list[tuple[int | None, bool]],
) -> None:
    """Whoever joins is served no worse than alone."""
    turns = [Turn(deadline, background=background) for deadline, background in parties]
    together = Turn.together(turns[0])
    for turn in turns[1:]:
        together.join(turn)

    assert together.urgency(NOW_MS) <= min(turn.urgency(NOW_MS) for turn in turns)
    assert together.lasts_until_ms(NOW_MS, 60) == max(turn.lasts_until_ms(NOW_MS, 60) for turn in turns)


def test_only_somebody_more_urgent_hastens() -> None:
    """A place is given up for a better one, and for no other reason."""
    together, place = Turn.together(Turn(NOW_MS + 2000)), Place()
    together.places.add(place)

    together.join(Turn())
    together.join(Turn(NOW_MS + 3000))
    before = place.times
    together.join(Turn(NOW_MS + 1000))

    assert (before, place.times) == (0, 1)


def test_a_delay_is_told_to_all() -> None:
    """Each run's record says what it waited for, also where one call served many."""
    one, other = Turn(), Turn(NOW_MS + 1)
    inner = Turn.together(one)
    inner.join(other)
    outer = Turn.together(inner)

    outer.met(Throttled("SLB", "Throttling.User", "slower"), 0.5)

    assert one.delays == other.delays == {"Throttling.User": 1}
    assert one.delayed_seconds == 0.5


def test_without_a_deadline_patience_is_limited() -> None:
    """And what goes on after its deadline is given as much."""
    assert Turn().lasts_until_ms(NOW_MS, 60) == NOW_MS + 60_000
    assert Turn(NOW_MS - 5).lasts_until_ms(NOW_MS, 60) == NOW_MS + 60_000
    assert Turn(NOW_MS + 5).lasts_until_ms(NOW_MS, 60) == NOW_MS + 5
