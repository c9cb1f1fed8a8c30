"""Every life's events and inventory sightings in order, each with its verdict: what counts, and why not.

`lives.py`, `stays.py`, `notices.py` and `quality.py` all start here, so that they agree on what happened. The
rules are those of the saved queries (`queries/`): repeats fall by (id, instance, state, time); ties of time
are settled by the state's rank; what sorts after the first Deleted counts no more; equal neighbours are one
stay. A sighting is a state that an inventory snapshot saw: it never repeats or breaks a rule, but it closes
a stay whose end was lost, and opens one whose beginning was.

All is arrays in one order, life by life: a pass over ten million rows in Python would take minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from sink.analysis.frames import EVENTS, INVENTORY, STATES, STAY_STATES, FrameError, require

NONE = -1
"""A time that is unknown, inside arrays; frames have <NA>."""

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_Kind = TypeVar("_Kind", bound=np.generic)

PENDING, STARTING, RUNNING, NOTICE, STOPPING, STOPPED, DELETED = range(len(STATES))
SEEN = len(STATES)
"""The rank of a sighting that names no state: the instance was there."""

SNAPSHOT_LAG_MS = 60_000
"""DescribeInstances lags behind the events: for a minute after one, a sighting does not contradict it."""

PLACE = ("instance_id", "region_id", "zone_id", "instance_type")


@dataclass(frozen=True, slots=True)
class Rows:
    """Events and sightings sorted by life, time, rank and id; one array element a row."""

    source: Ints
    """The row in the events; in the inventory, counted on from the events' last."""
    life: Ints
    """0, 1, 2, … in the order of instance and region."""
    time: Ints
    rank: npt.NDArray[np.int8]
    """Position in STATES; SEEN for a sighting without a state."""
    sighting: Flags

    def __len__(self) -> int:
        return len(self.time)

    @property
    def lives(self) -> int:
        """How many lives there are."""
        return int(self.life[-1]) + 1 if len(self) else 0

    def __getitem__(self, chosen: Ints | Flags) -> Rows:
        columns = (self.source, self.life, self.time, self.rank, self.sighting)
        return Rows(*(column[chosen] for column in columns))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Trail:
    """What happened up to `as_of`, and what of it counts."""

    rows: Rows
    """Of every life that was seen by `as_of`, all of them."""
    duplicate: Flags
    """Of `rows`: an event that is there already."""
    after_deleted: Flags
    """Of `rows`: an event that sorts after the life's first Deleted."""
    kept: Rows
    """What counts; equal neighbours are still there."""
    step: Flags
    """Of `kept`: the states, each once; the begin of every stay, and Deleted."""
    steps: Rows
    """The rows of `kept` that are steps."""
    place: pd.DataFrame
    """PLACE of each life, as last known; zone and type may be missing."""
    later: int
    """Events after `as_of`."""

    @property
    def lives(self) -> int:
        """How many lives there are."""
        return len(self.place)


def follow(events: pd.DataFrame, as_of: int, inventory: pd.DataFrame | None = None) -> Trail:
    """Sort events and sightings up to `as_of` (ms, included) into lives. Raises FrameError on a faulty frame.

    >>> from sink.analysis.loading import load_events
    >>> follow(load_events([]).events, as_of=0).lives
    0
    """
    inventory = INVENTORY.empty() if inventory is None else inventory
    require(events, EVENTS)
    require(inventory, INVENTORY)
    joined = {name: _joined(events[name], inventory[name]) for name in PLACE}
    rows, ref, later = _sorted(events, inventory, joined, as_of)
    duplicate = ~rows.sighting & _same_as_before(rows.life, rows.time, rows.rank, ref)
    gone = _after_deleted(rows)
    kept = rows[~duplicate & ~gone & ~_too_soon(rows)]
    step = _steps(kept)
    return Trail(
        rows=rows,
        duplicate=duplicate,
        after_deleted=gone & ~duplicate & ~rows.sighting,
        kept=kept,
        step=step,
        steps=kept[step],
        place=pd.DataFrame({name: _last_known(rows, column) for name, column in joined.items()}),
        later=later,
    )


def first_of_life(life: Ints) -> Ints:
    """The positions where a life begins, for rows sorted by life."""
    return np.flatnonzero(_begins(life))


def last_of_life(life: Ints) -> Ints:
    """The positions where a life ends, for rows sorted by life."""
    return np.flatnonzero(np.r_[_begins(life)[1:], True][: len(life)])


def _begins(life: Ints) -> Flags:
    return ~_same_as_before(life)


def _joined(events: pd.Series, inventory: pd.Series) -> pd.Categorical[object]:
    """Both columns in one, with categories in alphabetical order."""
    parts = [pd.Categorical(column.astype("category")) for column in (events, inventory)]
    parts = [part for part in parts if len(part)] or parts[:1]
    if len(parts) == 1 and parts[0].categories.is_monotonic_increasing:
        return parts[0].as_unordered()
    texts = sorted({text for part in parts for text in part.categories})
    codes = np.concatenate([part.set_categories(texts).codes for part in parts])
    return pd.Categorical.from_codes(codes, pd.Index(texts))


def _sorted(
    events: pd.DataFrame, inventory: pd.DataFrame, joined: dict[str, pd.Categorical[object]], as_of: int
) -> tuple[Rows, npt.NDArray[np.uint64], int]:
    """Rows up to `as_of` in their order, the hash of each one's id, and how many events are later."""
    life = _life(joined["instance_id"], joined["region_id"])
    time = _both(_times(events, "event_time_ms"), _times(inventory, "observed_at_ms"))
    rank = _both(_ranks(events["state"], STATES), _ranks(inventory["status"], STAY_STATES))
    if (rank[: len(events)] == SEEN).any():
        row = int(np.argmax(rank == SEEN))
        raise FrameError(
            f"Row {row} of the events has no state", "Take it out, or load with load_events(...)"
        )
    ref = _both(events["event_ref"].to_numpy(np.uint64), np.zeros(len(inventory), np.uint64))
    # Sightings come last of what shares their millisecond: they see what the events made.
    moment = time * (SEEN + 1)
    moment[: len(events)] += rank[: len(events)]
    moment[len(events) :] += SEEN
    order = _order(life, moment, ref)
    later = time > as_of
    if later.any():
        order = order[~later[order]]
    dense = np.cumsum(_begins(life[order]), dtype=np.int64)
    dense -= 1
    rows = Rows(order, dense, time[order], rank[order], order >= len(events))
    return rows, ref[order], int(later[: len(events)].sum())


def _both(events: npt.NDArray[_Kind], sightings: npt.NDArray[_Kind]) -> npt.NDArray[_Kind]:
    """One after the other; no copy where there are no sightings."""
    return np.concatenate([events, sightings]) if len(sightings) else events


def _order(life: Ints, moment: Ints, ref: npt.NDArray[np.uint64]) -> Ints:
    """Sort by all three. Few rows share life and moment: only those are sorted by their id."""
    order = np.arange(len(life))
    # `load_events` gives events in this order: to see that is ten times faster than to sort them.
    if not ((life[1:] > life[:-1]) | (life[1:] == life[:-1]) & (moment[1:] >= moment[:-1])).all():
        order = np.lexsort((moment, life))
        life, moment = life[order], moment[order]
    same = _same_as_before(life, moment)
    tied = np.flatnonzero(same | np.r_[same[1:], False][: len(same)])
    again = order[tied]
    order[tied] = again[np.lexsort((ref[again], np.cumsum(~same)[tied]))]
    return order


def _life(instance: pd.Categorical[object], region: pd.Categorical[object]) -> Ints:
    """One number for instance and region; an event without a region has that of the instance's others."""
    code, place = instance.codes, region.codes
    if (code < 0).any():
        row = int(np.argmax(code < 0))
        raise FrameError(f"Row {row} has no instance_id", "Take it out, or load with load_events(...)")
    if (place < 0).any():
        known = np.full(len(instance.categories), -1, place.dtype)
        np.maximum.at(known, code, place)
        place = np.where(place < 0, known[code], place)
    life = code.astype(np.int64)
    life *= len(region.categories) + 1
    life += place
    life += 1
    return life


def _times(frame: pd.DataFrame, column: str) -> Ints:
    time = frame[column].to_numpy(np.int64)
    if len(time) and time.min() < 0:
        row = int(np.argmin(time))
        raise FrameError(f"Row {row} has {column} {time[row]}, before 1970", "Give ms since 1970 UTC")
    return time


def _ranks(states: pd.Series, known: Sequence[str]) -> npt.NDArray[np.int8]:
    found = states.astype("category").cat
    ranks = [STATES.index(name) if name in known else SEEN for name in found.categories]
    return np.array([*ranks, SEEN], np.int8)[found.codes]


def _same_as_before(*columns: npt.NDArray[np.generic]) -> Flags:
    """Whether a row equals the one before in every column."""
    same = np.zeros(len(columns[0]), bool)
    same[1:] = True
    for column in columns:
        same[1:] &= column[1:] == column[:-1]
    return same


def _after_deleted(rows: Rows) -> Flags:
    """What lies between a life's first Deleted and its end."""
    deleted = np.flatnonzero((rows.rank == DELETED) & ~rows.sighting)
    deleted = deleted[_begins(rows.life[deleted])]
    change = np.zeros(len(rows) + 1, np.int8)
    change[deleted + 1] += 1
    change[last_of_life(rows.life)[rows.life[deleted]] + 1] -= 1
    return np.cumsum(change[:-1], dtype=np.int8) > 0


def _steps(kept: Rows) -> Flags:
    """The states that differ from the life's state before; notices between do not count."""
    states = np.flatnonzero((kept.rank != NOTICE) & (kept.rank != SEEN))
    found = np.zeros(len(kept), bool)
    found[states] = ~_same_as_before(kept.life[states], kept.rank[states])
    return found


def _too_soon(rows: Rows) -> Flags:
    """Sightings within SNAPSHOT_LAG_MS after an event of the same life."""
    if not rows.sighting.any():
        return rows.sighting
    event = np.maximum.accumulate(np.where(rows.sighting, -1, np.arange(len(rows))))
    same_life = (event >= 0) & (rows.life[event] == rows.life)
    soon = rows.time - rows.time[event] < SNAPSHOT_LAG_MS
    too_soon: Flags = rows.sighting & same_life & soon
    return too_soon


def _last_known(rows: Rows, column: pd.Categorical[object]) -> pd.Categorical[object]:
    """Each life's latest value that is known."""
    codes = column.codes[rows.source]
    if not len(rows):
        return column[:0]
    if (codes >= 0).all():
        return pd.Categorical.from_codes(codes[last_of_life(rows.life)], dtype=column.dtype)
    known, found = codes >= 0, np.full(rows.lives, -1, codes.dtype)
    found[rows.life[known]] = codes[known]
    return pd.Categorical.from_codes(found, dtype=column.dtype)
