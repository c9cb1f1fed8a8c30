"""How often the provider interrupts: events over running hours, with exact intervals.

The notebooks ask `interruption_rates` which zone and type is interrupted least, and how sure that is. It
divides by the hours in which instances ran, because a count alone only says where most of them were;
`profiles.py` asks the same by age, by hour of the week and before and after a change.

Counts are small, so intervals are exact (Garwood 1936: chi-square for one rate; Przyborowski and Wilenski
1940: conditional binomial for two). A cell is ranked only where it has events and hours enough, and of
many cells only those are marked that survive Benjamini and Hochberg (1995): of 36 cells without any
difference two would be "significant" by luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.rates import confint_poisson

from sink.analysis.exposure import totals
from sink.analysis.frames import (
    INTERRUPTED,
    LIFETIMES,
    MS_PER_HOUR,
    FrameError,
    group_columns,
    require,
)

MIN_EVENTS = 5
MIN_HOURS = 50.0
"""A cell with less is shown with its interval and without a rank."""

FALSE_DISCOVERY_RATE = 0.05
"""The share of marked cells that may be marked by luck."""

Protected = Literal["include", "exclude"]
By = str | Sequence[str]


def interruption_rates(
    life: pd.DataFrame,
    by: By = ("zone", "type"),
    *,
    protected: Protected = "include",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count interruptions per running hour, one row a group.

    Columns: those of `by`; `lives`, `events`, `hours`; `rate`, `low`, `high` per running hour; `shrunk`,
    the rate drawn towards the whole fleet's as far as its few hours ask for (Marshall 1991); `p_value`
    against all other groups together and `differs`, whether it survives Benjamini-Hochberg; `rank`;
    `left_out` lives.

    Rank 1 is the least interrupted; a rank is one more than the number of groups whose interval lies wholly
    below, so that groups which cannot be told apart share it. It is missing under 5 events or 50 hours, and
    where only one group has more.

    `protected="exclude"` leaves out the protected time after birth, and what happened in it; lives
    without a known birth are then left out too, and counted. Raises FrameError for a missing column.

    >>> from sink.analysis.frames import LIFETIMES
    >>> len(interruption_rates(LIFETIMES.empty()))
    0
    """
    require(life, LIFETIMES, [*group_columns(by), "outcome", "running_ms", "protected_ms"])
    cells = totals(_exposed(life, protected), by, ["events", "hours", "left_out"])
    cells = with_rate(cells, confidence)
    cells["shrunk"] = _shrunk(cells)
    cells["p_value"] = [_against_rest(cells, row) for row in range(len(cells))]
    cells["differs"] = _survives_many(cells["p_value"])
    cells["rank"] = _rank(cells)
    order = [*group_columns(by), "lives", *_RATE_COLUMNS]
    return cells[order]


_RATE_COLUMNS = "events hours rate low high shrunk p_value differs rank left_out".split()


def _exposed(life: pd.DataFrame, protected: Protected) -> pd.DataFrame:
    """Each life's part in a rate: event or not, hours, and whether it had to be left out."""
    if protected not in ("include", "exclude"):
        raise FrameError(f"protected={protected!r} is unknown", "Write 'include' or 'exclude'")
    spared = life["protected_ms"] if protected == "exclude" else pd.Series(0, life.index, dtype="Int64")
    exposed_ms = (life["running_ms"] - spared).astype("Int64")
    events = life["outcome"].isin(INTERRUPTED)
    if protected == "exclude":
        events &= (exposed_ms > 0).fillna(False).astype(bool)
    return life.assign(
        events=events.astype("int64"),
        hours=exposed_ms.fillna(0).astype("float64") / MS_PER_HOUR,
        left_out=exposed_ms.isna().astype("int64"),
    )


def with_rate(cells: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Add `rate`, `low` and `high` to rows with `events` and `hours`: per hour, exact (Garwood 1936).

    A row without hours has no rate. `low` of no event is 0, and `high` still says what may be.

    >>> with_rate(pd.DataFrame({"events": [0], "hours": [100.0]}))["high"].round(4).tolist()
    [0.0369]
    """
    hours = cells["hours"].where(cells["hours"] > 0).to_numpy(dtype=float)
    low, high = confint_poisson(
        cells["events"].to_numpy(dtype=float), hours, method="exact-c", alpha=1 - confidence
    )
    # statsmodels gives 0 for a lower limit that it could not compute.
    return cells.assign(rate=cells["events"] / hours, low=np.where(np.isnan(hours), np.nan, low), high=high)


def _shrunk(cells: pd.DataFrame) -> pd.Series:
    """Marshall's empirical Bayes: the pooled rate, plus that part of the difference which is no noise."""
    hours, rate = cells["hours"], cells["rate"]
    if not hours.sum():
        return rate
    pooled = cells["events"].sum() / hours.sum()
    spread = (hours * (rate - pooled) ** 2).sum() / hours.sum()
    between = max(spread - pooled / hours.mean(), 0.0)
    noise = pooled / hours.where(hours > 0)
    weight = between / (between + noise) if between else 0.0 * noise
    return pooled + weight * (rate - pooled)


def _against_rest(cells: pd.DataFrame, row: int) -> float:
    """The exact p-value of one cell's rate against that of all the others together."""
    events, hours = cells["events"].iloc[row], cells["hours"].iloc[row]
    return exact_p_value(events, hours, cells["events"].sum() - events, cells["hours"].sum() - hours)


def exact_p_value(events: int, hours: float, other_events: int, other_hours: float) -> float:
    """Test two rates for being equal: exact, two-sided, conditional on the sum of events.

    Przyborowski and Wilenski 1940. Hours missing on one side give nan, no events at all give 1.

    >>> round(exact_p_value(2, 100.0, 10, 100.0), 4)
    0.0386
    """
    if hours <= 0 or other_hours <= 0:
        return np.nan
    if events + other_events == 0:
        return 1.0
    # statsmodels' test of the same name divides by the rate of the other, which may be 0.
    return float(binomtest(int(events), int(events + other_events), hours / (hours + other_hours)).pvalue)


def _survives_many(p_values: pd.Series) -> pd.Series:
    known = p_values.dropna()
    marked = pd.Series(False, p_values.index)
    if len(known):
        marked[known.index] = multipletests(known, FALSE_DISCOVERY_RATE, method="fdr_bh")[0]
    return marked


def _rank(cells: pd.DataFrame) -> pd.Series:
    enough = cells[(cells["events"] >= MIN_EVENTS) & (cells["hours"] >= MIN_HOURS)]
    if len(enough) < 2:
        return pd.Series(pd.NA, cells.index, dtype="Int64")
    lower = np.sort(enough["high"].to_numpy())
    ranks = pd.Series(1 + np.searchsorted(lower, enough["low"]), enough.index, dtype="Int64")
    return ranks.reindex(cells.index)
