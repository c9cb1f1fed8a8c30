"""How long instances live: Kaplan-Meier curves, their figures, and a test between groups.

The notebooks call `survival` for the curve, `survival_summary` for its figures, `compare` for a test and
`chance_to_last` for the engineer whose job takes two more hours. statsmodels estimates; here lives become its
times, entries and causes, and its standard errors become log(-log) bands.

The event is a reclaim; a release by its owner censors, because the question is how hard the provider is on
us. `incidence.py` asks the other question, what share of instances ends by reclaim, where a release
competes. A life that entered late counts from its age at entry only (Lynden-Bell 1971): without that,
survival comes out too high, and taking first sight for birth makes it too low. A life without a known birth
has no age: it is left out, and counted as such.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2, norm
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from sink.analysis.exposure import groups_of, table
from sink.analysis.frames import INTERRUPTED, LIFETIMES, MS_PER_HOUR, FrameError, group_columns, require
from sink.analysis.rates import By

Floats = npt.NDArray[np.float64]

CURVE = {
    "age_hours": "float64",
    "at_risk": "int64",
    "events": "int64",
    "survival": "float64",
    "low": "float64",
    "high": "float64",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A log-rank test: chi-square, degrees of freedom, p-value; the lives compared, and those left out."""

    chi_square: float
    degrees_of_freedom: int
    p_value: float
    lives: int
    left_out: int


@dataclass(frozen=True, slots=True)
class Watched:
    """Lives as statsmodels takes them: ages in hours at entry and end, whether reclaimed, and the start."""

    entry: Floats
    end: Floats
    reclaimed: npt.NDArray[np.int64]
    start: float


def survival(
    life: pd.DataFrame, by: By = (), *, from_hours: float = 0.0, confidence: float = 0.95
) -> pd.DataFrame:
    """Estimate by Kaplan-Meier how likely a life goes on beyond each age without a reclaim.

    Columns: those of `by`; `age_hours`; `at_risk`, lives watched at that age; `events`, reclaims;
    `survival` with a pointwise log(-log) band `low`, `high`, missing where the curve is 1 or 0. One row an
    age at which a life was reclaimed; before them the start of the group's curve, where survival is 1:
    `from_hours`, or the age from which on somebody was watched. What holds is meant among those who reached
    the start.

    >>> from sink.analysis.frames import LIFETIMES
    >>> list(survival(LIFETIMES.empty()))
    ['age_hours', 'at_risk', 'events', 'survival', 'low', 'high']
    """
    require(life, LIFETIMES, [*group_columns(by), *_NEEDED])
    curves = [
        _curve(watch(rows, from_hours), confidence).assign(**group) for group, rows in groups_of(life, by)
    ]
    return table(curves, by, CURVE)


_NEEDED = ["born_ms", "entry_ms", "end_ms", "truncated", "outcome"]


def watch(life: pd.DataFrame, from_hours: float = 0.0) -> Watched:
    """The lives whose ages are known, from an age on, and without a gap of ages in which nobody was watched.

    A curve cannot be carried over such a gap, nor come back from 0 when somebody enters later; so of the
    stretches of age between gaps, that with most lives is taken.
    """
    known = life.dropna(subset="born_ms")
    born = known["born_ms"].astype("int64")
    end = ((known["end_ms"] - born) / MS_PER_HOUR).to_numpy()
    late = ((known["entry_ms"] - born) / MS_PER_HOUR).where(known["truncated"], 0.0).to_numpy()
    # Watched from birth means in the risk set before age 0, so that an end at age 0 counts.
    entry = np.where(late > from_hours, late, from_hours if from_hours > 0 else -1.0)
    kept = np.flatnonzero(end > entry)
    kept = kept[_longest_stretch(entry[kept], end[kept])]
    reclaimed = np.asarray(known["outcome"].isin(INTERRUPTED), dtype=np.int64)
    start = max(float(entry[kept].min()), 0.0) if len(kept) else from_hours
    return Watched(entry[kept], end[kept], reclaimed[kept], start)


def _longest_stretch(entry: Floats, end: Floats) -> npt.NDArray[np.int64]:
    """Positions of the most lives whose spans of age overlap to a chain."""
    order = np.argsort(entry, kind="stable")
    reached = np.maximum.accumulate(end[order])
    stretch = np.cumsum(np.concatenate([[False], entry[order][1:] >= reached[:-1]])[: len(order)])
    return order[stretch == np.bincount(stretch).argmax()] if len(order) else order


def _curve(watched: Watched, confidence: float) -> pd.DataFrame:
    present = int((watched.entry <= watched.start).sum())
    start = {
        "age_hours": watched.start,
        "at_risk": present,
        "events": 0,
        "survival": 1.0 if present else np.nan,
    }
    steps = _estimate(watched, confidence)
    return pd.concat([pd.DataFrame([start | {"low": np.nan, "high": np.nan}]), steps], ignore_index=True)


def _estimate(watched: Watched, confidence: float) -> pd.DataFrame:
    """The steps of the curve, without its start."""
    found = _fit(watched)
    if found is None:
        return table([], (), CURVE)
    low, high = log_log_band(found.surv_prob, found.surv_prob_se, confidence)
    values = (found.surv_times, found.n_risk, found.n_events, found.surv_prob, low, high)
    return pd.DataFrame(dict(zip(CURVE, values, strict=True))).astype(CURVE)


def _fit(watched: Watched) -> SurvfuncRight | None:
    """Kaplan-Meier with late entry; statsmodels has no answer for a group without any event."""
    if not watched.reclaimed.any():
        return None
    return SurvfuncRight(watched.end, watched.reclaimed, entry=watched.entry)


def log_log_band(share: Floats, error: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The interval of a share that stays within 0 and 1; nan at 0 and 1 (Kalbfleisch and Prentice 1980).

    >>> [limit.round(3).tolist() for limit in log_log_band(np.array([0.5]), np.array([0.1]), 0.95)]
    [[0.295], [0.675]]
    """
    inside = (share > 0) & (share < 1) & np.isfinite(error)
    held = np.where(inside, share, 0.5)
    width = norm.ppf(0.5 + confidence / 2) * np.where(inside, error, np.nan) / -(held * np.log(held))
    return held ** np.exp(width), held ** np.exp(-width)


def survival_summary(
    life: pd.DataFrame,
    by: By = (),
    *,
    horizon_hours: float = 24.0,
    ages_hours: Sequence[float] = (1.0, 12.0),
    from_hours: float = 0.0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Tell a survival curve's figures, one row a group.

    Columns: those of `by`; `lives` in the curve, `left_out` lives (without a known birth, or watched only
    beyond a gap of ages), `events`, `late` entries; `start_hours` of the curve; `q25`, `median`, `q75`, the
    hours at which survival falls below 75, 50 and 25 %, missing where it does not; `median_low`,
    `median_high`, the curve's own interval (Brookmeyer and Crowley 1982); `mean`, the mean of the hours
    lived between start and horizon, with `mean_low`, `mean_high`, missing where nobody was watched so long;
    `survival_1h` and so on for each of `ages_hours`, likewise.
    """
    require(life, LIFETIMES, [*group_columns(by), *_NEEDED])
    figures = [
        {**group, **_figures(rows, watch(rows, from_hours), horizon_hours, ages_hours, confidence)}
        for group, rows in groups_of(life, by)
    ]
    hours = ["start_hours", *_QUANTILES, *_MEAN, *(f"survival_{age:g}h" for age in ages_hours)]
    return table(
        [pd.DataFrame(figures)], by, dict.fromkeys(_COUNTS, "int64") | dict.fromkeys(hours, "float64")
    )


_COUNTS = ["lives", "left_out", "events", "late"]
_QUANTILES = ["q25", "median", "median_low", "median_high", "q75"]
_MEAN = ["mean", "mean_low", "mean_high"]


def _figures(
    life: pd.DataFrame, watched: Watched, horizon: float, ages: Sequence[float], confidence: float
) -> dict[str, float]:
    curve = _curve(watched, confidence)
    counts = {
        "lives": len(watched.end),
        "left_out": len(life) - len(watched.end),
        "events": int(watched.reclaimed.sum()),
        "late": int((watched.entry > watched.start).sum()),
        "start_hours": watched.start,
    }
    at_ages = {f"survival_{age:g}h": survival_at(curve, age, _watched_until(curve, watched)) for age in ages}
    return (
        counts | _quantiles(_fit(watched), confidence) | _mean(curve, watched, horizon, confidence) | at_ages
    )


def _quantiles(found: SurvfuncRight | None, confidence: float) -> dict[str, float]:
    if found is None:
        return dict.fromkeys(_QUANTILES, np.nan)
    # Where the curve is 1 or 0 its transform is infinite, and statsmodels passes over those ages.
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = found.quantile_ci(0.5, alpha=1 - confidence)
    quantiles = {
        name: found.quantile(share) for name, share in (("q25", 0.25), ("median", 0.5), ("q75", 0.75))
    }
    return quantiles | {"median_low": low, "median_high": high}


def _watched_until(curve: pd.DataFrame, watched: Watched) -> float:
    """The age to which the curve reaches: for ever once it is 0."""
    if not len(watched.end):
        return -np.inf
    return np.inf if curve["survival"].iloc[-1] == 0 else float(watched.end.max())


def survival_at(curve: pd.DataFrame, age_hours: float, until_hours: float = np.inf) -> float:
    """Read one group's curve at an age: nan before its start and beyond `until_hours`.

    >>> survival_at(pd.DataFrame({"age_hours": [0.0, 3.0], "survival": [1.0, 0.8]}), 2.0)
    1.0
    """
    reached = curve.loc[curve["age_hours"] <= age_hours, "survival"]
    return float(reached.iloc[-1]) if len(reached) and age_hours <= until_hours else np.nan


def _mean(curve: pd.DataFrame, watched: Watched, horizon: float, confidence: float) -> dict[str, float]:
    """The area under the curve and its normal interval (Klein and Moeschberger 2003, section 4.5)."""
    if not watched.start < horizon <= _watched_until(curve, watched):
        return dict.fromkeys(_MEAN, np.nan)
    steps = curve[curve["age_hours"] < horizon]
    widths = np.diff(np.append(steps["age_hours"], horizon))
    areas = widths * steps["survival"].to_numpy()
    beyond = np.cumsum(areas[::-1])[::-1]
    at_risk, events = steps["at_risk"].to_numpy(), steps["events"].to_numpy()
    left = at_risk * (at_risk - events)
    variance = np.sum(np.divide(beyond**2 * events, left, out=np.zeros_like(beyond), where=left > 0))
    margin = norm.ppf(0.5 + confidence / 2) * np.sqrt(variance)
    mean = areas.sum()
    return dict(
        zip(_MEAN, (mean, max(mean - margin, 0.0), min(mean + margin, horizon - watched.start)), strict=True)
    )


def chance_to_last(life: pd.DataFrame, hours: float, *, age_hours: float = 0.0) -> float:
    """Estimate how likely an instance of this age goes on for so many hours more: S(age + hours) / S(age).

    Missing where nobody was watched at that age, or so long.
    """
    require(life, LIFETIMES, _NEEDED)
    watched = watch(life, age_hours)
    curve = _curve(watched, 0.95)
    lasting = survival_at(curve, age_hours + hours, _watched_until(curve, watched))
    return lasting if watched.start <= age_hours else np.nan


def compare(life: pd.DataFrame, by: By) -> Comparison:
    """Test by log-rank whether groups are reclaimed alike at every age, late entries included (Mantel 1966).

    Raises FrameError for fewer than two groups with a known birth, or where nobody was reclaimed: there is
    nothing to test.
    """
    require(life, LIFETIMES, [*group_columns(by), *_NEEDED])
    kept = {tuple(group.values()): watch(rows) for group, rows in groups_of(life, by)}
    watched = [lives for lives in kept.values() if len(lives.end)]
    if len(watched) < 2 or not any(lives.reclaimed.any() for lives in watched):
        raise FrameError(
            f"By {', '.join(group_columns(by))} no two groups with births and a reclaim can be compared",
            "Group by another column, or load the inventory: it tells births",
        )
    return _log_rank(watched, len(life))


def _log_rank(watched: Sequence[Watched], lives: int) -> Comparison:
    group = np.repeat(np.arange(len(watched)), [len(each.end) for each in watched])
    end, reclaimed, entry = (
        np.concatenate([getattr(each, name) for each in watched]) for name in ("end", "reclaimed", "entry")
    )
    chi_square, _ = survdiff(end, reclaimed, group, entry=entry)
    freedom = len(watched) - 1
    return Comparison(
        float(chi_square), freedom, float(chi2.sf(chi_square, freedom)), len(end), lives - len(end)
    )
