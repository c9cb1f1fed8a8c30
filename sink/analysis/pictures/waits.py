"""How long things took: from a notice to the end, from a stop to the next Running.

Both mark the limit that the reader has in mind, five minutes of notice or ten of restart. What has not
happened yet is drawn as open, not left out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sink.analysis.frames import LEAD_MS, NOTICES, require
from sink.analysis.pictures.page import MARKERS, OKABE_ITO, Page, drawn
from sink.analysis.restarts import OUTAGES, WITHIN_MS

_BINS = 40


@drawn
def notice_histogram(notices: pd.DataFrame, page: Page, *, limit_ms: int = LEAD_MS) -> Figure:
    """Draw how long instances lived after their notice, and how long it took to drain them.

    Two panels over one axis in seconds, the limit marked in both; each says how many are not in it because
    nobody saw them gone, or drained.
    """
    require(notices, NOTICES, ["lead_ms", "drain_ms"])
    title = "From interruption notice to gone, and to drained"
    if notices.empty:
        return page.blank(title, "No interruption notice was seen.")
    waits = {"gone": notices["lead_ms"].dropna() / 1000, "drained": notices["drain_ms"].dropna() / 1000}
    note = "gone: CloudMonitor's clock alone; drained: from its clock to the sink's"
    total = float(waits["gone"].sum()) / 3600
    figure = page.figure(
        title, f"n = {len(notices):,} notices, {total:,.1f} h between notice and gone", (8.5, 5), note
    )
    panels = figure.subplots(2, sharex=True)
    edges = np.linspace(
        0,
        max([limit_ms / 1000 * 1.2, *(wait.max() for wait in waits.values() if len(wait))]) * 1.02,
        _BINS + 1,
    )
    for axes, position, (name, wait) in zip(panels, (0, 2), waits.items(), strict=True):
        _draw_waits(axes, name, wait.astype(float), edges, limit_ms / 1000, position, len(notices))
    panels[1].set_xlabel("seconds after the notice")
    return figure


def _draw_waits(
    axes: Axes, name: str, wait: pd.Series, edges: np.ndarray, limit: float, position: int, of: int
) -> None:
    low = edges[0] if wait.empty else min(edges[0], wait.min())
    axes.hist(
        wait.clip(lower=low),
        bins=np.concatenate([[low] if low < edges[0] else [], edges]).tolist(),
        color=OKABE_ITO[position],
        hatch="///" if position else "",
        edgecolor="white",
        linewidth=0.4,
    )
    axes.axvline(limit, color="#D55E00", linestyle="--", linewidth=1.3, label=f"{limit:g} s")
    axes.set(ylabel="notices", ylim=(0, max(axes.get_ylim()[1], 1)))
    unseen = of - len(wait)
    middle = f"median {wait.median():,.0f} s, 5 % under {wait.quantile(0.05):,.0f} s; " if len(wait) else ""
    axes.set_title(f"{name}: {len(wait):,} seen; {middle}{unseen:,} not seen {name}", loc="left", fontsize=9)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", fontsize=8)


@drawn
def restart_ladder(stops: pd.DataFrame, page: Page, *, within_ms: int = WITHIN_MS) -> Figure:
    """Draw each stop as a rung as long as it took to run again, shortest first.

    Takes the frame of `outages`. A full mark ran again, an arrow was still down when last watched; colour and
    mark tell the restart action's answer.
    """
    require(stops, OUTAGES)
    title = "From stop to the next Running: one rung a stop"
    if stops.empty:
        return page.blank(title, "No instance stopped without being reclaimed, deleted or rebooted.")
    rungs = stops.sort_values(["recovered", "waited_ms"], ascending=[False, True], ignore_index=True)
    minutes = rungs["waited_ms"].clip(lower=1000) / 60_000
    extent = f"n = {len(rungs):,} stops, {rungs['waited_ms'].sum() / 3_600_000:,.0f} h down"
    figure = page.figure(
        title,
        extent,
        (8.5, min(2.6 + 0.1 * len(rungs), 9)),
        "arrows: still down when last watched, or then released",
    )
    axes = figure.add_subplot()
    axes.hlines(rungs.index, minutes.min() / 2, minutes, color="#bbbbbb", linewidth=0.8)
    for position, answer in enumerate(sorted(rungs["answer"].unique())):
        _draw_rungs(axes, rungs[rungs["answer"] == answer], minutes, position % len(MARKERS), answer)
    axes.axvline(
        within_ms / 60_000,
        color="#D55E00",
        linestyle="--",
        linewidth=1.3,
        label=f"{within_ms / 60_000:g} min",
    )
    axes.set(xscale="log", xlabel="minutes from stop to Running", ylabel="stops", ylim=(-1, len(rungs)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _draw_rungs(axes: Axes, rows: pd.DataFrame, minutes: pd.Series, position: int, answer: str) -> None:
    back, down = rows.index[rows["recovered"]], rows.index[~rows["recovered"]]
    colour = OKABE_ITO[position]
    label = "no restart action" if answer == "none" else f"restart {answer}"
    axes.plot(
        minutes[back],
        back,
        MARKERS[position],
        color=colour,
        markersize=4.5,
        linestyle="",
        label=f"{label}: {len(back)} of {len(rows)} ran again",
    )
    axes.plot(minutes[down], down, ">", color=colour, mfc="white", markersize=5, linestyle="")
