"""One row an up-time: how it ended, and when the instance ran again.

Notebooks call `running_sessions` on what `intervals` gave; restarts and flapping are computed from its rows.
An outage begins where Running ends; it lasts to the next Running, or is censored where the life ends or
`as_of` cuts it off. A reboot (Stopping, then Starting without Stopped) is marked: nobody need mend it.
"""

from __future__ import annotations

import pandas as pd

from sink.analysis.frames import INTERVALS, SESSIONS, SYSTEM, WINDOW_MS, require

_LIFE = ["instance_id", "region_id"]
_REBOOTS = ("Instance:SystemMaintenance.Reboot", "Instance:SystemFailure.Reboot")


def running_sessions(states: pd.DataFrame, system: pd.DataFrame | None = None) -> pd.DataFrame:
    """Give every Running stay with how it ended. Gives frame SESSIONS.

    `states` is frame INTERVALS; `system`, frame SYSTEM, tells which sessions maintenance or failure rebooted.
    A session is `interrupted` where a notice came at most WINDOW_MS before it ended; else what came after
    decides: Stopping, Deleted, nothing yet (censored), and anything else is a crash.

    >>> running_sessions(INTERVALS.empty()).columns[5]
    'start_ms'
    """
    require(states, INTERVALS)
    system = SYSTEM.empty() if system is None else system
    require(system, SYSTEM)
    ordered = states.sort_values([*_LIFE, "stay"], ignore_index=True)
    ordered["life"] = ordered.groupby(_LIFE, observed=True, dropna=False).ngroup()
    sessions = ordered[ordered["state"] == "Running"].copy()
    sessions["session"] = sessions.groupby("life").cumcount()
    sessions["recovered_ms"] = sessions.groupby("life")["start_ms"].shift(-1).astype("Int64")
    life_end = sessions["life"].map(ordered.groupby("life")["end_ms"].max())
    sessions["watched_until_ms"] = sessions["recovered_ms"].fillna(life_end)
    sessions["notice_ms"] = _ending_notice(ordered, sessions)
    sessions["end"] = _ends(sessions)
    sessions["reboot"] = _bounced(ordered)[sessions.index] | _rebooted(sessions, system)
    return SESSIONS.cast(sessions.reset_index(drop=True))


def _ending_notice(ordered: pd.DataFrame, sessions: pd.DataFrame) -> pd.Series:
    """The latest notice by the session's end, no older than WINDOW_MS, and no earlier session's."""
    notice = ordered.groupby("life")["notice_ms"].ffill()[sessions.index]
    before = sessions.groupby("life")["end_ms"].shift(1).astype("Int64")
    counts = (sessions["end_ms"] - notice <= WINDOW_MS) & (before.isna() | (notice > before).fillna(True))
    return notice.where(counts.fillna(False))


def _ends(sessions: pd.DataFrame) -> pd.Series:
    following = sessions["next_state"].astype("object")
    named = following.map({"Stopping": "stopping", "Deleted": "deleted", "Gone": "deleted"})
    named = named.where(named.notna(), "crashed").where(following.notna(), "censored")
    return named.mask(sessions["notice_ms"].notna() & following.notna(), "interrupted")


def _bounced(ordered: pd.DataFrame) -> pd.Series:
    """Whether the stay is followed by Stopping, and that by Starting or Running."""
    stopping = ordered["next_state"] == "Stopping"
    after = ordered.groupby("life")["next_state"].shift(-1)
    return stopping & after.isin(["Starting", "Running"])


def _rebooted(sessions: pd.DataFrame, system: pd.DataFrame) -> pd.Series:
    """Whether a reboot by maintenance or failure was executed inside the session, its end included."""
    executing = system["kind"].isin(_REBOOTS) & (system["status"] == "Executing")
    reboots = system.loc[executing, [*_LIFE, "event_time_ms"]].astype(dict.fromkeys(_LIFE, "object"))
    keys = sessions[[*_LIFE, "start_ms", "end_ms"]].astype(dict.fromkeys(_LIFE, "object"))
    paired = keys.reset_index().merge(reboots, on=_LIFE)
    hit = paired["event_time_ms"].between(paired["start_ms"], paired["end_ms"])
    return pd.Series(sessions.index.isin(paired.loc[hit, "index"]), index=sessions.index)
