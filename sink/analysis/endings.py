"""How each life stands at `as_of`: ended or censored, when, and by whose doing.

`lives.py` and `stays.py` call `find_endings`. The rules, in this order, by the latest notice that counts:

    Deleted, at most WINDOW_MS after a notice          interrupted
    Deleted                                            released
    a state later than GRACE_MS after the notice       notice_survived: stop mode, or called off; censored
    a notice older than WINDOW_MS                      interrupted_unconfirmed: its Deleted was lost
    a notice                                           notice_pending; censored
    nothing of all this                                alive; censored

A life that has not ended but is missing in a later complete snapshot of its region has ended unseen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sink.analysis.frames import GRACE_MS, LEAD_MS, OUTCOMES, WINDOW_MS
from sink.analysis.trail import (
    DELETED,
    NONE,
    NOTICE,
    SEEN,
    SNAPSHOT_LAG_MS,
    Flags,
    Ints,
    Rows,
    Trail,
    last_of_life,
)

INTERRUPTED, UNCONFIRMED, RELEASED, SURVIVED, AWAITED, ALIVE = range(len(OUTCOMES))

END_SOURCES = ("deleted", "notice_imputed", "inventory", "as_of")


@dataclass(frozen=True, slots=True)
class Endings:
    """One array element a life; NONE for a time that is not known."""

    outcome: npt.NDArray[np.int8]
    """Position in OUTCOMES."""
    end: Ints
    source: npt.NDArray[np.int8]
    """Position in END_SOURCES."""
    seen: Ints
    """The last event or sighting."""
    after: Ints
    """Last seen, for an end that only the inventory shows."""
    notice: Ints
    uncertain: Flags

    @property
    def ended(self) -> Flags:
        """Whether the life is over."""
        return self.outcome <= RELEASED


def find_endings(trail: Trail, as_of: int, inventory: pd.DataFrame) -> Endings:
    """Find how and when each life of the trail ended."""
    kept = trail.kept
    died = latest(kept, kept.rank == DELETED)
    notice = latest(kept, kept.rank == NOTICE)
    notice[(died >= 0) & (notice < died - WINDOW_MS)] = NONE
    state = latest(kept, (kept.rank != NOTICE) & (kept.rank != SEEN))
    seen = kept.time[last_of_life(kept.life)]
    missing = _missing_at(trail.place["region_id"], seen, inventory, as_of)
    outcome = _outcomes(died, notice, state, as_of)
    imputed = np.maximum(notice + LEAD_MS, state)
    imputed = np.where(missing >= 0, np.minimum(imputed, missing), imputed)
    unseen = (missing >= 0) & (outcome > RELEASED)
    outcome = np.where(unseen, np.where(outcome == AWAITED, UNCONFIRMED, RELEASED), outcome).astype(np.int8)
    source = np.select([died >= 0, outcome == UNCONFIRMED, unseen], [0, 1, 2], 3).astype(np.int8)
    return Endings(
        outcome=outcome,
        end=np.choose(source, [died, imputed, missing, np.full(len(died), as_of)]),
        source=source,
        seen=seen,
        after=np.where(source == 2, seen, NONE),
        notice=notice,
        uncertain=(outcome == RELEASED) & (source == 0) & (died - _recording_began(trail.rows) < WINDOW_MS),
    )


def latest(rows: Rows, which: Flags) -> Ints:
    """Each life's latest time among some of its rows, or NONE."""
    found = np.full(rows.lives, NONE)
    found[rows.life[which]] = rows.time[which]
    return found


def _outcomes(died: Ints, notice: Ints, state: Ints, as_of: int) -> npt.NDArray[np.int8]:
    dead, noticed = died >= 0, notice >= 0
    found = np.select(
        [dead & noticed, dead, ~noticed, state > notice + GRACE_MS, as_of - notice > WINDOW_MS],
        [INTERRUPTED, RELEASED, ALIVE, SURVIVED, UNCONFIRMED],
        AWAITED,
    )
    return found.astype(np.int8)


def _missing_at(region: pd.Series, seen: Ints, inventory: pd.DataFrame, as_of: int) -> Ints:
    """The first complete snapshot of a life's region in which it would be had it not ended, or NONE.

    That is the first one after it was last seen: were it in that or in a later one, it was seen later.
    """
    found = np.full(len(seen), NONE)
    complete = inventory["complete"].fillna(False) & (inventory["observed_at_ms"] <= as_of)
    for name, snapshots in inventory[complete].groupby("region_id", observed=True):
        times = np.r_[np.unique(snapshots["observed_at_ms"].to_numpy(np.int64)), NONE]
        lives = np.flatnonzero((region == name).to_numpy(bool))
        found[lives] = times[np.searchsorted(times[:-1], seen[lives] + SNAPSHOT_LAG_MS)]
    return found


def _recording_began(rows: Rows) -> int:
    events = rows.time[~rows.sighting]
    return int(events.min()) if len(events) else 0
