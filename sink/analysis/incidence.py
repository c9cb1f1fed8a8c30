"""What share of instances ends by reclaim, and what share by their owner: competing risks on lifetimes.

The notebooks draw it beside `survival.survival`, which asks another question: there a release censors, so its
1 - S is the share that would be reclaimed if nobody ever released one, and that is larger. Here a release
competes: the two shares and those still alive add up to one (Aalen and Johansen 1978).

statsmodels estimates. It knows no late entry, so only lives that were watched from birth count; those
are a fair sample of all that were born since recording began, and the others are counted as `left_out`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from statsmodels.duration.survfunc import CumIncidenceRight

from sink.analysis.exposure import groups_of, table
from sink.analysis.frames import INTERRUPTED, LIFETIMES, MS_PER_HOUR, group_columns, require
from sink.analysis.rates import By
from sink.analysis.survival import log_log_band

CAUSES = ("reclaimed", "released")
"""In the order of statsmodels' status: 1 and 2; 0 is censored."""

_COLUMNS = {
    "cause": "str",
    **dict.fromkeys(("age_hours", "incidence", "low", "high"), "float64"),
    **dict.fromkeys(("lives", "left_out"), "int64"),
}


def cumulative_incidence(life: pd.DataFrame, by: By = (), *, confidence: float = 0.95) -> pd.DataFrame:
    """Estimate by Aalen-Johansen which share has been reclaimed, and which released, up to each age.

    Columns: those of `by`; `cause`, one of CAUSES; `age_hours`; `incidence` with a pointwise log(-log) band
    `low`, `high`, missing at 0; `lives` that count, `left_out` lives that were not watched from birth. One
    row an age at which something ended, and before them age 0.

    >>> from sink.analysis.frames import LIFETIMES
    >>> cumulative_incidence(LIFETIMES.empty()).empty
    True
    """
    require(life, LIFETIMES, [*group_columns(by), "born_ms", "end_ms", "truncated", "ended", "outcome"])
    shares = [_shares(rows, confidence).assign(**group) for group, rows in groups_of(life, by)]
    return table(shares, by, _COLUMNS)


def _shares(life: pd.DataFrame, confidence: float) -> pd.DataFrame:
    watched = life[life["born_ms"].notna() & ~life["truncated"]]
    ages = ((watched["end_ms"] - watched["born_ms"].astype("int64")) / MS_PER_HOUR).to_numpy()
    reclaimed = watched["outcome"].isin(INTERRUPTED)
    status = np.where(reclaimed, 1, np.where(watched["ended"], 2, 0))
    curves = [_start(cause) for cause in CAUSES]
    if status.any():
        curves += _estimates(ages, status, confidence)
    found = pd.concat(curves, ignore_index=True).sort_values(["cause", "age_hours"], ignore_index=True)
    return found.assign(lives=len(watched), left_out=len(life) - len(watched))


def _start(cause: str) -> pd.DataFrame:
    return pd.DataFrame({"cause": [cause], "age_hours": 0.0, "incidence": 0.0, "low": np.nan, "high": np.nan})


def _estimates(ages: np.ndarray, status: np.ndarray, confidence: float) -> list[pd.DataFrame]:
    # When the last one ends, its variance divides by the nobody who is left: nan, and no band there.
    with np.errstate(divide="ignore", invalid="ignore"):
        found = CumIncidenceRight(ages, status)
    ended = np.isin(found.times, ages[status > 0])
    curves = []
    for cause, share, error in zip(CAUSES, found.cinc, found.cinc_se, strict=False):
        low, high = log_log_band(share, error, confidence)
        steps = {"age_hours": found.times, "incidence": share, "low": low, "high": high}
        curves.append(pd.DataFrame(steps)[ended].assign(cause=cause))
    return curves
