"""Kaplan-Meier with late entry, its figures, and the log-rank test, against tables and second opinions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sink.analysis.frames import LIFETIMES, FrameError
from sink.analysis.survival import chance_to_last, compare, log_log_band, survival, survival_summary
from tests.analysis.built import HOUR, life, lives

SIX_MP = [
    *((6, 1), (6, 1), (6, 1), (6, 0), (7, 1), (9, 0), (10, 1), (10, 0), (11, 0), (13, 1), (16, 1), (17, 0)),
    *((19, 0), (20, 0), (22, 1), (23, 1), (25, 0), (32, 0), (32, 0), (34, 0), (35, 0)),
]
PLACEBO = [(t, 1) for t in (1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23)]
"""Weeks of remission of 42 children (Freireich et al. 1963), the example of the survival textbooks."""

LIVES = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40), st.booleans()), min_size=1, max_size=40)


def _trial(rows: list[tuple[int, int]], zone: str) -> list[dict[str, object]]:
    outcome = {1: "interrupted", 0: "released"}
    return [life(n, hours, outcome[event], zone_id=zone) for n, (hours, event) in enumerate(rows)]


FREIREICH = lives(*_trial(SIX_MP, "6-MP"), *_trial(PLACEBO, "placebo"))


def _late(rows: list[tuple[int, int, bool]]) -> pd.DataFrame:
    """Lives that entered at an age and were watched for so long."""
    return lives(
        *(
            life(
                n,
                entry + watched,
                "interrupted" if hit else "alive",
                entry_ms=entry * HOUR,
                truncated=entry > 0,
            )
            for n, (entry, watched, hit) in enumerate(rows)
        )
    )


def test_the_textbook_curve_comes_out() -> None:
    """Survival, at risk and events of the 6-MP arm as Kleinbaum and Klein print them."""
    curve = survival(FREIREICH[FREIREICH["zone_id"] == "6-MP"])
    assert curve["age_hours"].tolist() == [0, 6, 7, 10, 13, 16, 22, 23]
    assert curve["at_risk"].tolist() == [21, 21, 17, 15, 12, 11, 7, 6]
    assert curve["survival"].tolist() == pytest.approx(
        [1, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448], abs=5e-4
    )


def test_the_textbook_band_comes_out() -> None:
    """At 6 weeks R's survfit(conf.type="log-log") prints 0.620 to 0.952 for the 6-MP arm."""
    row = survival(FREIREICH[FREIREICH["zone_id"] == "6-MP"]).iloc[1]
    assert (row["low"], row["high"]) == pytest.approx((0.620, 0.952), abs=5e-4)


def test_the_textbook_medians_come_out() -> None:
    """23 weeks under 6-MP, 8 under placebo."""
    summary = survival_summary(FREIREICH, "zone", horizon_hours=20)
    assert summary["median"].tolist() == [23, 8]


def test_the_textbook_log_rank_test_comes_out() -> None:
    """Chi-square 16.79 with one degree of freedom."""
    found = compare(FREIREICH, "zone")
    assert found.chi_square == pytest.approx(16.793, abs=5e-4)
    assert found.degrees_of_freedom == 1
    assert found.p_value == pytest.approx(4.17e-5, rel=0.01)


@pytest.mark.filterwarnings("ignore:The confidence interval is undefined:RuntimeWarning")
@settings(deadline=None, max_examples=40)
@given(LIVES)
def test_without_late_entries_scipy_gives_the_same_curve_and_band(rows: list[tuple[int, int, bool]]) -> None:
    """statsmodels against scipy's empirical survival function with its log-log band."""
    rows = [(0, watched, hit) for _, watched, hit in rows] + [(0, 1, True)]
    curve = survival(_late(rows)).iloc[1:]
    data = stats.CensoredData(
        [watched for _, watched, hit in rows if hit], right=[watched for _, watched, hit in rows if not hit]
    )
    expected = stats.ecdf(data).sf
    assert curve["survival"].tolist() == pytest.approx(
        expected.evaluate(curve["age_hours"]).tolist(), abs=1e-12
    )
    inside = curve[curve["low"].notna()]
    band = expected.confidence_interval(method="log-log")
    assert inside["low"].tolist() == pytest.approx(band.low.evaluate(inside["age_hours"]).tolist(), abs=1e-9)
    assert inside["high"].tolist() == pytest.approx(
        band.high.evaluate(inside["age_hours"]).tolist(), abs=1e-9
    )


@settings(deadline=None, max_examples=40)
@given(LIVES)
def test_with_late_entries_the_risk_set_is_a_direct_count(rows: list[tuple[int, int, bool]]) -> None:
    """At risk at an age is who entered before it and had not ended before it; survival is their product."""
    rows = [(0, 80, False), *rows]
    curve = survival(_late(rows)).iloc[1:]
    share = 1.0
    for age, found, ended, survives in curve[["age_hours", "at_risk", "events", "survival"]].to_numpy():
        at_risk = sum((entry < age or entry == 0) and age <= entry + w for entry, w, _ in rows)
        events = sum(hit and entry + w == age for entry, w, hit in rows)
        share *= 1 - events / at_risk
        assert (found, ended) == (at_risk, events)
        assert survives == pytest.approx(share)


def test_ignoring_late_entry_would_make_survival_too_high() -> None:
    """Of 1,000 exponential lives of 10 h, half seen from the age of 10 h on: survival at 10 h is 1/e."""
    ages = stats.expon(scale=10).ppf((np.arange(1000) + 0.5) / 1000)
    rows = [
        life(n, age, entry_ms=10 * HOUR * (n % 2), truncated=bool(n % 2))
        for n, age in enumerate(ages)
        if n % 2 == 0 or age > 10
    ]
    frame = lives(*rows)
    honest = survival_summary(frame, ages_hours=(10,))["survival_10h"].iloc[0]
    naive = survival_summary(frame.assign(truncated=False), ages_hours=(10,))["survival_10h"].iloc[0]
    assert honest == pytest.approx(np.exp(-1), abs=0.01)
    assert naive > 0.5


def test_a_release_censors() -> None:
    """Released lives leave the risk set and do not lower the curve."""
    frame = lives(life(0, 1, "released"), life(1, 2), life(2, 3, "alive"))
    assert survival(frame)["survival"].tolist() == [1, 0.5]


def test_a_life_of_no_length_counts() -> None:
    """Created and deleted in one tick: an end at age 0 lowers the curve from the start."""
    curve = survival(lives(life(0, 0), life(1, 5, "alive")))
    assert curve[["age_hours", "at_risk", "survival"]].values.tolist() == [[0, 2, 1], [0, 2, 0.5]]


def test_a_life_without_a_birth_is_left_out_and_counted() -> None:
    """It has no age; its hours count in rates instead."""
    summary = survival_summary(lives(life(0, 1), life(1, 2, born_ms=None)))
    assert summary[["lives", "left_out"]].values.tolist() == [[1, 1]]


def test_the_curve_does_not_fall_to_zero_while_others_enter_later() -> None:
    """One life was reclaimed young, ten entered old: the curve speaks of the ten, and says from when."""
    old = [life(n, 20 + n, entry_ms=10 * HOUR, truncated=True) for n in range(1, 11)]
    summary = survival_summary(lives(life(0, 1), *old), ages_hours=(25,))
    row = summary.iloc[0]
    assert (row["start_hours"], row["lives"], row["left_out"]) == (10, 10, 1)
    assert row["survival_25h"] == pytest.approx(0.5)


def test_a_single_old_life_does_not_push_out_a_fleet() -> None:
    """Of the stretches of age that were watched, the one with most lives is taken."""
    young = [life(n, n) for n in range(1, 11)]
    row = survival_summary(lives(*young, life(99, 50, entry_ms=40 * HOUR, truncated=True))).iloc[0]
    assert (row["start_hours"], row["lives"], row["left_out"], row["median"]) == (0, 10, 1, 6)


def test_a_median_that_is_not_reached_is_missing() -> None:
    """Most are alive: no figure is better than a wrong one. The restricted mean still tells."""
    frame = lives(life(0, 1), *(life(n, 30, "alive") for n in range(1, 10)))
    row = survival_summary(frame, horizon_hours=24).iloc[0]
    assert pd.isna(row["median"])
    assert row["mean"] == pytest.approx(1 + 23 * 0.9)


def test_a_horizon_beyond_what_was_watched_gives_no_mean() -> None:
    """Nobody was watched for 24 hours, so nothing is known of them."""
    assert (
        survival_summary(lives(life(0, 1), life(1, 5, "alive")))[["mean", "survival_12h"]]
        .isna()
        .all(axis=None)
    )


def test_once_all_are_gone_survival_is_zero_for_ever() -> None:
    """A curve at 0 needs no further watching."""
    row = survival_summary(lives(life(0, 1), life(1, 3)), horizon_hours=10, ages_hours=(5,)).iloc[0]
    assert (row["survival_5h"], row["mean"]) == (0, 2)


def test_the_restricted_mean_of_uncensored_lives_is_their_mean_up_to_the_horizon() -> None:
    """Area under the empirical curve; its interval is that of a mean."""
    hours = np.arange(1, 41)
    row = survival_summary(lives(*(life(n, float(h)) for n, h in enumerate(hours))), horizon_hours=24).iloc[0]
    capped = np.minimum(hours, 24)
    assert row["mean"] == pytest.approx(capped.mean())
    margin = stats.norm.ppf(0.975) * capped.std() / np.sqrt(len(hours))
    assert (row["mean_low"], row["mean_high"]) == pytest.approx(
        (capped.mean() - margin, capped.mean() + margin)
    )


def test_the_chance_to_last_is_conditional_on_the_age_reached() -> None:
    """S(age + hours) / S(age): of the two that reached 5 h, one goes on beyond 8 h."""
    frame = lives(life(0, 2), life(1, 4), life(2, 7), life(3, 10))
    assert chance_to_last(frame, 3, age_hours=5) == 0.5
    assert chance_to_last(frame, 3) == 0.75


def test_the_chance_to_last_is_unknown_beyond_what_was_watched() -> None:
    """Nobody reached the age, or nobody was watched so long."""
    frame = lives(life(0, 2, "alive"), life(1, 3, "alive"))
    assert np.isnan(chance_to_last(frame, 1, age_hours=5))
    assert np.isnan(chance_to_last(frame, 5))


@settings(deadline=None, max_examples=40)
@given(LIVES, LIVES)
def test_without_late_entries_scipy_gives_the_same_test(
    one: list[tuple[int, int, bool]], other: list[tuple[int, int, bool]]
) -> None:
    """statsmodels' survdiff against scipy's logrank, which squares to the same chi-square."""
    groups = [[(watched, hit) for _, watched, hit in rows] + [(50, False)] for rows in (one, other)]
    frame = lives(
        *(
            life(n, watched, "interrupted" if hit else "alive", zone_id=zone)
            for zone, rows in zip("ab", groups, strict=True)
            for n, (watched, hit) in enumerate(rows)
        )
    )
    if not any(hit for rows in groups for _, hit in rows):
        return
    data = [
        stats.CensoredData([t for t, hit in g if hit], right=[t for t, hit in g if not hit]) for g in groups
    ]
    expected = stats.logrank(*data)
    assert compare(frame, "zone").chi_square == pytest.approx(expected.statistic**2, rel=1e-6, abs=1e-9)


def test_late_entries_enter_the_log_rank_test_late() -> None:
    """Observed minus expected and its variance, summed by hand over the ages at which something happened."""
    rows = {"a": [(0, 3, True), (2, 5, True), (0, 9, False)], "b": [(1, 4, True), (3, 6, True), (0, 2, True)]}
    frame = pd.concat(
        [_late([(e, t - e, h) for e, t, h in group]).assign(zone_id=zone) for zone, group in rows.items()]
    )
    frame = LIFETIMES.cast(frame.assign(instance_id=[f"i-{n}" for n in range(6)]))
    difference = variance = 0.0
    for age in (2, 3, 4, 5, 6):
        at = {
            zone: sum(e < age <= t or (e == 0 and age <= t) for e, t, _ in group)
            for zone, group in rows.items()
        }
        events = {zone: sum(h and t == age for _, t, h in group) for zone, group in rows.items()}
        n, d = sum(at.values()), sum(events.values())
        difference += events["b"] - d * at["b"] / n
        variance += d * (at["a"] / n) * (at["b"] / n) * (n - d) / (n - 1)
    assert compare(frame, "zone").chi_square == pytest.approx(difference**2 / variance)


def test_one_group_cannot_be_compared() -> None:
    """The error says what is needed, and where births come from."""
    with pytest.raises(FrameError, match="inventory"):
        compare(lives(life(0), life(1)), "zone")


def test_no_reclaim_cannot_be_compared() -> None:
    """Without an event every group is alike, and no figure says so better."""
    with pytest.raises(FrameError, match="reclaim"):
        compare(lives(life(0, 1, "alive"), life(1, 1, "alive", zone_id="b")), "zone")


def test_the_band_stays_within_zero_and_one() -> None:
    """Where the plain interval would leave them, log(-log) does not."""
    low, high = log_log_band(np.array([0.02, 0.98]), np.array([0.02, 0.02]), 0.95)
    assert ((low > 0) & (high < 1)).all()


def test_a_life_that_goes_on_alone_gives_a_curve_at_one() -> None:
    """One open life: nothing happened, and nothing is estimated but that."""
    curve = survival(lives(life(0, 5, "alive")))
    assert curve[["age_hours", "at_risk", "survival"]].values.tolist() == [[0, 1, 1]]


def test_no_lives_give_no_rows() -> None:
    """An empty log is no error, by group and in all."""
    empty = LIFETIMES.empty()
    assert survival(empty).empty
    assert survival(empty, "zone").empty
    assert survival_summary(empty).empty
    assert np.isnan(chance_to_last(empty, 1))
