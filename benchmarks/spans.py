"""Pictures of times: a line from the least to the most, a dot between them, a bar where the bound is.

Times are logarithmic, because a hundredfold lies between them. `page.py` draws them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from benchmarks.results import Machine
from sink.analysis.pictures.page import OKABE_ITO, drawn

_TIME, _BOUND = OKABE_ITO[0], OKABE_ITO[3]
_WIDE = 300
"""From least to most: more is labelled at powers of ten alone."""


@dataclass(frozen=True, slots=True)
class Span:
    """One line of the picture."""

    name: str
    least: float
    dot: float
    most: float
    bound: float | None = None


@drawn
def spans(title: str, lines: Sequence[Span], machine: Machine, label: str) -> Figure:
    """Draw them one below the other."""
    figure = Figure(figsize=(9.5, 1.4 + 0.36 * len(lines)), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontsize=11)
    axes = figure.subplots()
    for height, line in enumerate(reversed(lines)):
        _draw(axes, line, height)
    axes.set(xscale="log", xlabel=label, ylim=(-0.6, len(lines) - 0.3))
    axes.set_yticks(range(len(lines)), [line.name for line in reversed(lines)])
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    widest = max(line.most for line in lines) / min(line.least for line in lines)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if widest < _WIDE else (1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    figure.supxlabel(str(machine), x=0.01, ha="left", fontsize=7.5, color="#555555")
    return figure


def _draw(axes: Axes, line: Span, height: int) -> None:
    axes.plot((line.least, line.most), (height, height), color=_TIME, linewidth=2)
    axes.plot(line.dot, height, color=_TIME, marker="o", markersize=7, linestyle="")
    axes.annotate(
        f"{line.dot:,.0f}" if line.dot >= 100 else f"{line.dot:.3g}",
        (line.dot, height),
        (0, 7),
        textcoords="offset points",
        ha="center",
        fontsize=8,
    )
    if line.bound is not None:
        axes.plot(line.bound, height, color=_BOUND, marker="|", markersize=16, markeredgewidth=2.5)
