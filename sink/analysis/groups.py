"""Are reclaims grouped: does the provider take many instances at once, and more than chance would?

The notebooks show `reclaim_groups`, one row a group, and beside it `grouping`, which says how much of it
chance alone makes: a large fleet has neighbours in time without any mass reclaim. `fano_factor` tells the
same without a limit for what counts as together.

The chance level keeps what is no news, how many reclaims each hour had, and shuffles the rest: each is
moved to a random moment of its own hour (Harrison and Geman 2009, "A rate and history-preserving
resampling"; the interval jitter of Date, Bienenstock and Geman 1998). Where all times lie on a grid of
whole minutes or of a provider's five-minute cycle, so do the random ones: else the grid itself would look
like grouping.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sink.analysis.exposure import groups_of, table
from sink.analysis.frames import INTERVALS, MS_PER_HOUR, NOTICES, group_columns, require
from sink.analysis.rates import By

WITHIN_MS = 180_000
"""Reclaims with no longer gap belong together: the three minutes of Spot-and-Scoot's co-interruption."""

Moments = npt.NDArray[np.int64]


def reclaim_groups(
    notices: pd.DataFrame,
    states: pd.DataFrame,
    by: By = ("zone", "type"),
    *,
    within_ms: int = WITHIN_MS,
) -> pd.DataFrame:
    """Put notices together that follow each other within a gap, one row a group of them.

    Columns: those of `by`; `start_ms`, `end_ms`, its first and last notice; `size`; `running`, instances of
    the same `by` that ran when it began; `share` of them that it took, missing where none was seen running.
    """
    require(notices, NOTICES, [*group_columns(by), "notice_ms"])
    require(states, INTERVALS, [*group_columns(by), "state", "start_ms", "end_ms"])
    running = {
        tuple(group.values()): rows for group, rows in groups_of(states[states["state"] == "Running"], by)
    }
    found = [
        _grouped(
            rows["notice_ms"].to_numpy(np.int64),
            running.get(tuple(group.values()), states.iloc[:0]),
            within_ms,
        ).assign(**group)
        for group, rows in groups_of(notices, by)
    ]
    types = dict.fromkeys(("start_ms", "end_ms", "size", "running"), "int64")
    return table(found, by, types | {"share": "float64"})


def _grouped(moments: Moments, running: pd.DataFrame, within_ms: int) -> pd.DataFrame:
    moments = np.sort(moments)
    sizes = _sizes(moments, within_ms)
    last = np.cumsum(sizes) - 1
    start = moments[last - sizes + 1]
    up = running_at(running, start)
    share = np.divide(sizes, up, out=np.full(len(sizes), np.nan), where=up > 0)
    return pd.DataFrame(
        {"start_ms": start, "end_ms": moments[last], "size": sizes, "running": up, "share": share}
    )


def running_at(running: pd.DataFrame, moments_ms: Moments) -> npt.NDArray[np.int64]:
    """Count the stays [start, end) that hold each moment.

    >>> running_at(pd.DataFrame({"start_ms": [0, 5], "end_ms": [9, 7]}), np.array([0, 6, 9]))
    array([1, 2, 0])
    """
    started = np.searchsorted(np.sort(running["start_ms"].to_numpy()), moments_ms, side="right")
    ended = np.searchsorted(np.sort(running["end_ms"].to_numpy()), moments_ms, side="right")
    count: npt.NDArray[np.int64] = started - ended
    return count


def _sizes(sorted_moments: Moments, within_ms: int) -> npt.NDArray[np.int64]:
    """Sizes of the groups, in order of time."""
    if not len(sorted_moments):
        return np.zeros(0, np.int64)
    begins = np.flatnonzero(np.diff(sorted_moments, prepend=sorted_moments[0] - within_ms - 1) > within_ms)
    return np.diff(np.append(begins, len(sorted_moments)))


def grouping(
    notices: pd.DataFrame,
    random: np.random.Generator,
    by: By = ("zone", "type"),
    *,
    within_ms: int = WITHIN_MS,
    rounds: int = 500,
) -> pd.DataFrame:
    """Tell how grouped reclaims are, and how grouped chance would make them, one row a group of `by`.

    Columns: those of `by`; `reclaims`; `largest` group; `grouped`, the share of reclaims in groups of two
    and more; `chance`, the mean of that share when each reclaim moves to a random moment of its hour, and
    `chance_high`, its 95th percentile; `p_value`, how often chance groups as much (with one added to both
    counts, so that it is never 0). The last four are missing for fewer than two reclaims.
    """
    require(notices, NOTICES, [*group_columns(by), "notice_ms"])
    rows = [
        {**group, **_against_chance(found["notice_ms"].to_numpy(np.int64), random, within_ms, rounds)}
        for group, found in groups_of(notices, by)
    ]
    types = dict.fromkeys(("reclaims", "largest"), "int64")
    shares = dict.fromkeys(("grouped", "chance", "chance_high", "p_value"), "float64")
    return table([pd.DataFrame(rows)], by, types | shares)


def _against_chance(
    moments: Moments, random: np.random.Generator, within_ms: int, rounds: int
) -> dict[str, float]:
    sizes = _sizes(np.sort(moments), within_ms)
    counts: dict[str, float] = {"reclaims": len(moments), "largest": int(sizes.max())}
    if len(moments) < 2:
        return counts
    seen = _share(sizes)
    by_chance = np.array([_share(_sizes(_shifted(moments, random), within_ms)) for _ in range(rounds)])
    return {
        **counts,
        "grouped": seen,
        "chance": float(by_chance.mean()),
        "chance_high": float(np.quantile(by_chance, 0.95)),
        "p_value": (1 + int((by_chance >= seen).sum())) / (rounds + 1),
    }


def _share(sizes: npt.NDArray[np.int64]) -> float:
    return float(sizes[sizes > 1].sum() / sizes.sum())


def _shifted(moments: Moments, random: np.random.Generator) -> Moments:
    """Each moment somewhere in its hour, on the grid on which all of them lie; sorted."""
    grid = int(np.gcd.reduce(np.append(moments, MS_PER_HOUR)))
    steps = random.integers(0, MS_PER_HOUR // grid, len(moments))
    return np.sort(moments - moments % MS_PER_HOUR + steps * grid)


def fano_factor(notices: pd.DataFrame, start_ms: int, end_ms: int, *, every_ms: int = MS_PER_HOUR) -> float:
    """Compare the spread of counts per hour with their mean: 1 for chance at an even rate, more for groups.

    Fano 1947: variance over mean. Counts whole spans of `every_ms` within [start, end); nan for fewer than
    two spans or no notice.
    """
    require(notices, NOTICES, ["notice_ms"])
    edges = np.arange(start_ms, end_ms + 1, every_ms)
    if len(edges) < 3:
        return np.nan
    moments = notices["notice_ms"].to_numpy(np.int64)
    counts = np.histogram(moments[moments < edges[-1]], edges)[0]
    return float(counts.var(ddof=1) / counts.mean()) if counts.any() else np.nan
