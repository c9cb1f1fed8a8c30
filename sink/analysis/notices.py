"""One row an interruption notice: when it came, when we received it, when we were drained, when it was gone.

The notebook `interruptions` calls `interruption_notices`; reclaim groups and the drain histogram are computed
from its rows. Several notices for one reclaim are one row. What happened is CloudMonitor's time, what we did
is the sink's: differences between them hold the difference of two clocks.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from sink.analysis.frames import ACTIONS, NOTICES, WINDOW_MS, require
from sink.analysis.stays import known
from sink.analysis.trail import DELETED, NONE, NOTICE, RUNNING, STOPPED, Flags, Ints, Rows, follow

DRAINING = ("slb_removal",)
"""The actions after which no request reaches the instance any more."""


def interruption_notices(
    events: pd.DataFrame, actions: pd.DataFrame | None = None, draining: Collection[str] = DRAINING
) -> pd.DataFrame:
    """Give every reclaim that was announced. Gives frame NOTICES.

    `events` is frame EVENTS; `actions` is frame ACTIONS, of which the `draining` modules with status `done`
    tell when the instance was drained. Notices of a life at most WINDOW_MS apart, without Running between,
    announce one reclaim.

    >>> from sink.analysis.frames import EVENTS
    >>> len(interruption_notices(EVENTS.empty()))
    0
    """
    trail = follow(events, as_of=int(events["event_time_ms"].max()) if len(events) else 0)
    kept = trail.kept
    notice = np.flatnonzero(kept.rank == NOTICE)
    first = notice[_announces(kept, notice)]
    last = np.r_[notice, NONE][np.searchsorted(notice, np.r_[first[1:], len(kept)][: len(first)]) - 1]
    deleted, stopped = _next(kept, last, DELETED), _next(kept, last, STOPPED)
    frame = (
        trail.place.iloc[kept.life[first]]
        .reset_index(drop=True)
        .assign(
            notice_ms=kept.time[last],
            first_notice_ms=kept.time[first],
            notices=np.diff(np.searchsorted(notice, np.r_[first, len(kept)])),
            gone_ms=known(np.where(deleted != NONE, deleted, stopped)).array,
            gone_state=_gone_states(deleted, stopped),
        )
    )
    frame["received_at_ms"] = _received(events, frame)
    frame["drained_ms"] = _drained(actions, frame, draining)
    return NOTICES.cast(_with_spans(frame, actions is not None))


def _announces(kept: Rows, notice: Ints) -> Flags:
    """Whether a notice is the first of its reclaim."""
    apart = np.ones(len(notice), bool)
    running = np.cumsum(kept.rank == RUNNING)[notice]
    life, time = kept.life[notice], kept.time[notice]
    together = (life[1:] == life[:-1]) & (time[1:] - time[:-1] <= WINDOW_MS) & (running[1:] == running[:-1])
    apart[1:] = ~together
    return apart


def _next(kept: Rows, at: Ints, rank: int) -> Ints:
    """The time of the life's next row of a rank, at most WINDOW_MS on, or NONE."""
    found = np.flatnonzero(kept.rank == rank)
    following = np.r_[found, 0][np.searchsorted(found, at)]
    if not len(at):
        return at
    time = kept.time[following]
    counts = (following > at) & (kept.life[following] == kept.life[at]) & (time - kept.time[at] <= WINDOW_MS)
    return np.where(counts, time, NONE)


def _gone_states(deleted: Ints, stopped: Ints) -> pd.Categorical[str]:
    codes = np.select([deleted != NONE, stopped != NONE], [0, 1], NONE)
    return pd.Categorical.from_codes(codes, pd.Index(["Deleted", "Stopped"]))


def _received(events: pd.DataFrame, reclaims: pd.DataFrame) -> pd.Series:
    """When the first notice was first received: a repeated delivery is later."""
    notices = events[events["state"] == "Notice"]
    first = notices.groupby(["instance_id", "event_time_ms"], observed=True)["received_at_ms"].min()
    return first.reindex(pd.MultiIndex.from_frame(reclaims[["instance_id", "first_notice_ms"]])).reset_index(
        drop=True
    )


def _drained(actions: pd.DataFrame | None, reclaims: pd.DataFrame, draining: Collection[str]) -> pd.Series:
    """When a draining action on one of the reclaim's notices was first done."""
    actions = ACTIONS.empty() if actions is None else actions
    require(actions, ACTIONS)
    done = actions[actions["module"].isin(draining) & (actions["status"] == "done")]
    keys = done[["instance_id", "event_time_ms", "finished_at_ms"]].astype({"instance_id": "object"})
    numbered = reclaims[["instance_id", "first_notice_ms", "notice_ms"]].astype({"instance_id": "object"})
    paired = numbered.assign(reclaim=range(len(reclaims))).merge(keys, on="instance_id")
    for_it = paired["event_time_ms"].between(paired["first_notice_ms"], paired["notice_ms"]).fillna(False)
    first = paired[for_it].groupby("reclaim")["finished_at_ms"].min()
    return first.reindex(range(len(reclaims))).astype("Int64")


def _with_spans(reclaims: pd.DataFrame, drains_known: bool) -> pd.DataFrame:
    in_time = (reclaims["drained_ms"] < reclaims["gone_ms"]).fillna(False).astype("boolean")
    return reclaims.assign(
        lead_ms=reclaims["gone_ms"] - reclaims["notice_ms"],
        receive_delay_ms=reclaims["received_at_ms"] - reclaims["first_notice_ms"],
        drain_ms=reclaims["drained_ms"] - reclaims["first_notice_ms"],
        drained_in_time=in_time.where(reclaims["gone_ms"].notna() & drains_known),
    )
