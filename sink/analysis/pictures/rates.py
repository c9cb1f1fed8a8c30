"""Rates with what they rest on: a forest plot of groups, and a map of the week.

Each rate stands beside its hours and its interval, because the group with the lowest rate is most often the
one with the fewest hours. Where nobody ran, the map is empty and not zero.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sink.analysis.pictures.page import OKABE_ITO, Page, drawn, extent, name_of
from sink.analysis.rates import MIN_EVENTS, MIN_HOURS

_ROWS = 40
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@drawn
def rate_forest(rates: pd.DataFrame, page: Page, *, rows: int = _ROWS) -> Figure:
    """Draw a rate and its interval a group, lowest first, with events, hours and rank printed beside.

    Takes the frame of `interruption_rates`. Full marks have a rank, hollow ones rest on too little; the
    line is the fleet's rate. Of more than `rows` groups those with most hours are shown, and the note says
    of how many.
    """
    title = "Interruptions per 100 running hours, with exact 95 % intervals"
    shown = rates.nlargest(rows, "hours").sort_values(
        ["rate", "hours"], ascending=[False, True], ignore_index=True
    )
    if not rates["hours"].sum():
        return page.blank(title, "No instance was seen Running.")
    note = f"hollow: under {MIN_EVENTS} events or {MIN_HOURS:.0f} h, no rank"
    note += "  ·  * differs from all others (Benjamini-Hochberg, 5 %)" if shown["differs"].any() else ""
    note += f"  ·  {len(shown)} of {len(rates)} groups" if len(shown) < len(rates) else ""
    figure = page.figure(
        title,
        extent(int(rates["events"].sum()), "interruptions", rates["hours"].sum()),
        (9.5, 2.2 + 0.3 * len(shown)),
        note,
    )
    axes, grounds = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
    fleet = 100 * rates["events"].sum() / rates["hours"].sum()
    axes.axvline(fleet, color="#555555", linestyle="--", linewidth=1, label="whole fleet")
    limit = _limit(shown)
    _draw_intervals(axes, shown, limit)
    _name_groups(axes, shown)
    _print_grounds(grounds, shown)
    axes.set(xlim=(0, limit), ylim=(-1.1, len(shown)), xlabel="interruptions per 100 h Running")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _limit(shown: pd.DataFrame) -> float:
    """The axis' end: the highest sound interval, so that a cell of two hours does not flatten the rest."""
    sound = shown[shown["hours"] >= MIN_HOURS]
    reach = sound["high"].max() if len(sound) else shown["high"].max()
    return 100 * float(max(reach, shown["rate"].max())) * 1.08


def _draw_intervals(axes: Axes, shown: pd.DataFrame, limit: float) -> None:
    rate, low, high = (100 * shown[name].astype(float) for name in ("rate", "low", "high"))
    axes.hlines(shown.index, low, high.clip(upper=limit), color=OKABE_ITO[0], linewidth=1.4)
    beyond = shown.index[high > limit]
    axes.plot(
        np.full(len(beyond), limit * 0.995), beyond, ">", color=OKABE_ITO[0], markersize=5, linestyle=""
    )
    ranked = shown["rank"].notna()
    axes.plot(rate[ranked], shown.index[ranked], "s", color=OKABE_ITO[0], markersize=6, linestyle="")
    axes.plot(
        rate[~ranked], shown.index[~ranked], "s", color=OKABE_ITO[0], markersize=6, mfc="white", linestyle=""
    )


def _name_groups(axes: Axes, shown: pd.DataFrame) -> None:
    groups = shown.loc[:, :"lives"].drop(columns="lives").astype(str)
    stars = shown["differs"].map({True: " *", False: ""})
    names = [name_of(row) + star for row, star in zip(groups.itertuples(index=False), stars, strict=True)]
    axes.set_yticks(shown.index, names, fontsize=8)
    axes.grid(axis="y", visible=False)


def _print_grounds(axes: Axes, shown: pd.DataFrame) -> None:
    """Beside each interval the events, hours and rank that it stands for."""
    axes.set_axis_off()
    for place, name in ((0.3, "events"), (0.7, "hours"), (1.0, "rank")):
        axes.text(place, len(shown) - 0.4, name, ha="right", va="center", fontsize=8, weight="bold")
        for row, value in enumerate(shown[name]):
            text = "–" if pd.isna(value) else f"{value:,.0f}"
            axes.text(place, row, text, ha="right", va="center", fontsize=8)


@drawn
def week_map(profile: pd.DataFrame, page: Page) -> Figure:
    """Draw the rate of each hour of the week, and beside it the hours that it rests on.

    Takes the frame of `rates_by_hour` without groups, made for the same zone. Empty squares are hours in
    which nobody ran.
    """
    title = "Interruptions by hour of the week, and the running hours they rest on"
    if not profile["hours"].sum():
        return page.blank(title, "No instance was seen Running.")
    events, hours = int(profile["events"].sum()), profile["hours"].sum()
    note = "white: nobody ran  ·  few hours make wild rates: read the left with the right"
    figure = page.figure(title, extent(events, "interruptions", hours), (11, 3.6), note)
    left, right = figure.subplots(1, 2, sharey=True)
    _draw_map(figure, left, 100 * _grid(profile, "rate"), "per 100 h Running", page)
    _draw_map(figure, right, _grid(profile, "hours"), "h Running", page)
    return figure


def _grid(profile: pd.DataFrame, value: str) -> np.ndarray:
    """Seven rows of 24 hours; nan where nobody ran."""
    grid = np.full((7, 24), np.nan)
    ran = profile[profile["hours"] > 0]
    grid[ran["weekday"].to_numpy(), ran["hour"].to_numpy()] = ran[value]
    return grid


def _draw_map(figure: Figure, axes: Axes, grid: np.ndarray, unit: str, page: Page) -> None:
    top = np.nanmax(grid)
    image = axes.imshow(grid, cmap="viridis", vmin=0, vmax=top or 1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(0, 24, 3), [f"{hour:02d}" for hour in range(0, 24, 3)])
    axes.set_yticks(range(7), _DAYS)
    axes.set_xlabel(f"hour of the day, {page.zone}")
    axes.grid(visible=False)
    figure.colorbar(image, ax=axes, label=unit)
