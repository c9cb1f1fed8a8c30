"""One row an instance: when it was born, when and why it ended, how long it ran.

Notebooks and `sink report` call `lifetimes`; rates, survival and cost are computed from its rows. What
events do not tell stays missing: a life that was not seen from its birth has no birth, unless an inventory
snapshot knows its creation time; one whose end nobody saw is censored, unless a later complete snapshot
lacks it.

`endings.py` has the rules of the outcome, `stays.py` the stays whose Running time is summed here.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sink.analysis.endings import END_SOURCES
from sink.analysis.frames import INVENTORY, LIFETIMES, MS_PER_HOUR, OUTCOMES
from sink.analysis.stays import Chart, Stays, chart, intervals_of, known, snapshot_values
from sink.analysis.trail import NONE, RUNNING, STOPPED, Flags, Ints, Trail, first_of_life

_DEFAULT_PROTECTED_HOURS = 1
"""SpotDuration's default (ECS: RunInstances); where no inventory says otherwise."""


def lifetimes(events: pd.DataFrame, as_of: int, inventory: pd.DataFrame | None = None) -> pd.DataFrame:
    """Give every life that was seen by `as_of`, in ms since 1970 UTC. Gives frame LIFETIMES.

    `events` is frame EVENTS, in any order and with repeats; `inventory` is frame INVENTORY. Raises FrameError
    where a column is missing.

    >>> from sink.analysis.generator import sample
    >>> fleet = sample(seed=1)
    >>> life = lifetimes(fleet.events, fleet.as_of)
    >>> sorted(set(life["outcome"])) == sorted(set(life["outcome"].cat.categories) & set(life["outcome"]))
    True
    """
    inventory = INVENTORY.empty() if inventory is None else inventory
    return _lifetimes_of(chart(events, as_of, inventory), len(events), inventory)


def lifetimes_and_intervals(
    events: pd.DataFrame, as_of: int, inventory: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give what `lifetimes` and `intervals` give, in little more than the time of one of them.

    >>> from sink.analysis.frames import EVENTS
    >>> life, states = lifetimes_and_intervals(EVENTS.empty(), as_of=0)
    >>> len(life), len(states)
    (0, 0)
    """
    inventory = INVENTORY.empty() if inventory is None else inventory
    charted = chart(events, as_of, inventory)
    return _lifetimes_of(charted, len(events), inventory), intervals_of(charted)


def _lifetimes_of(chart: Chart, events: int, inventory: pd.DataFrame) -> pd.DataFrame:
    trail, endings, stays, born = chart.trail, chart.endings, chart.stays, chart.born
    duration = snapshot_values(trail, events, inventory["spot_duration"])
    frame = trail.place.assign(
        born_ms=known(born),
        born_source=_named(np.where(born == NONE, NONE, chart.truncated), ("event", "inventory")),
        entry_ms=trail.kept.time[first_of_life(trail.kept.life)],
        truncated=chart.truncated,
        end_ms=endings.end,
        end_source=_named(endings.source, END_SOURCES),
        end_after_ms=known(endings.after),
        ended=endings.ended,
        outcome=_named(endings.outcome, OUTCOMES),
        cause_uncertain=endings.uncertain,
        notice_ms=known(endings.notice),
        last_event_ms=endings.seen,
        protected_ms=known(_protected(stays, born, duration)),
        illegal_steps=_counts(trail.steps.life, chart.illegal, trail.lives),
        spot_strategy=_strategies(trail, events, inventory["spot_strategy"]),
        spot_duration=known(duration),
        **_totals(stays, trail.lives),
    )
    return LIFETIMES.cast(frame)


def _totals(stays: Stays, lives: int) -> dict[str, Ints]:
    running = stays.rank == RUNNING
    life, lasted = stays.life[running], stays.end[running] - stays.start[running]
    return {
        "running_ms": _sums(life, lasted, lives),
        "starts": _counts(stays.life, running, lives),
        "stops": _counts(stays.life, stays.rank == STOPPED, lives),
    }


def _protected(stays: Stays, born: Ints, hours: Ints) -> Ints:
    """Running time inside the protected hours after birth, or NONE where the birth is unknown."""
    until = born + np.where(hours == NONE, _DEFAULT_PROTECTED_HOURS, hours) * MS_PER_HOUR
    running = stays.rank == RUNNING
    life, start = stays.life[running], stays.start[running]
    inside = np.minimum(stays.end[running], until[life]) - start
    return np.where(born == NONE, NONE, _sums(life, np.maximum(inside, 0), len(born)))


def _sums(life: Ints, values: Ints, lives: int) -> Ints:
    """Sum by life. In floats, that are exact up to 2**53: as milliseconds, 285,000 years."""
    return np.bincount(life, values, lives).astype(np.int64)


def _counts(life: Ints, which: Flags, lives: int) -> Ints:
    return np.bincount(life[which], minlength=lives)


def _strategies(trail: Trail, events: int, column: pd.Series) -> pd.Categorical:
    strategy = pd.Categorical(column.astype("category"))
    codes = snapshot_values(trail, events, pd.Series(strategy.codes.astype(np.int64)))
    return pd.Categorical.from_codes(codes, dtype=strategy.dtype)


def _named(codes: np.ndarray, names: tuple[str, ...]) -> pd.Categorical[str]:
    return pd.Categorical.from_codes(codes.astype(np.int8), pd.Index(names))
