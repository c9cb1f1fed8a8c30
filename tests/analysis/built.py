"""Frames built by hand, by the schemas: what the statistics are tested on, without events before them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sink.analysis.frames import (
    ACTIONS,
    INTERVALS,
    LIFETIMES,
    MS_PER_HOUR,
    NOTICES,
    SESSIONS,
    Schema,
)

HOUR = MS_PER_HOUR
MINUTE = 60_000

Row = Mapping[str, Any]

_PLACE = {"region_id": "cn-beijing", "zone_id": "cn-beijing-a", "instance_type": "ecs.g7.large"}


def frame_of(schema: Schema, rows: Sequence[Row]) -> pd.DataFrame:
    """A frame of this schema; what a row leaves out is missing."""
    if not rows:
        return schema.empty()
    full = [{**dict.fromkeys(schema.names), **row} for row in rows]
    return schema.cast(pd.DataFrame(full, columns=schema.names, dtype=object))


def life(number: int = 0, hours: float = 10.0, outcome: str = "interrupted", **given: Any) -> dict[str, Any]:
    """One lifetime: born at 0, Running until its end so many hours later; `given` replaces columns."""
    end = given.get("born_ms", 0) or 0
    end += round(hours * HOUR)
    ended = outcome in ("interrupted", "interrupted_unconfirmed", "released")
    return {
        "instance_id": f"i-{number:04d}",
        **_PLACE,
        "born_ms": 0,
        "born_source": "event",
        "entry_ms": given.get("born_ms") or 0,
        "truncated": False,
        "end_ms": end,
        "end_source": "deleted" if ended else "as_of",
        "ended": ended,
        "outcome": outcome,
        "cause_uncertain": False,
        "notice_ms": end if outcome.startswith("interrupted") else None,
        "last_event_ms": end,
        "running_ms": round(hours * HOUR),
        "protected_ms": 0,
        "starts": 1,
        "stops": 0,
        "illegal_steps": 0,
    } | given


def lives(*rows: Row) -> pd.DataFrame:
    """A frame of lifetimes."""
    return frame_of(LIFETIMES, rows)


def running(of: pd.DataFrame) -> pd.DataFrame:
    """The stays of lives that ran from entry to end."""
    columns = ["instance_id", *_PLACE, "born_ms"]
    stays = of[columns].assign(
        stay=0,
        state="Running",
        start_ms=of["entry_ms"],
        end_ms=of["end_ms"],
        next_state="Deleted",
        illegal=False,
        sighted=False,
        notice_ms=pd.array([pd.NA] * len(of), dtype="Int64"),
    )
    return INTERVALS.cast(stays)


def notices(*moments_ms: int, **given: Any) -> pd.DataFrame:
    """A frame of interruption notices at these moments, each of an instance of its own."""
    rows = [
        {
            "instance_id": f"i-{number:04d}",
            **_PLACE,
            "notice_ms": moment,
            "first_notice_ms": moment,
            "notices": 1,
            **given,
        }
        for number, moment in enumerate(moments_ms)
    ]
    return frame_of(NOTICES, rows)


def session(start: int, until: int, *, instance: str = "i-0000", **given: Any) -> dict[str, Any]:
    """One Running stay in minutes, which ended by Stopping and was watched for a day."""
    return {
        "instance_id": instance,
        **_PLACE,
        "session": 0,
        "start_ms": start * MINUTE,
        "end_ms": until * MINUTE,
        "end": "stopping",
        "reboot": False,
        "watched_until_ms": until * MINUTE + 24 * HOUR,
    } | given


def sessions(*rows: Row) -> pd.DataFrame:
    """A frame of sessions."""
    return frame_of(SESSIONS, rows)


def actions(*rows: Row) -> pd.DataFrame:
    """A frame of actions: live restarts of i-0000 that are done, but for what a row replaces."""
    usual = {
        "module": "restart",
        "mode": "live",
        "status": "done",
        "instance_id": "i-0000",
        "region_id": "cn-beijing",
    }
    return frame_of(ACTIONS, [{**usual, **row} for row in rows])
