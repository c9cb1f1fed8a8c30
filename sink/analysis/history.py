"""Everything that the notebooks look at, made once from one source: events, lives, stays, sessions, notices.

Each notebook begins with `sink.cli.history.read_history`, which finds the source and calls `read` here. So
the three notebooks, `sink report` and whoever writes a fourth all rest on the same frames of the same
moment.

`as_of` is the moment that everything holds for. Where nobody says which, it is the last moment that the
source knows of, and never later than now: one event of a clock that runs ahead would else let every open
life run on until then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sink.analysis.frames import ACTIONS, INVENTORY, NOTICES, FrameError, Schema
from sink.analysis.lives import lifetimes_and_intervals
from sink.analysis.loading import load_actions, load_events, load_inventory
from sink.analysis.notices import interruption_notices
from sink.analysis.quality import quality_report
from sink.analysis.relations import Source
from sink.analysis.sessions import running_sessions

_TABLES = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True, slots=True)
class History:
    """What one source tells, as of one moment. The frames are those of `frames.py`."""

    origin: str
    """What was read, in words."""
    since_ms: int
    """Where the record begins: the first event or sighting, or what was asked for, ms."""
    as_of_ms: int
    """What was known at this moment, ms."""
    events: pd.DataFrame
    inventory: pd.DataFrame
    actions: pd.DataFrame
    life: pd.DataFrame
    states: pd.DataFrame
    sessions: pd.DataFrame
    notices: pd.DataFrame
    quality: pd.DataFrame

    @property
    def window(self) -> tuple[int, int]:
        """[since, as_of) in ms, a millisecond at least: what capacity and cost are counted over."""
        return self.since_ms, max(self.as_of_ms, self.since_ms + 1)


def read(
    source: Source,
    origin: str,
    *,
    now_ms: int,
    since_ms: int | None = None,
    until_ms: int | None = None,
    as_of_ms: int | None = None,
) -> History:
    """Read a source, and make of it all that there is to look at.

    Events, snapshots and actions of [since, until) are read; `as_of` is `until`, or the last moment known,
    and at most `now` where it is not given. Raises FrameError for what cannot be read.

    >>> history = read([], "nothing", now_ms=1000)
    >>> history.as_of_ms, len(history.life)
    (1000, 0)
    """
    loaded = load_events(source, since_ms, until_ms)
    inventory = _others(load_inventory, source, since_ms, until_ms, INVENTORY)
    actions = _others(load_actions, source, since_ms, until_ms, ACTIONS)
    moments = pd.concat([loaded.events["event_time_ms"], inventory["observed_at_ms"]])
    as_of = _watermark(moments, until_ms, now_ms) if as_of_ms is None else as_of_ms
    life, states = lifetimes_and_intervals(loaded.events, as_of, inventory)
    known = loaded.events[loaded.events["event_time_ms"] <= as_of]
    return History(
        origin=origin,
        since_ms=_beginning(moments, as_of) if since_ms is None else since_ms,
        as_of_ms=as_of,
        events=loaded.events,
        inventory=inventory,
        actions=actions,
        life=life,
        states=states,
        sessions=running_sessions(states, loaded.system),
        notices=_placed(interruption_notices(known, actions if len(actions) else None), life),
        quality=quality_report(loaded.events, life, states, as_of, loaded.quarantined),
    )


def _others(
    load: Callable[[Source, int | None, int | None], pd.DataFrame],
    source: Source,
    since_ms: int | None,
    until_ms: int | None,
    schema: Schema,
) -> pd.DataFrame:
    """Inventory or actions of a source; a table of events alone has no columns for them, and so none."""
    try:
        return load(source, since_ms, until_ms)
    except FrameError:
        if isinstance(source, str | Path) and str(source).endswith(_TABLES):
            return schema.empty()
        raise


def _watermark(moments: pd.Series, until_ms: int | None, now_ms: int) -> int:
    """The last moment that the source knows of, but not after `until` and now."""
    limits = [now_ms] if until_ms is None else [now_ms, until_ms]
    return int(min([*limits, *moments.nlargest(1)]))


def _beginning(moments: pd.Series, as_of: int) -> int:
    return int(min([as_of, *moments.nsmallest(1)]))


def _placed(notices: pd.DataFrame, life: pd.DataFrame) -> pd.DataFrame:
    """The notices with zone and type of their lives: no notice names a zone, but an inventory does."""
    key, place = ["region_id", "instance_id"], ["zone_id", "instance_type"]
    of_life = life[[*key, *place]].astype(dict.fromkeys(key, "str"))
    placed = notices.drop(columns=place).astype(dict.fromkeys(key, "str")).merge(of_life, on=key, how="left")
    return NOTICES.cast(placed)
