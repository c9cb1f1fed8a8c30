"""How the rate of interruption varies: with an instance's age, with the hour of the week, with a change.

Called by the notebooks after `rates.interruption_rates`, when one figure for all would mix what differs:
protected first hours with old age, nights with days, the weeks before and after something was changed. Each
profile has its hours beside its events, because counts by hour alone only echo when a fleet is scaled up.

All three cut the same two things at edges: the stays in which instances ran, and the moments at which
they were interrupted. `_by_span` does it once. A span in which nobody ran and nothing happened is absent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from sink.analysis.exposure import Milliseconds, clock, groups_of, hours_between, labelled
from sink.analysis.frames import INTERRUPTED, INTERVALS, LIFETIMES, MS_PER_HOUR, group_columns, require
from sink.analysis.rates import By, exact_p_value, with_rate

AGE_EDGES = (0.0, 1.0, 3.0, 6.0, 12.0, 24.0)
"""Hours; what is older falls into a last, open span."""

_QUARTER_MS = 900_000
"""Every zone's offset since 1970 is a multiple of it, so no quarter hour is split between two local hours."""


def rates_by_age(
    life: pd.DataFrame,
    states: pd.DataFrame,
    by: By = (),
    *,
    edges_hours: Sequence[float] = AGE_EDGES,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Count interruptions per running hour by age, one row a group and span of age.

    Columns: those of `by`; `age_from`, `age_to` in hours, the last infinite; `events`, `hours`, and `rate`,
    `low`, `high` per running hour. Only lives with a known birth have an age. An event at an edge belongs
    to the span below it, as its hours do.
    """
    ended = _since_birth(_interruptions(life, by, "end_ms"), "at_ms")
    stays = _since_birth(_running(states, by), "start_ms", "end_ms")
    limits = (np.array(edges_hours) * MS_PER_HOUR).astype(np.int64)
    edges = np.append(limits, _span_of(ended, stays, limits[-1])[1])
    spans = _by_span(ended, stays, edges, by, closed="right")
    ages = np.append(np.array(edges_hours, dtype=float), np.inf)
    at = spans["span"].to_numpy()
    return _profile(
        spans.assign(age_from=ages[at], age_to=ages[at + 1]), by, ["age_from", "age_to"], confidence
    )


def rates_by_hour(
    life: pd.DataFrame, states: pd.DataFrame, *, zone: str, by: By = (), confidence: float = 0.95
) -> pd.DataFrame:
    """Count interruptions per running hour by local hour of the week.

    Columns: those of `by`; `weekday`, 0 for Monday, and `hour`, 0 to 23, on the clocks of `zone`; `events`,
    `hours`, and `rate`, `low`, `high` per running hour. An interruption counts when its notice came.
    """
    ended, stays = _interruptions(life, by, "notice_ms"), _running(states, by)
    first, last = _span_of(ended, stays)
    edges = np.arange(first - first % _QUARTER_MS, last + _QUARTER_MS, _QUARTER_MS)
    spans = _by_span(ended, stays, edges, by, closed="left")
    begins = pd.Series(edges[spans["span"].to_numpy()], spans.index, dtype="int64")
    local = pd.to_datetime(begins, unit="ms", utc=True).dt.tz_convert(clock(zone)).dt
    return _profile(
        spans.assign(weekday=local.day_of_week, hour=local.hour), by, ["weekday", "hour"], confidence
    )


def rate_change(
    life: pd.DataFrame, states: pd.DataFrame, at_ms: int, by: By = (), *, confidence: float = 0.95
) -> pd.DataFrame:
    """Compare the rate of interruption from a moment on with the rate before it, one row a group.

    Columns: those of `by`; `events_before`, `hours_before`, `events_after`, `hours_after`; `ratio`, after
    over before, with its exact interval `low`, `high` (Clopper-Pearson on the share of events that came
    after); `p_value` of no change. Missing where a side has no hours. A notice tells when.
    """
    ended, stays = _interruptions(life, by, "notice_ms"), _running(states, by)
    first, last = _span_of(ended, stays, at_ms)
    spans = _by_span(ended, stays, np.array([first, at_ms, last], np.int64), by, closed="left")
    keys = group_columns(by) or ["all"]
    before, after = (
        spans[spans["span"] == side].assign(all=0)[[*keys, "events", "hours"]] for side in (0, 1)
    )
    both = before.merge(after, on=keys, how="outer", suffixes=("_before", "_after"))
    sides = both[[*group_columns(by), *_SIDES]].fillna(dict.fromkeys(_SIDES, 0)).astype(_SIDES)
    ratios = [_ratio(row, confidence) for row in sides.to_dict("records")]
    return sides.join(pd.DataFrame(ratios, sides.index, ["ratio", "low", "high", "p_value"], dtype=float))


_SIDES = {
    "events_before": "int64",
    "hours_before": "float64",
    "events_after": "int64",
    "hours_after": "float64",
}


def _ratio(sides: Mapping[Any, Any], confidence: float) -> tuple[float, float, float, float]:
    """The ratio of two rates, its exact interval, and the p-value of their being equal."""
    before, hours_before, after, hours_after = (sides[name] for name in _SIDES)
    p_value = exact_p_value(after, hours_after, before, hours_before)
    if not (hours_before > 0 and hours_after > 0 and before + after):
        return np.nan, np.nan, np.nan, p_value
    interval = binomtest(after, before + after).proportion_ci(confidence, "exact")
    shares = (after / (before + after), interval.low, interval.high)
    odds = [share / (1 - share) if share < 1 else np.inf for share in shares]
    ratio, lowest, highest = (value * hours_before / hours_after for value in odds)
    return ratio, lowest, highest, p_value


def _interruptions(life: pd.DataFrame, by: By, moment: str) -> pd.DataFrame:
    """The interrupted lives with the moment that counts as `at_ms`."""
    require(life, LIFETIMES, [*group_columns(by), "outcome", "born_ms", moment])
    ended = life[life["outcome"].isin(INTERRUPTED)]
    return ended.assign(at_ms=ended[moment].astype("int64"))


def _running(states: pd.DataFrame, by: By) -> pd.DataFrame:
    require(states, INTERVALS, [*group_columns(by), "state", "start_ms", "end_ms", "born_ms"])
    return states[states["state"] == "Running"]


def _since_birth(frame: pd.DataFrame, *moments: str) -> pd.DataFrame:
    """The rows with a known birth, their moments as ages in ms."""
    born = frame.dropna(subset="born_ms")
    return born.assign(**{name: (born[name] - born["born_ms"]).astype("int64") for name in moments})


def _span_of(ended: pd.DataFrame, stays: pd.DataFrame, *moments: int) -> tuple[int, int]:
    """From the first to behind the last of all moments; [0, 1) where there are none."""
    known = [*moments, *ended["at_ms"].agg(["min", "max"]), stays["start_ms"].min(), stays["end_ms"].max()]
    found = [int(moment) for moment in known if pd.notna(moment)] or [0]
    return min(found), max(found) + 1


def _by_span(
    ended: pd.DataFrame, stays: pd.DataFrame, edges_ms: Milliseconds, by: By, closed: Literal["left", "right"]
) -> pd.DataFrame:
    """Events and hours by group and span: columns of `by`, `span` (its number), `events`, `hours`.

    `closed` says to which span an event at an edge belongs: `left` to the one that begins there.
    """
    columns = [*group_columns(by), "span"]
    found = np.searchsorted(edges_ms, ended["at_ms"], side="right" if closed == "left" else "left") - 1
    counts = labelled(ended, by).assign(span=found.clip(0)).groupby(columns, observed=True).size()
    named = counts.rename("events").reset_index()
    named = named.astype(dict.fromkeys(group_columns(by), str))
    hours = pd.DataFrame(_hours(stays, edges_ms, by), columns=[*columns, "hours"])
    merged = hours.astype({"span": "int64", "hours": "float64"}).merge(named, on=columns, how="outer")
    return merged.fillna({"events": 0, "hours": 0.0}).astype({"events": "int64"})


def _hours(stays: pd.DataFrame, edges_ms: Milliseconds, by: By) -> Iterator[dict[str, object]]:
    for labels, rows in groups_of(stays, by):
        hours = hours_between(rows["start_ms"], rows["end_ms"], edges_ms)
        for span in np.flatnonzero(hours):
            yield {**labels, "span": span, "hours": hours[span]}


def _profile(spans: pd.DataFrame, by: By, axes: list[str], confidence: float) -> pd.DataFrame:
    columns = [*group_columns(by), *axes]
    summed = spans.groupby(columns)[["events", "hours"]].sum().reset_index()
    return with_rate(summed.astype(dict.fromkeys(group_columns(by), "str")), confidence)
