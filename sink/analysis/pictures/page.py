"""What all pictures share: title, caption, clocks, fonts, colours and hatches.

A picture is a function that takes frames and a `Page` and is decorated with `drawn`, which puts our style
around it and leaves matplotlib's own settings alone. `Page.figure` makes the figure with its title and
caption.

Names from the cloud may be Chinese. matplotlib takes glyphs from the first of a list of fonts that has
them, and complains about each font that is not installed, so the list is cut to those that are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import font_manager, rc_context
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure

from sink.analysis.exposure import clock

OKABE_ITO = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442", "#000000")
"""Eight colours that the colour-blind can tell apart (Okabe and Ito 2008)."""
HATCHES = ("", "///", "...", "\\\\\\", "xxx", "---", "ooo", "+++")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (8, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
GROUPS = len(OKABE_ITO)
"""No picture tells more groups apart than there are colours."""

FONTS = (
    "DejaVu Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans GB",
    "Heiti TC",
    "Microsoft YaHei",
    "SimHei",
    "Arial Unicode MS",
)
"""The first draws Latin, the others Chinese: Linux, macOS and Windows. Noto's collection shows as JP."""

_P = ParamSpec("_P")


def drawn(picture: Callable[_P, Figure]) -> Callable[_P, Figure]:
    """Draw a picture in our style; settings outside of it stay as they are."""

    @wraps(picture)
    def in_style(*args: _P.args, **options: _P.kwargs) -> Figure:
        with rc_context(_style()):
            return picture(*args, **options)

    return in_style


def _style() -> dict[Any, Any]:
    return {
        "font.family": fonts(),
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "axes.grid": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "hatch.linewidth": 0.5,
        "legend.frameon": False,
        "svg.hashsalt": "ecs-event-sink",
    }


def fonts() -> list[str]:
    """The fonts of FONTS that this machine has; matplotlib's own DejaVu Sans is always among them.

    >>> fonts()[0]
    'DejaVu Sans'
    """
    installed = set(font_manager.get_font_names())
    return [name for name in FONTS if name in installed]


@dataclass(frozen=True, slots=True)
class Page:
    """What a picture says besides its figures: the moment it holds for, and whose clocks it shows.

    >>> Page(1_795_392_000_000).moment(1_795_392_000_000)
    '2026-11-23 08:00 Asia/Shanghai'
    """

    as_of_ms: int
    """What was known at this moment, ms since 1970 UTC."""
    zone: str = "Asia/Shanghai"
    """The zone of presentation, as IANA names it. CloudMonitor stamps in Asia/Shanghai."""

    def __post_init__(self) -> None:
        """Refuse a zone that nobody knows, before anything is drawn."""
        clock(self.zone)

    def moment(self, at_ms: int) -> str:
        """A moment on this page's clocks."""
        local = pd.Timestamp(at_ms, unit="ms", tz="UTC").tz_convert(clock(self.zone))
        return f"{local:%Y-%m-%d %H:%M} {self.zone}"

    def figure(self, title: str, extent: str, size: tuple[float, float], note: str = "") -> Figure:
        """An empty figure: what it shows, of how many and how long, and as of when."""
        figure = Figure(figsize=size, layout="constrained")
        figure.suptitle(f"{title}\n{extent}", x=0.01, ha="left", fontsize=11, linespacing=1.5)
        caption = f"as of {self.moment(self.as_of_ms)}" + (f"  ·  {note}" if note else "")
        figure.supxlabel(caption, x=0.01, ha="left", fontsize=8, color="#555555")
        return figure

    def blank(self, title: str, reason: str) -> Figure:
        """The picture where there is nothing to show, and why."""
        figure = self.figure(title, "n = 0, 0 h", (8, 2.2))
        axes = figure.add_subplot()
        axes.set_axis_off()
        axes.text(0.5, 0.5, reason, ha="center", va="center", color="#555555")
        return figure

    def put_clock(self, axes: Axes) -> None:
        """Make the x axis one of dates, on this page's clocks."""
        locator = AutoDateLocator(tz=clock(self.zone), minticks=3, maxticks=9)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=clock(self.zone)))
        axes.set_xlabel(f"time, {self.zone}")


def dates(moments_ms: pd.Series | npt.NDArray[Any] | Sequence[int]) -> npt.NDArray[np.float64]:
    """Milliseconds as matplotlib's days."""
    moments = np.asarray(moments_ms, dtype=np.int64).astype("datetime64[ms]")
    return np.asarray(date2num(moments), dtype=np.float64)


def extent(count: int, noun: str, hours: float) -> str:
    """How many and how long, as every title says it.

    >>> extent(1200, "lives", 5586.5)
    'n = 1,200 lives, 5,586 h Running'
    """
    return f"n = {count:,} {noun}, {hours:,.0f} h Running"


def name_of(labels: Sequence[object]) -> str:
    """A group's name: its labels, parted by a dot.

    >>> name_of(["cn-beijing-a", "ecs.g7.large"])
    'cn-beijing-a · ecs.g7.large'
    """
    return " · ".join(map(str, labels)) or "all"
