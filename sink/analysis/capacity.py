"""How many instances ran at each moment, and what is left when the largest zone or type goes.

Notebooks call `running_count` for the stacked picture and `worst_loss` for the decision: spot capacity is
reclaimed by zone and type, so what counts is the worst moment of what would remain, not the average. The
window is an argument: a fleet that was empty for hours before its first event was empty, and that counts.

A sweep over +1 and -1 (Bentley's "plane sweep" in one dimension) makes no grid and so has no grid error.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sink.analysis.frames import INTERVALS, FrameError, group_columns, require


def running_count(
    states: pd.DataFrame, window: tuple[int, int], by: str | Sequence[str] = "zone"
) -> pd.DataFrame:
    """Count the running instances of each group over [start, end), in ms.

    `states` is frame INTERVALS. Gives frame CAPACITY: `at_ms`, `running` and the columns of `by`, one row
    whenever a group's count changes and one at the window's start, sorted by group and time. A group that is
    unknown (a zone without an inventory) is one too.

    >>> running_count(INTERVALS.empty(), (0, 10))["running"].tolist()
    []
    """
    groups = group_columns(by)
    require(states, INTERVALS, [*groups, "state", "start_ms", "end_ms"])
    start, end = _checked(window)
    running = states[states["state"] == "Running"]
    begin, over = running["start_ms"].clip(start, end), running["end_ms"].clip(start, end)
    changes = [
        running[groups].assign(at_ms=begin, change=1),
        running[groups].assign(at_ms=over, change=-1),
        states[groups].drop_duplicates().assign(at_ms=start, change=0),
    ]
    inside = pd.concat(changes, ignore_index=True).query("at_ms < @end")
    summed = inside.groupby([*groups, "at_ms"], observed=True, dropna=False)["change"].sum().reset_index()
    summed["running"] = summed.groupby(groups, observed=True, dropna=False)["change"].cumsum()
    changed = summed[(summed["change"] != 0) | (summed["at_ms"] == start)]
    return (
        changed[["at_ms", "running", *groups]]
        .astype({"at_ms": "int64", "running": "int64"})
        .reset_index(drop=True)
    )


def worst_loss(
    states: pd.DataFrame, window: tuple[int, int], by: str | Sequence[str] = "zone", need: int = 0
) -> pd.DataFrame:
    """Say what remained at the worst moment if the then largest group had been reclaimed.

    `need` is the count below which it hurts. Gives one row: `worst_at_ms`, `running` at that moment, `lost`,
    the size of its largest group, `left`, and `below_ms`, how long in the window less than `need` was left.
    `worst_at_ms` is the first such moment. Without a row in `states` nothing ever ran: left is 0.

    >>> worst_loss(INTERVALS.empty(), (0, 10), need=1)["below_ms"].tolist()
    [10]
    """
    counts = running_count(states, window, by)
    start, end = window
    counts["group"] = counts.groupby(group_columns(by), observed=True, dropna=False).ngroup()
    wide = counts.pivot(index="at_ms", columns="group", values="running").ffill().astype("int64")
    wide = wide if len(wide.columns) else pd.DataFrame({0: [0]}, index=[start])
    at, running, largest = wide.index.to_numpy(np.int64), wide.sum(axis=1).array, wide.max(axis=1).array
    left = np.asarray(running - largest)
    worst = int(left.argmin())
    return pd.DataFrame(
        {
            "worst_at_ms": [at[worst]],
            "running": [running[worst]],
            "lost": [largest[worst]],
            "left": [left[worst]],
            "below_ms": [np.diff(at, append=end)[left < need].sum()],
        }
    )


def _checked(window: tuple[int, int]) -> tuple[int, int]:
    start, end = window
    if end <= start:
        raise FrameError(
            f"The window from {start} to {end} ms is empty", "Let its end be later than its start"
        )
    return start, end
