"""Can this report be trusted: what was read, what was used, and how much was concluded rather than seen.

Every notebook and report opens with `quality_report`, before any other figure. Its counts add up:
used + repeat + duplicate + after_deleted + later + quarantined = read.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from sink.analysis.frames import INTERVALS, LIFETIMES, MS_PER_HOUR, QUALITY, require
from sink.analysis.trail import NOTICE, Trail, follow

_MEANINGS = {
    "read": ("events", "state changes, notices and what was quarantined, as delivered"),
    "used": ("events", "what the lives below are made of"),
    "repeat": ("events", "the same state again by another id: counted once"),
    "duplicate": ("events", "the same event delivered again: counted once"),
    "after_deleted": ("events", "later than the instance's Deleted: not counted"),
    "later": ("events", "later than as_of: not counted"),
    "quarantined": ("events", "could not be used: see the reasons"),
    "id_conflict": ("events", "ids that stand for two different events: both are counted"),
    "lives": ("lives", "instances seen"),
    "entered_late": ("lives", "not seen from their birth"),
    "birth_unknown": ("lives", "left out of curves by age; their hours count in rates"),
    "zone_unknown": ("lives", "an inventory snapshot would tell"),
    "open": ("lives", "not ended by as_of: censored"),
    "notice_pending": ("lives", "reclaimed any minute, or called off"),
    "cause_uncertain": ("lives", "died so early in the record that the notice may predate it"),
    "end_imputed": ("lives", "Deleted was lost: concluded from the notice"),
    "end_by_inventory": ("lives", "Deleted was lost: concluded from a snapshot that lacks it"),
    "illegal_steps": ("steps", "an event between was lost; its time is uncertain"),
    "running_hours": ("hours", "time seen Running"),
    "share_imputed": ("share", "of the running hours, in lives whose end was concluded"),
    "share_after_gap": ("share", "of the running hours, in stays that an illegal step follows"),
    "receive_delay_p50": ("ms", "from the event to its receipt; two clocks"),
    "receive_delay_p99": ("ms", "likewise, for the slowest in a hundred"),
}


def quality_report(
    events: pd.DataFrame,
    life: pd.DataFrame,
    states: pd.DataFrame,
    as_of: int,
    quarantined: Mapping[str, int] | None = None,
) -> pd.DataFrame:
    """Count what was used, lost, repeated and concluded. Gives frame QUALITY.

    `events`, `life` and `states` are frames EVENTS, LIFETIMES and INTERVALS of the same `as_of`, in ms;
    `quarantined` is what `load_events` could not use, by reason: each gets a row of its own at the end.

    >>> from sink.analysis.frames import EVENTS
    >>> report = quality_report(EVENTS.empty(), LIFETIMES.empty(), INTERVALS.empty(), 0, {"unreadable": 3})
    >>> report.set_index("measure")["value"][["read", "quarantined: unreadable"]].tolist()
    [3.0, 3.0]
    """
    require(life, LIFETIMES)
    require(states, INTERVALS)
    reasons = dict(quarantined or {})
    figures = _of_events(follow(events, as_of), events, sum(reasons.values()))
    figures |= _of_lives(life) | _of_hours(life, states) | _of_delays(events)
    rows = [(name, figures[name], *_MEANINGS[name]) for name in _MEANINGS]
    rows += [(f"quarantined: {reason}", count, "events", reason) for reason, count in reasons.items()]
    return QUALITY.cast(pd.DataFrame(rows, columns=QUALITY.names))


def _of_events(trail: Trail, events: pd.DataFrame, quarantined: int) -> dict[str, float | None]:
    duplicate, after = int(trail.duplicate.sum()), int(trail.after_deleted.sum())
    repeat = int(((trail.kept.rank != NOTICE) & ~trail.step).sum())
    refs = events[["event_ref", "instance_id", "state", "event_time_ms"]].drop_duplicates()["event_ref"]
    return {
        "read": len(events) + quarantined,
        "used": len(trail.kept) - repeat,
        "repeat": repeat,
        "duplicate": duplicate,
        "after_deleted": after,
        "later": trail.later,
        "quarantined": quarantined,
        "id_conflict": int(refs[refs.duplicated()].nunique()),
    }


def _of_lives(life: pd.DataFrame) -> dict[str, float | None]:
    return {
        "lives": len(life),
        "entered_late": int(life["truncated"].sum()),
        "birth_unknown": int(life["born_ms"].isna().sum()),
        "zone_unknown": int(life["zone_id"].isna().sum()),
        "open": int((~life["ended"]).sum()),
        "notice_pending": int((life["outcome"] == "notice_pending").sum()),
        "cause_uncertain": int(life["cause_uncertain"].sum()),
        "end_imputed": int((life["end_source"] == "notice_imputed").sum()),
        "end_by_inventory": int((life["end_source"] == "inventory").sum()),
        "illegal_steps": int(life["illegal_steps"].sum()),
    }


def _of_hours(life: pd.DataFrame, states: pd.DataFrame) -> dict[str, float | None]:
    total = int(life["running_ms"].sum())
    concluded = life.loc[life["end_source"].isin(["notice_imputed", "inventory"]), "running_ms"].sum()
    same = (states["instance_id"] == states["instance_id"].shift(-1)) & states["illegal"].shift(
        -1, fill_value=False
    )
    gaps = states[same & (states["state"] == "Running")]
    uncertain = (gaps["end_ms"] - gaps["start_ms"]).sum()
    return {
        "running_hours": total / MS_PER_HOUR,
        "share_imputed": concluded / total if total else None,
        "share_after_gap": uncertain / total if total else None,
    }


def _of_delays(events: pd.DataFrame) -> dict[str, float | None]:
    delay = (events["received_at_ms"] - events["event_time_ms"]).dropna().astype("int64")
    p50, p99 = (delay.quantile([0.5, 0.99]).tolist()) if len(delay) else (None, None)
    return {"receive_delay_p50": p50, "receive_delay_p99": p99}
