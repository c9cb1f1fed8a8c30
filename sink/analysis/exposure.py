"""How many hours a fleet spent, between any moments and by any grouping: the denominator of every rate.

A rate without its hours misleads, so `rates.py`, `cost.py` and the pictures all take their hours from here.
`hours_between` is exact to the millisecond and needs neither a row an hour nor a loop over stays: the
time that stays have spent before a moment is a difference of prefix sums, so a million stays and a year of
quarter hours cost two sorts. Ages work as well as moments: subtract the birth first.

`totals` sums by groups and keeps the unknown as a group of its own: an instance whose zone nobody
told counts under `unknown`, not nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo, available_timezones

import numpy as np
import numpy.typing as npt
import pandas as pd

from sink.analysis.frames import MS_PER_HOUR, FrameError, group_columns

UNKNOWN = "unknown"
"""The label of a group whose zone, type or region no event and no inventory named."""

Milliseconds = npt.NDArray[np.int64]
Hours = npt.NDArray[np.float64]


def hours_between(start_ms: pd.Series, end_ms: pd.Series, edges_ms: Milliseconds) -> Hours:
    """Hours that stays [start, end) have in each of the spans between neighbouring edges.

    Takes n starts and ends and k rising edges, all in ms; gives k - 1 sums over all stays.

    >>> hours_between(pd.Series([0, 1_800_000]), pd.Series([3_600_000, 3_600_000]), np.array([0, 1_800_000, 3_600_000]))
    array([0.5, 1. ])
    """  # noqa: E501
    started, ended = _elapsed(start_ms, edges_ms), _elapsed(end_ms, edges_ms)
    return np.diff(started - ended) / MS_PER_HOUR


def _elapsed(since_ms: pd.Series, edges_ms: Milliseconds) -> Milliseconds:
    """At each edge, the sum over all earlier moments of the time passed since."""
    # Counted from the first edge: a product of counts and epoch milliseconds would leave int64.
    moments = np.sort(since_ms.to_numpy(dtype=np.int64)) - edges_ms[0]
    edges = edges_ms - edges_ms[0]
    sums = np.concatenate([[0], np.cumsum(moments)])
    earlier = np.searchsorted(moments, edges)
    elapsed: Milliseconds = earlier * edges - sums[earlier]
    return elapsed


def labelled(frame: pd.DataFrame, by: str | Sequence[str]) -> pd.DataFrame:
    """The frame with its grouping columns as categories in which `unknown` stands for the missing.

    >>> labelled(pd.DataFrame({"zone_id": ["b", None]}), "zone")["zone_id"].tolist()
    ['b', 'unknown']
    """
    return frame.assign(**{column: _label(frame[column]) for column in group_columns(by)})


def _label(column: pd.Series) -> pd.Series:
    column = column.astype("category").cat.remove_unused_categories()
    if not column.hasnans:
        return column
    return column.cat.add_categories([] if UNKNOWN in column.cat.categories else [UNKNOWN]).fillna(UNKNOWN)


def totals(frame: pd.DataFrame, by: str | Sequence[str], sums: Sequence[str]) -> pd.DataFrame:
    """Sum the named columns by group, with `lives`, the number of rows; one row in all without `by`."""
    columns = group_columns(by)
    keys = [labelled(frame, by)[column] for column in columns] or [pd.Series(0, frame.index, name="all")]
    groups = frame.groupby(keys, observed=True)
    summed = groups[list(sums)].sum().assign(lives=groups.size()).reset_index()
    return summed[[*columns, "lives", *sums]]


def groups_of(frame: pd.DataFrame, by: str | Sequence[str]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Each group's labels by column, and its rows, in order of the labels; all rows at once without `by`."""
    columns = group_columns(by)
    if not columns or frame.empty:
        yield from [({}, frame)][: len(frame)]
        return
    for labels, rows in labelled(frame, by).groupby(columns, observed=True):
        yield dict(zip(columns, map(str, labels), strict=True)), rows


def clock(zone: str) -> ZoneInfo:
    """The clocks of a zone by its IANA name. Raises FrameError for one that nobody knows.

    >>> clock("Peking")
    Traceback (most recent call last):
    sink.analysis.frames.FrameError: There is no time zone 'Peking'. Name one like Asia/Shanghai, or UTC
    """
    if zone not in available_timezones():
        raise FrameError(f"There is no time zone {zone!r}", "Name one like Asia/Shanghai, or UTC")
    return ZoneInfo(zone)


def table(parts: Iterable[pd.DataFrame], by: str | Sequence[str], types: Mapping[str, str]) -> pd.DataFrame:
    """Join results into one frame: the columns of `by`, then these with their dtypes, even without a row.

    >>> table([], "zone", {"events": "int64"}).dtypes["events"]
    dtype('int64')
    """
    columns = {**dict.fromkeys(group_columns(by), "str"), **types}
    found = [part for part in parts if len(part)]
    frame = pd.concat(found, ignore_index=True) if found else pd.DataFrame()
    return frame.reindex(columns=list(columns)).astype(columns)
