"""The picture of the throughput benchmark: `python -m benchmarks.throughput --picture FILE`.

Above, one panel a latency: a dot for each rival on a common scale, which is logarithmic because a
thousandfold lies between them, with a line from the least to the most of its runs and the ratio to the
engineer's version beside it. Below, how rate and memory grow with the number of events. Rivals are told apart
by marker and name, so that nothing is lost in grey print.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.comparison import latencies, ratio, title_of
from benchmarks.results import Machine, Results, Row
from benchmarks.rivals import RIVALS
from sink.analysis.pictures.page import MARKERS, OKABE_ITO, drawn

_COLOURS = dict(zip(("sink", "engineer", "ceiling", "loop"), OKABE_ITO, strict=False))
_MARKERS = dict(zip(RIVALS, MARKERS, strict=False))
_RATE = "events_per_second"


@drawn
def throughput(results: Results) -> Figure:
    """Draw it."""
    rows, growth = results.parts["latency"], results.parts["growth"]
    figure = Figure(figsize=(9.5, 6.2 if growth else 3.4), layout="constrained")
    heights = [1.1, 1.0] if growth else [1.0]
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    figure.suptitle(
        f"Events a second, from the queue to the logstore: medians of {len(rows[0].runs)} runs on one core",
        x=0.01, ha="left", fontsize=11,
    )  # fmt: skip
    _draw_latencies(parts[0], rows)
    if growth:
        _draw_growth(parts[1], growth)
    figure.supxlabel(_caption(results.machine), x=0.01, ha="left", fontsize=7.5, color="#555555")
    return figure


def save(figure: Figure, path: Path) -> None:
    """Write a picture: PNG, SVG or PDF by the file's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=160)


def _caption(machine: Machine) -> str:
    return (
        f"{machine}\n× is the ratio to the engineer's version; lines run from the slowest run to the fastest"
    )


def _draw_latencies(figure: SubFigure, rows: Sequence[Row]) -> None:
    found = latencies(rows)
    panels = figure.subplots(1, len(found), sharex=True, sharey=True, squeeze=False)[0]
    names = [name for name in RIVALS if any(row.subject == name for row in rows)]
    fastest, slowest = max(map(_rate, rows)), min(map(_rate, rows))
    for axes, latency in zip(panels, found, strict=True):
        for row in rows:
            if row.condition == latency:
                _draw_rival(axes, row, names.index(row.subject), ratio(row, rows))
        axes.set_title(title_of(latency), loc="left", fontsize=9.5)
        axes.set(
            xscale="log", xlim=(slowest / 5, fastest * 5), ylim=(-0.6, len(names) - 0.2), xlabel="events/s"
        )
        axes.set_yticks(range(len(names)), names)
        axes.grid(visible=False, axis="y")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def _draw_rival(axes: Axes, row: Row, height: int, times: float | None) -> None:
    colour = _COLOURS[row.subject]
    axes.plot(row.span(_RATE), (height, height), color=colour, linewidth=2)
    axes.plot(_rate(row), height, marker=_MARKERS[row.subject], color=colour, markersize=7, linestyle="")
    text = f"{_rate(row):,.0f}" + ("" if times is None else f"  ×{times:.2g}")
    axes.annotate(text, (_rate(row), height), (0, 8), textcoords="offset points", ha="center", fontsize=8)


def _draw_growth(figure: SubFigure, rows: Sequence[Row]) -> None:
    panels = figure.subplots(1, 2)
    for axes, name, label in zip(panels, (_RATE, "peak_megabytes"), ("events/s", "peak MB"), strict=True):
        for subject in dict.fromkeys(row.subject for row in rows):
            _draw_line(axes, sorted((row for row in rows if row.subject == subject), key=_size), name)
        axes.set(xscale="log", xlabel="events in the queue", ylabel=label)
        axes.set_ylim(0, 1.2 * max(row.median(name) for row in rows))
        axes.set_xticks(sorted({row.events for row in rows}))
        axes.margins(x=0.1)
        axes.xaxis.set_minor_formatter(NullFormatter())
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    panels[0].set_title("growth with size, no latency", loc="left", fontsize=9.5)
    panels[0].legend(loc="center right", fontsize=8)


def _draw_line(axes: Axes, rows: Sequence[Row], figure: str) -> None:
    subject = rows[0].subject
    values = [row.median(figure) for row in rows]
    (line,) = axes.plot([row.events for row in rows], values, linewidth=1.4, label=subject)
    line.set(color=_COLOURS[subject], marker=_MARKERS[subject])


def short(rate: float) -> str:
    """A round number in few letters.

    >>> short(100), short(10_000)
    ('100', '10k')
    """
    return f"{rate:g}" if rate < 1000 else f"{rate / 1000:g}k"


def _rate(row: Row) -> float:
    return row.median(_RATE)


def _size(row: Row) -> int:
    return row.events
