"""One row a stay in a state: the lanes on which everything about time is counted.

Notebooks call `intervals`; sessions, capacity and the pictures are computed from its rows, and `lives.py`
takes the same stays as arrays. The stays of a life follow each other without a gap from its first state to
its end, so that hours by any grouping sum to the whole.

A step that no instance takes (Running to Starting, say) is kept and marked `illegal`: an event between was
lost, and its time lies somewhere inside the stay before.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sink.analysis.endings import Endings, find_endings
from sink.analysis.frames import INTERVALS, INVENTORY, STATES, STAY_STATES
from sink.analysis.trail import (
    DELETED,
    NONE,
    NOTICE,
    SEEN,
    Flags,
    Ints,
    Trail,
    first_of_life,
    follow,
    last_of_life,
)

_LEGAL = {
    SEEN: "Pending",
    0: "Starting Stopped Deleted",
    1: "Running Stopping Stopped Deleted",
    2: "Stopping Stopped Deleted",
    4: "Stopped Starting Running Deleted",
    5: "Starting Deleted",
}
"""What may follow a state, by rank; SEEN stands for the time before the first event."""

_NEXT_STATES = (*STATES, "Gone")


@dataclass(frozen=True, slots=True)
class Stays:
    """One array element a stay, life by life, in order of time."""

    life: Ints
    rank: npt.NDArray[np.int8]
    start: Ints
    end: Ints
    following: npt.NDArray[np.int8]
    """Rank of the next step, SEEN for an end without Deleted, NONE for a censored stay."""
    illegal: Flags
    sighted: Flags
    notice: Ints
    """The latest notice inside the stay, or NONE."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What frames of lives and of stays are made of: the longest part of the work, done once for both."""

    trail: Trail
    endings: Endings
    illegal: Flags
    """Of the trail's steps."""
    stays: Stays
    born: Ints
    """One element a life, or NONE."""
    truncated: Flags
    """Whether a life was not seen from its birth."""


def intervals(events: pd.DataFrame, as_of: int, inventory: pd.DataFrame | None = None) -> pd.DataFrame:
    """Give every stay of every life up to `as_of`, in ms since 1970 UTC. Gives frame INTERVALS.

    `events` is frame EVENTS, `inventory` frame INVENTORY; its sightings open and close stays whose events are
    missing. Raises FrameError where a column is missing. Whoever wants lifetimes too asks
    `lifetimes_and_intervals`.

    >>> from sink.analysis.generator import sample
    >>> fleet = sample(seed=1)
    >>> states = intervals(fleet.events, fleet.as_of)
    >>> bool((states["end_ms"] >= states["start_ms"]).all())
    True
    """
    return intervals_of(chart(events, as_of, INVENTORY.empty() if inventory is None else inventory))


def chart(events: pd.DataFrame, as_of: int, inventory: pd.DataFrame) -> Chart:
    """Work out lives and stays up to `as_of`. Raises FrameError where a column is missing."""
    trail = follow(events, as_of, inventory)
    endings = find_endings(trail, as_of, inventory)
    illegal = illegal_steps(trail)
    born, truncated = births(trail, events, inventory)
    return Chart(trail, endings, illegal, chart_stays(trail, endings, illegal), born, truncated)


def intervals_of(chart: Chart) -> pd.DataFrame:
    """Make frame INTERVALS."""
    trail, stays = chart.trail, chart.stays
    columns = {
        **{name: trail.place[name].array[stays.life] for name in trail.place},
        "stay": _ordinals(stays.life),
        "state": _named(stays.rank, STATES).set_categories(list(STAY_STATES)),
        "start_ms": stays.start,
        "end_ms": stays.end,
        "next_state": _named(stays.following, _NEXT_STATES),
        "illegal": stays.illegal,
        "sighted": stays.sighted,
        "born_ms": known(chart.born[stays.life]),
        "notice_ms": known(stays.notice),
    }
    return INTERVALS.cast(pd.DataFrame(columns, copy=False))


def chart_stays(trail: Trail, endings: Endings, illegal: Flags) -> Stays:
    """Make the stays of a trail: a step but Deleted begins one, the next step or the end closes it."""
    steps = trail.steps
    end, following = np.roll(steps.time, -1), np.roll(steps.rank, -1)
    last = last_of_life(steps.life)
    life = steps.life[last]
    end[last] = endings.end[life]
    following[last] = np.where(endings.ended[life], SEEN, NONE)
    stay = steps.rank != DELETED
    return Stays(
        life=steps.life[stay],
        rank=steps.rank[stay],
        start=steps.time[stay],
        end=end[stay],
        following=following[stay],
        illegal=illegal[stay],
        sighted=steps.sighting[stay],
        notice=_notices(trail)[stay],
    )


def illegal_steps(trail: Trail) -> Flags:
    """Whether each step is one that no instance takes. A sighting is no step that anything took."""
    steps = trail.steps
    before = np.roll(steps.rank, 1)
    before[first_of_life(steps.life)] = SEEN
    legal: Flags = _legal().ravel()[before * np.int8(SEEN) + steps.rank] | steps.sighting
    return ~legal


def _legal() -> Flags:
    """A table of rank before and rank after."""
    table = np.zeros((SEEN + 1, SEEN), bool)
    for before, after in _LEGAL.items():
        table[before, [STATES.index(name) for name in after.split()]] = True
    return table


def _notices(trail: Trail) -> Ints:
    """The latest notice between each step and the next of its life."""
    found = np.full(len(trail.steps), NONE)
    notice = np.flatnonzero(trail.kept.rank == NOTICE)
    step = np.searchsorted(np.flatnonzero(trail.step), notice) - 1
    notice, step = notice[step >= 0], step[step >= 0]
    inside = trail.steps.life[step] == trail.kept.life[notice]
    np.maximum.at(found, step[inside], trail.kept.time[notice[inside]])
    return found


def births(trail: Trail, events: pd.DataFrame, inventory: pd.DataFrame) -> tuple[Ints, Flags]:
    """When each life was born, or NONE, and whether it was not seen from then on."""
    kept, first = trail.kept, first_of_life(trail.kept.life)
    if not len(kept):
        return np.zeros(0, np.int64), np.zeros(0, bool)
    entry = kept.time[first]
    pending = np.flatnonzero((kept.rank == 0) & ~kept.sighting)
    pending = pending[first_of_life(kept.life[pending])]
    born = np.full(kept.lives, NONE)
    born[kept.life[pending]] = kept.time[pending]
    truncated = born != entry
    created = snapshot_values(trail, len(events), inventory["creation_time_ms"])
    created = np.where(created >= 0, np.minimum(created, entry), NONE)
    return np.where(truncated, created, born), truncated


def snapshot_values(trail: Trail, events: int, column: pd.Series) -> Ints:
    """Each life's latest value of an inventory column of integers, or NONE."""
    rows = trail.rows
    if column.empty:
        return np.full(trail.lives, NONE)
    values: Ints = np.r_[np.full(events, NONE), column.to_numpy(np.int64, na_value=NONE)][rows.source]
    if not len(rows):
        return values
    known_at = np.where(values >= 0, np.arange(len(rows)), -1)
    at = np.maximum.reduceat(known_at, first_of_life(rows.life))
    return np.where(at >= 0, values[at], NONE)


def known(values: Ints) -> pd.Series:
    """Times as Int64, with <NA> for NONE."""
    return pd.Series(pd.arrays.IntegerArray(values, values == NONE))


def _ordinals(life: Ints) -> Ints:
    """0, 1, 2, … within each life."""
    first = first_of_life(life)
    ordinal = np.arange(len(life))
    ordinal -= np.repeat(first, np.diff(np.r_[first, len(life)]))
    return ordinal


def _named(codes: npt.NDArray[np.int8], names: tuple[str, ...]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes, pd.Index(names), ordered=True)
