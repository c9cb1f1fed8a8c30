"""Did stopped instances come back, how often and how soon, and which ones do not stay up.

The notebook `actions` asks `restart_outcomes` whether the restart action works, and `flapping` whether it
only keeps alive what falls over again. Both read Running sessions; the action records say what the sink did.

Not every end of a session is an outage: a reboot goes from Stopping to Starting without Stopped, and a
reclaimed or deleted instance is not meant to come back. And the mean over those that did come back
flatters: an instance still down counts as long as it has been watched, by Kaplan-Meier.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from statsmodels.duration.survfunc import SurvfuncRight
from statsmodels.stats.proportion import proportion_confint

from sink.analysis.exposure import groups_of, table
from sink.analysis.frames import ACTIONS, GROUPINGS, SESSIONS, Column, Schema, group_columns, require
from sink.analysis.rates import By

WITHIN_MS = 600_000
"""A restart that takes longer than ten minutes has not worked, for the share."""

FLAPPING_STARTS = 3
FLAPPING_WITHIN_MS = 1_800_000
SHORT_MS = 600_000
"""An instance flaps that starts thrice in half an hour, or whose median up-time is under ten minutes."""

OUTAGES = Schema(
    "outages",
    "outages(sessions)",
    (
        *(
            column
            for column in SESSIONS.columns
            if column.name in ("instance_id", *GROUPINGS.values(), "end")
        ),
        Column("stopped_ms", "int64", "the end of the Running stay, ms"),
        Column("waited_ms", "int64", "until the next Running, or as long as it was watched, ms"),
        Column("recovered", "bool", "whether a next Running was seen"),
        Column("answer", "string", "status of the first restart action for it, or none"),
    ),
)

_KEY = ["region_id", "instance_id"]


def outages(sessions: pd.DataFrame, actions: pd.DataFrame | None = None) -> pd.DataFrame:
    """List the stops that an instance could come back from, in order of time: a frame of OUTAGES.

    Reboots, reclaims and deletions are none. Whether somebody meant a stop, no event tells; what the
    restart action made of it does: `answer` is done, skipped, refused, failed or shadow, and `none` without
    `actions`.

    >>> len(outages(SESSIONS.empty()))
    0
    """
    require(sessions, SESSIONS)
    stopped = sessions[sessions["end"].isin(["stopping", "crashed"]) & ~sessions["reboot"]]
    stops = stopped.assign(
        stopped_ms=stopped["end_ms"],
        waited_ms=stopped["watched_until_ms"] - stopped["end_ms"],
        recovered=stopped["recovered_ms"].notna(),
        answer="none",
    ).sort_values(["stopped_ms", "instance_id"], ignore_index=True)
    return OUTAGES.cast(stops if actions is None else stops.assign(answer=_answers(stops, actions)))


def _answers(stops: pd.DataFrame, actions: pd.DataFrame) -> pd.Series:
    """For each stop, the status of the first restart action for an event while it lasted."""
    require(actions, ACTIONS, ["module", "status", "event_time_ms", *_KEY])
    restarts = actions[actions["module"] == "restart"].dropna(subset="event_time_ms")
    answers = restarts.assign(at_ms=restarts["event_time_ms"].astype("int64")).sort_values("at_ms")
    found = pd.merge_asof(
        stops.assign(at_ms=stops["stopped_ms"].astype("int64")).astype(dict.fromkeys(_KEY, "str")),
        answers.assign(answered_ms=answers["at_ms"], status=answers["status"].astype("str"))[
            [*_KEY, "at_ms", "answered_ms", "status"]
        ].astype(dict.fromkeys(_KEY, "str")),
        on="at_ms",
        by=_KEY,
        direction="forward",
    )
    return found["status"].where(found["answered_ms"] <= found["at_ms"] + found["waited_ms"], "none")


def restart_outcomes(
    stops: pd.DataFrame, by: By = "answer", *, within_ms: int = WITHIN_MS, confidence: float = 0.95
) -> pd.DataFrame:
    """Tell how often and how soon stopped instances ran again; takes a frame of OUTAGES, one row a group.

    Columns: those of `by`; `stops`; `undecided`, watched for less than `within_ms` without running again,
    or released by then, and not in the share; `recovered` within it; `share` with its Wilson interval
    `low`, `high` (Wilson 1927); `median_ms` and `p90_ms` to Running by Kaplan-Meier, those still down
    censored, missing where so many have not come back.
    """
    require(stops, OUTAGES, [*group_columns(by), "waited_ms", "recovered"])
    rows = [{**group, **_outcome(found, within_ms, confidence)} for group, found in groups_of(stops, by)]
    counts = dict.fromkeys(("stops", "undecided", "recovered"), "int64")
    measures = dict.fromkeys(("share", "low", "high", "median_ms", "p90_ms"), "float64")
    return table([pd.DataFrame(rows)], by, counts | measures)


def _outcome(stops: pd.DataFrame, within_ms: int, confidence: float) -> dict[str, float]:
    soon = stops["waited_ms"] <= within_ms
    recovered = int((soon & stops["recovered"]).sum())
    undecided = int(((stops["waited_ms"] < within_ms) & ~stops["recovered"]).sum())
    decided = len(stops) - undecided
    low, high = np.nan, np.nan
    if decided:
        low, high = proportion_confint(recovered, decided, alpha=1 - confidence, method="wilson")
    share = recovered / decided if decided else np.nan
    counts = {"stops": len(stops), "undecided": undecided, "recovered": recovered}
    return counts | {"share": share, "low": low, "high": high} | _quantiles(stops)


def _quantiles(stops: pd.DataFrame) -> dict[str, float]:
    if not stops["recovered"].any():
        return {"median_ms": np.nan, "p90_ms": np.nan}
    down = SurvfuncRight(stops["waited_ms"].to_numpy(), stops["recovered"].to_numpy(dtype=np.int64))
    return {"median_ms": down.quantile(0.5), "p90_ms": down.quantile(0.9)}


def flapping(
    sessions: pd.DataFrame,
    *,
    starts: int = FLAPPING_STARTS,
    within_ms: int = FLAPPING_WITHIN_MS,
    short_ms: int = SHORT_MS,
) -> pd.DataFrame:
    """List the instances that do not stay up, those with most starts first.

    Columns: `instance_id`, `region_id`, `zone_id`, `instance_type`; `starts`, Running stays; `most_starts`
    of them within any `within_ms`; `median_running_ms` of those that ended; `last_end`, how the last one
    did. Listed is who has `most_starts` of at least `starts`, or started twice and has a median under
    `short_ms`.
    """
    require(sessions, SESSIONS)
    ordered = sessions.sort_values([*_KEY, "start_ms"], ignore_index=True)
    ended = ordered["end"] != "censored"
    ordered = ordered.assign(
        most_starts=_starts_within(ordered, within_ms),
        median_running_ms=(ordered["end_ms"] - ordered["start_ms"]).where(ended).astype("float64"),
    )
    counted = ordered.groupby(_KEY, observed=True, as_index=False).agg(
        zone_id=("zone_id", "last"),
        instance_type=("instance_type", "last"),
        starts=("start_ms", "size"),
        most_starts=("most_starts", "max"),
        median_running_ms=("median_running_ms", "median"),
        last_end=("end", "last"),
    )
    short = (counted["starts"] > 1) & (counted["median_running_ms"] < short_ms)
    found = counted[(counted["most_starts"] >= starts) | short]
    return found.sort_values(
        ["most_starts", "starts", "instance_id"], ascending=[False, False, True], ignore_index=True
    )


def _starts_within(ordered: pd.DataFrame, within_ms: int) -> npt.NDArray[np.int64]:
    """For each start, how many starts of its instance lie in the span that ends with it."""
    if ordered.empty:
        return np.zeros(0, np.int64)
    start = ordered["start_ms"].to_numpy(np.int64)
    instance = ordered.groupby(_KEY, observed=True).ngroup().to_numpy(np.int64)
    # Instances are set further apart than any span, so that one sorted search serves all of them.
    apart = instance * (start.max() - start.min() + within_ms + 1) + (start - start.min())
    count: npt.NDArray[np.int64] = np.arange(len(apart)) - np.searchsorted(apart, apart - within_ms) + 1
    return count
