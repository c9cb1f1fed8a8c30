"""Curves over an instance's age: how likely it goes on, and which share ended how.

Both carry their band and, under the axis, how many were watched at each age: the right end of such a
curve rests on few, and the eye trusts it as much as the left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sink.analysis.exposure import groups_of
from sink.analysis.frames import LIFETIMES, MS_PER_HOUR, group_columns, require
from sink.analysis.incidence import CAUSES, cumulative_incidence
from sink.analysis.pictures.page import GROUPS, HATCHES, LINES, OKABE_ITO, Page, drawn, extent, name_of
from sink.analysis.rates import By
from sink.analysis.survival import Watched, survival, watch


@drawn
def survival_curves(life: pd.DataFrame, page: Page, *, by: By = (), confidence: float = 0.95) -> Figure:
    """Draw how likely a life goes on uninterrupted, with its band and the numbers at risk under the axis.

    Of more than eight groups those with most lives are drawn, and the note says of how many.
    """
    title = "Going on without a reclaim, by age (Kaplan-Meier)"
    groups = _largest(life, by)
    if not groups:
        return page.blank(
            title, "No life with a known birth: load the inventory, or wait for instances to start."
        )
    shown = pd.concat([rows for rows, _ in groups.values()])
    note = "releases by their owner censor; late entries count from their age at entry" + _of_how_many(
        life, by, groups
    )
    hours = shown.loc[shown["born_ms"].notna(), "running_ms"].sum() / MS_PER_HOUR
    lives = sum(len(watched.end) for _, watched in groups.values())
    figure = page.figure(
        title, extent(lives, "lives with a known birth", hours), (8.5, 4.4 + 0.2 * len(groups)), note
    )
    upper, lower = figure.subplots(2, sharex=True, height_ratios=[10, 1 + len(groups)])
    end = max(watched.end.max() for _, watched in groups.values())
    for position, (name, (rows, watched)) in enumerate(groups.items()):
        _draw_step(
            upper, survival(rows, confidence=confidence), "survival", watched.end.max(), name, position
        )
    upper.set(ylim=(0, 1.02), ylabel="share that goes on", xlim=(0, end * 1.02 or 1))
    if len(groups) > 1:
        upper.legend(loc="upper right", fontsize=8)
    _number_at_risk(lower, {name: watched for name, (_, watched) in groups.items()}, upper.get_xticks())
    return figure


def _largest(life: pd.DataFrame, by: By) -> dict[str, tuple[pd.DataFrame, Watched]]:
    """The eight groups with most lives that can be put on an axis of ages, by name."""
    require(life, LIFETIMES)
    found = {name_of(list(group.values())): (rows, watch(rows)) for group, rows in groups_of(life, by)}
    watched = {name: pair for name, pair in found.items() if len(pair[1].end)}
    largest = sorted(watched, key=lambda name: -len(watched[name][1].end))[:GROUPS]
    return {name: watched[name] for name in watched if name in largest}


def _of_how_many(life: pd.DataFrame, by: By, groups: dict[str, tuple[pd.DataFrame, Watched]]) -> str:
    every = sum(1 for _ in groups_of(life, by))
    return f"; {len(groups)} of {every} groups" if len(groups) < every else ""


def _draw_step(axes: Axes, curve: pd.DataFrame, share: str, until: float, name: str, position: int) -> None:
    """One step curve with its band, drawn on to the last age that was watched."""
    colour, line, hatch = OKABE_ITO[position], LINES[position], HATCHES[position]
    ages = np.append(curve["age_hours"], max(until, curve["age_hours"].iloc[-1]))
    values, low, high = (
        np.append(curve[column], curve[column].iloc[-1]) for column in (share, "low", "high")
    )
    axes.step(ages, values, where="post", color=colour, linestyle=line, linewidth=1.6, label=name)
    band: dict[str, Any] = {"facecolor": colour, "edgecolor": colour, "hatch": hatch, "linewidth": 0}
    axes.fill_between(ages, low, high, step="post", alpha=0.12, **band)


def _number_at_risk(
    axes: Axes, groups: dict[str, Watched], ticks: Sequence[float] | npt.NDArray[np.float64]
) -> None:
    """Under each tick, how many of each group were watched at that age."""
    limit = axes.get_xlim()[1]
    for row, watched in enumerate(groups.values()):
        for age in ticks:
            if 0 <= age <= limit:
                present = int(((watched.entry <= age) & (watched.end > age)).sum())
                axes.text(
                    age, row, f"{present:,}", ha="center", va="center", fontsize=8, color=OKABE_ITO[row]
                )
    axes.set_yticks(range(len(groups)), [name if len(groups) > 1 else "" for name in groups], fontsize=8)
    axes.set_ylim(len(groups) - 0.4, -0.6)
    axes.set_title("watched at this age", loc="left", fontsize=8, color="#555555", pad=2)
    axes.set_xlabel("age, hours since creation")
    axes.tick_params(length=0)
    axes.tick_params(axis="y", pad=16)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


@drawn
def incidence_curves(life: pd.DataFrame, page: Page, *, confidence: float = 0.95) -> Figure:
    """Draw which share of instances has been reclaimed, and which released, up to each age."""
    title = "Ended by reclaim, ended by its owner (Aalen-Johansen)"
    require(
        life,
        LIFETIMES,
        [*group_columns("zone"), "running_ms", "end_ms", "truncated", "born_ms", "ended", "outcome"],
    )
    watched = life[life["born_ms"].notna() & ~life["truncated"]]
    if watched.empty:
        return page.blank(title, "No instance was watched from its birth.")
    note = f"lives watched from birth; {len(life) - len(watched):,} others are left out"
    hours = watched["running_ms"].sum() / MS_PER_HOUR
    figure = page.figure(title, extent(len(watched), "lives", hours), (8.5, 4.4), note)
    axes = figure.add_subplot()
    shares = cumulative_incidence(watched, confidence=confidence)
    until = float((watched["end_ms"] - watched["born_ms"]).max()) / MS_PER_HOUR
    for position, cause in enumerate(CAUSES):
        _draw_step(axes, shares[shares["cause"] == cause], "incidence", until, f"{cause}", position)
    axes.set(
        ylim=(0, 1.02),
        ylabel="share of all instances",
        xlim=(0, until * 1.02 or 1),
        xlabel="age, hours since creation",
    )
    axes.legend(loc="upper left", fontsize=8)
    return figure
