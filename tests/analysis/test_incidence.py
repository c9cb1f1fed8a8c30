"""Cumulative incidence: reclaims and releases as competing ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sink.analysis.frames import LIFETIMES
from sink.analysis.incidence import CAUSES, cumulative_incidence
from sink.analysis.survival import survival
from tests.analysis.built import HOUR, life, lives

ENDS = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from(["interrupted", "released", "alive"])),
    min_size=1,
    max_size=40,
)


def _last(frame: object, cause: str) -> float:
    rows = cumulative_incidence(frame)  # type: ignore[arg-type]
    return float(rows.loc[rows["cause"] == cause, "incidence"].iloc[-1])


def test_without_censoring_the_shares_are_counts() -> None:
    """Three of five ended by reclaim, two by release."""
    frame = lives(*(life(n, n + 1, "interrupted" if n < 3 else "released") for n in range(5)))
    assert [_last(frame, cause) for cause in CAUSES] == pytest.approx([0.6, 0.4])


def test_one_minus_survival_exceeds_the_share_that_is_reclaimed() -> None:
    """The two differ much where owners release: survival asks what would be if they did not."""
    frame = lives(life(0, 1, "released"), life(1, 2), life(2, 3, "released"), life(3, 4))
    assert 1 - survival(frame)["survival"].iloc[-1] == 1
    assert _last(frame, "reclaimed") == 0.5


@settings(deadline=None, max_examples=40)
@given(ENDS)
def test_the_shares_are_a_direct_sum(ends: list[tuple[int, str]]) -> None:
    """Aalen-Johansen by hand: survival just before an age, times the part that ends at it by the cause."""
    frame = lives(*(life(n, hours, outcome) for n, (hours, outcome) in enumerate(ends)))
    alive, reclaimed = 1.0, 0.0
    for age in range(1, 31):
        at_risk = sum(hours >= age for hours, _ in ends)
        ended = [outcome for hours, outcome in ends if hours == age and outcome != "alive"]
        reclaimed += alive * ended.count("interrupted") / max(at_risk, 1)
        alive *= 1 - len(ended) / max(at_risk, 1)
    assert _last(frame, "reclaimed") == pytest.approx(reclaimed)


@settings(deadline=None, max_examples=40)
@given(ENDS)
def test_the_bands_hold_their_shares(ends: list[tuple[int, str]]) -> None:
    """Where there is a band, the estimate lies in it, and it lies within 0 and 1."""
    frame = cumulative_incidence(lives(*(life(n, hours, outcome) for n, (hours, outcome) in enumerate(ends))))
    banded = frame.dropna(subset=["low", "high"])
    assert ((banded["low"] <= banded["incidence"]) & (banded["incidence"] <= banded["high"])).all()
    assert banded["low"].between(0, 1).all()
    assert banded["high"].between(0, 1).all()


def test_late_entries_are_left_out_and_counted() -> None:
    """statsmodels' estimator knows no late entry; the others are a fair sample without them."""
    frame = lives(life(0, 1), life(1, 9, entry_ms=5 * HOUR, truncated=True), life(2, 2, born_ms=None))
    found = cumulative_incidence(frame)
    assert found[["lives", "left_out"]].drop_duplicates().values.tolist() == [[1, 2]]


def test_nothing_ended_is_a_share_of_zero() -> None:
    """All alive: both shares are 0, and are shown."""
    found = cumulative_incidence(lives(life(0, 5, "alive")))
    assert found[["cause", "incidence"]].values.tolist() == [["reclaimed", 0], ["released", 0]]


def test_no_lives_give_no_rows() -> None:
    """An empty log is no error."""
    assert cumulative_incidence(LIFETIMES.empty(), "zone").empty
