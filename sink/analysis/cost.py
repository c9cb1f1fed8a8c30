"""What a fleet cost: billed hours by day, times prices that the user supplies.

The notebook `lifecycles` calls `billed_hours`, and `cost` where its reader has given a price table; no
price is ever guessed. A preemptible instance is billed from creation to release, by the second (ECS:
"Preemptible instances", billing), so billed hours are more than Running hours; one `Deleted` that got lost
bills on for ever, so hours with an end or a beginning that nobody saw are shown beside the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sink.analysis.exposure import Milliseconds, clock, groups_of, hours_between, table, totals
from sink.analysis.frames import (
    GROUPINGS,
    INTERRUPTED,
    LIFETIMES,
    MS_PER_HOUR,
    FrameError,
    group_columns,
    require,
)
from sink.analysis.rates import By

_SEEN_ENDS = ("deleted", "as_of")


def billed_hours(
    life: pd.DataFrame, since_ms: int, until_ms: int, *, zone: str, by: By = ("zone", "type")
) -> pd.DataFrame:
    """Sum the hours from creation to release, one row a local day and group.

    Columns: `day`, such as 2026-11-23 on the calendar of `zone`; those of `by`; `hours` within [since,
    until); `uncertain_hours`, those of them that belong to lives whose birth is unknown, which count from
    their first sight, or whose end was not seen but concluded. Days without hours are absent.
    """
    require(life, LIFETIMES, [*group_columns(by), "born_ms", "entry_ms", "end_ms", "end_source"])
    billed = life.assign(
        start_ms=life["born_ms"].fillna(life["entry_ms"]).astype("int64"),
        uncertain=life["born_ms"].isna() | ~life["end_source"].isin(_SEEN_ENDS),
    )
    edges, days = _days(since_ms, until_ms, zone)
    found = [_by_day(rows, edges, days).assign(**group) for group, rows in groups_of(billed, by)]
    keys = ["day", *group_columns(by)]
    every = table(found, keys, {"hours": "float64", "uncertain_hours": "float64"})
    return every.sort_values(keys, ignore_index=True)


def _days(since_ms: int, until_ms: int, zone: str) -> tuple[Milliseconds, list[str]]:
    """Edges of the local days that a span touches, cut to it, and the days' names."""
    if until_ms <= since_ms:
        raise FrameError(
            f"The span from {since_ms} to {until_ms} ms is empty", "Let `until` be later than `since`"
        )
    limits = pd.to_datetime([since_ms, until_ms - 1], unit="ms", utc=True).tz_convert(clock(zone))
    first, last = (limit.replace(tzinfo=None).normalize() for limit in limits)
    days = pd.date_range(first, last + pd.Timedelta(days=1))
    # A midnight that a zone's clocks jump over, as in Cairo, is the first moment after it.
    midnights = days.tz_localize(clock(zone), ambiguous=True, nonexistent="shift_forward")
    edges = midnights.as_unit("ms").asi8.clip(since_ms, until_ms)
    return edges, [day.strftime("%Y-%m-%d") for day in days[:-1]]


def _by_day(life: pd.DataFrame, edges: Milliseconds, days: Sequence[str]) -> pd.DataFrame:
    uncertain = life[life["uncertain"]]
    hours = pd.DataFrame(
        {
            "day": days,
            "hours": hours_between(life["start_ms"], life["end_ms"], edges),
            "uncertain_hours": hours_between(uncertain["start_ms"], uncertain["end_ms"], edges),
        }
    )
    return hours[hours["hours"] > 0]


def lost_work(life: pd.DataFrame, checkpoint_hours: float, by: By = ("zone", "type")) -> pd.DataFrame:
    """Sum the hours of work that reclaims threw away, at most, one row a group.

    Who saves the work every `checkpoint_hours` loses at most that much at a reclaim, and never more than
    ran. Columns: those of `by`; `interruptions`; `hours`, to be priced by `cost`.
    """
    require(life, LIFETIMES, [*group_columns(by), "outcome", "running_ms"])
    hit = life[life["outcome"].isin(INTERRUPTED)]
    hours = (hit["running_ms"] / MS_PER_HOUR).clip(upper=checkpoint_hours)
    return totals(hit.assign(hours=hours), by, ["hours"]).rename(columns={"lives": "interruptions"})


def cost(hours: pd.DataFrame, prices: pd.DataFrame) -> pd.DataFrame:
    """Multiply hours by the prices of a table, in whatever currency that is in.

    `hours` has a column `hours`, as `billed_hours` and `lost_work` give it. `prices` has `price`, per hour;
    the columns that it depends on, of `instance_type`, `zone_id` and `region_id`; and may have `on_demand`,
    per hour. Adds `cost`, and with `on_demand` also `on_demand_cost` and `saved`, their difference. Raises
    FrameError, which names the row, for a price that is missing, doubled, or no amount.

    >>> hours = pd.DataFrame({"instance_type": ["g7"], "hours": [10.0]})
    >>> prices = pd.DataFrame({"instance_type": ["g7"], "price": [0.3], "on_demand": [1.0]})
    >>> cost(hours, prices)["saved"].tolist()
    [7.0]
    """
    keys = _priced_by(hours, prices)
    amounts = [name for name in ("price", "on_demand") if name in prices.columns]
    _check_amounts(prices, keys, amounts)
    text = dict.fromkeys(keys, "str")
    priced = hours.astype(text).merge(prices[[*keys, *amounts]].astype(text), on=keys, how="left")
    _check_priced(priced, keys)
    priced["cost"] = priced["hours"] * priced["price"]
    if "on_demand" in amounts:
        priced["on_demand_cost"] = priced["hours"] * priced["on_demand"]
        priced["saved"] = priced["on_demand_cost"] - priced["cost"]
    return priced.drop(columns=amounts)


def _priced_by(hours: pd.DataFrame, prices: pd.DataFrame) -> list[str]:
    """The columns by which hours and prices are matched. Raises FrameError where there are none."""
    keys = [name for name in GROUPINGS.values() if name in prices.columns]
    if "price" not in prices.columns or not keys:
        raise FrameError(
            f"The prices have the columns {', '.join(prices.columns) or 'of nothing'}",
            "They need `price`, per hour, and one or more of instance_type, zone_id and region_id",
        )
    lacking = [name for name in keys if name not in hours.columns]
    if lacking:
        raise FrameError(
            f"The hours have no column {lacking[0]!r}, which prices depend on", "Group them by it too"
        )
    return keys


def _check_amounts(prices: pd.DataFrame, keys: list[str], amounts: list[str]) -> None:
    doubled = prices[prices.duplicated(keys)]
    if len(doubled):
        raise FrameError(f"The prices name {_row(doubled, keys)} twice", "Leave one of the rows out")
    for name in amounts:
        numbers = pd.to_numeric(prices[name], errors="coerce")
        wrong = prices[~(numbers >= 0) | np.isinf(numbers)]
        if len(wrong):
            raise FrameError(
                f"The {name} of {_row(wrong, keys)} is {wrong[name].tolist()[0]!r}",
                "Give an amount per hour, 0 or more",
            )


def _check_priced(priced: pd.DataFrame, keys: list[str]) -> None:
    without = priced[priced["price"].isna() & (priced["hours"] > 0)]
    if len(without):
        raise FrameError(f"There is no price for {_named(without, keys)}", "Add a row for it to the prices")


def _row(rows: pd.DataFrame, keys: list[str]) -> str:
    """The first row in words: `zone_id b, instance_type g7 (row 3)`."""
    return f"{_named(rows, keys)} (row {rows.index[0]})"


def _named(rows: pd.DataFrame, keys: list[str]) -> str:
    return ", ".join(f"{key} {rows[key].iloc[0]}" for key in keys)
