"""The fleet in time: one lane an instance, and how many ran at each moment.

Lanes are what an operator looks at first, to see whether the figures can be true at all; the stack
shows what capacity was left in which zone when reclaims came.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from sink.analysis.exposure import labelled
from sink.analysis.frames import (
    INTERRUPTED,
    INTERVALS,
    LIFETIMES,
    MS_PER_HOUR,
    NOTICES,
    STAY_STATES,
    group_columns,
    require,
)
from sink.analysis.pictures.page import GROUPS, HATCHES, OKABE_ITO, Page, dates, drawn, extent, name_of
from sink.analysis.rates import By

_STATE_COLOURS = dict(zip(STAY_STATES, ("#56B4E9", "#F0E442", "#009E73", "#E69F00", "#BBBBBB"), strict=True))
_STATE_HATCHES = dict(zip(STAY_STATES, ("///", "...", "", "\\\\\\", "xxx"), strict=True))
_END_MARKS = {"reclaimed": ("X", "#D55E00"), "released": ("d", "#000000"), "open": (">", "#000000")}
_LANES = 60


@drawn
def lifetime_lanes(life: pd.DataFrame, states: pd.DataFrame, page: Page, *, lanes: int = _LANES) -> Figure:
    """Draw one bar an instance, coloured by state, with its notice and how it ended.

    Of more than `lanes` lives those that began last are shown, and the note says of how many.
    """
    require(life, LIFETIMES)
    require(states, INTERVALS)
    title = "Lifetimes: one lane an instance"
    if life.empty:
        return page.blank(title, "No instance was seen in this time.")
    shown = life.sort_values(["entry_ms", "instance_id"]).tail(lanes).reset_index(drop=True)
    note = f"the {len(shown)} that were first seen last, of {len(life):,}" if len(shown) < len(life) else ""
    hours = life["running_ms"].sum() / MS_PER_HOUR
    figure = page.figure(title, extent(len(life), "lives", hours), (9.5, 2.4 + 0.17 * len(shown)), note)
    axes = figure.add_subplot()
    _draw_lanes(axes, shown, states)
    _mark_ends(axes, shown)
    page.put_clock(axes)
    handles = [
        Patch(facecolor=_STATE_COLOURS[state], hatch=_STATE_HATCHES[state], edgecolor="#444444", label=state)
        for state in STAY_STATES
    ]
    axes.legend(
        handles=[*handles, *axes.get_legend_handles_labels()[0]],
        ncols=9,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        fontsize=8,
        columnspacing=1,
        handlelength=1.4,
    )
    return figure


def _draw_lanes(axes: Axes, shown: pd.DataFrame, states: pd.DataFrame) -> None:
    key = ["region_id", "instance_id"]
    lane = shown[key].astype(str).assign(lane=shown.index)
    stays = states.astype(dict.fromkeys(key, str)).merge(lane, on=key)
    for state, colour in _STATE_COLOURS.items():
        rows = stays[stays["state"] == state]
        start, end = dates(rows["start_ms"]), dates(rows["end_ms"])
        axes.barh(
            rows["lane"],
            end - start,
            0.7,
            start,
            color=colour,
            hatch=_STATE_HATCHES[state],
            edgecolor="#444444",
            linewidth=0.3,
        )
    axes.set_yticks(shown.index, shown["instance_id"].astype(str), fontsize=6.5)
    axes.set_ylim(-0.8, len(shown) - 0.2)
    first, last = dates(shown["entry_ms"]).min(), dates(shown["end_ms"]).max()
    margin = 0.02 * (last - first) or 1 / 24
    axes.set_xlim(first - margin, last + margin)
    axes.grid(axis="y", visible=False)


def _mark_ends(axes: Axes, shown: pd.DataFrame) -> None:
    noticed = shown.dropna(subset="notice_ms")
    axes.plot(
        dates(noticed["notice_ms"]),
        noticed.index + 0.5,
        "v",
        color="#CC79A7",
        markersize=4,
        mec="black",
        mew=0.4,
        linestyle="",
        label="notice",
    )
    reclaimed = shown["outcome"].isin(INTERRUPTED)
    ends = {"reclaimed": reclaimed, "released": shown["ended"] & ~reclaimed, "open": ~shown["ended"]}
    for name, of_kind in ends.items():
        marker, colour = _END_MARKS[name]
        rows = shown[of_kind]
        axes.plot(
            dates(rows["end_ms"]), rows.index, marker, color=colour, markersize=5, linestyle="", label=name
        )


@drawn
def running_stack(capacity: pd.DataFrame, notices: pd.DataFrame, page: Page, *, by: By = "zone") -> Figure:
    """Stack the number of instances that ran at each moment by group, and mark each notice above.

    Takes the frame of `running_count(..., by=by)`. Beyond eight groups the smallest are drawn as one.
    """
    require(notices, NOTICES, ["notice_ms"])
    named = [by] if isinstance(by, str) else by
    title = f"Running instances by {name_of(named)}, and when reclaims were announced"
    if capacity.empty:
        return page.blank(title, "No instance ran in this time.")
    counts = _counts(capacity, by)
    moments = counts.index.to_numpy()
    spans = np.diff(moments, append=moments[-1])
    hours = float(counts.sum(axis=1).to_numpy() @ spans) / MS_PER_HOUR
    figure = page.figure(title, extent(len(notices), "notices", hours), (9.5, 4.2))
    axes = figure.add_subplot()
    layers = axes.stackplot(
        dates(moments),
        counts.T.to_numpy(),
        step="post",
        labels=counts.columns,
        colors=OKABE_ITO,
        edgecolor="white",
        linewidth=0.3,
    )
    for layer, hatch in zip(layers, HATCHES, strict=False):
        layer.set_hatch(hatch)
    top = counts.sum(axis=1).max()
    axes.plot(
        dates(notices["notice_ms"]),
        np.full(len(notices), top * 1.06),
        "v",
        color="#D55E00",
        markersize=4,
        alpha=0.7,
        linestyle="",
        label="notice",
    )
    axes.set_ylim(0, top * 1.12 + 0.2)
    axes.set_ylabel("instances Running")
    page.put_clock(axes)
    figure.legend(loc="outside right upper", fontsize=8, reverse=True)
    return figure


def _counts(capacity: pd.DataFrame, by: By) -> pd.DataFrame:
    """One row a moment, one column a group, the largest first; what is beyond eight as `others`."""
    columns = group_columns(by)
    names = labelled(capacity, by)[columns].astype(str).agg(" · ".join, axis=1) if columns else "all"
    wide = capacity.assign(name=names).pivot_table(
        index="at_ms", columns="name", values="running", aggfunc="last"
    )
    filled = wide.sort_index().ffill().fillna(0)
    filled = filled[filled.mean().sort_values(ascending=False).index]
    if filled.shape[1] <= GROUPS:
        return filled
    return filled.iloc[:, : GROUPS - 1].assign(others=filled.iloc[:, GROUPS - 1 :].sum(axis=1))
