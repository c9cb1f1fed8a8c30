"""Pictures of growth with size: a panel for each figure, a line for each subject.

Sizes are logarithmic, and times too; rates and memory, which should hardly grow, stand over zero. `page.py`
draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.results import Machine, Row
from sink.analysis.pictures.page import LINES, MARKERS, OKABE_ITO, drawn


@dataclass(frozen=True, slots=True)
class Panel:
    """One figure of these rows, by their number of events."""

    title: str
    figure: str
    label: str
    rows: Sequence[Row]
    over_zero: bool = False


@drawn
def growth(title: str, panels: Sequence[Panel], machine: Machine, size_label: str) -> Figure:
    """Draw the panels side by side."""
    figure = Figure(figsize=(9.5, 3.6), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        _draw(axes, panel, size_label)
    figure.supxlabel(str(machine), x=0.01, ha="left", fontsize=7.5, color="#555555")
    return figure


def _draw(axes: Axes, panel: Panel, size_label: str) -> None:
    subjects = dict.fromkeys(row.subject for row in panel.rows)
    for subject, colour, marker, line in zip(subjects, OKABE_ITO, MARKERS, LINES, strict=False):
        rows = sorted((row for row in panel.rows if row.subject == subject), key=lambda row: row.events)
        values = [row.median(panel.figure) for row in rows]
        (drawn_line,) = axes.plot([row.events for row in rows], values, label=subject)
        drawn_line.set(color=colour, marker=marker, linestyle=line, linewidth=1.4)
    axes.set(xscale="log", xlabel=size_label, ylabel=panel.label)
    axes.set_title(panel.title, loc="left", fontsize=9.5)
    axes.set_xticks(sorted({row.events for row in panel.rows}))
    axes.margins(x=0.1, y=0.15)
    if panel.over_zero:
        axes.set_ylim(0, 1.2 * max(row.median(panel.figure) for row in panel.rows))
    else:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        axis.set_minor_formatter(NullFormatter())
    if len(subjects) > 1:
        axes.legend(fontsize=7.5)
