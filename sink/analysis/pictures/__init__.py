"""Pictures of lifetimes, interruptions and restarts: frames in, matplotlib figures out.

The notebooks call them, and so does who writes one of their own. None opens a window, keeps a figure open
or changes matplotlib's settings: what comes back is a `Figure` to show or to save. Every one names its
number of lives or events, its hours, the zone of its clocks and `as_of`, because a picture is looked at
without the notebook around it. Colours are those of Okabe and Ito or viridis, always with a second sign
(hatch, marker, line style), so that they can be told apart in grey print and by the colour-blind.

`page.py` holds what they share; each other module draws one kind.
"""

from sink.analysis.pictures.curves import incidence_curves, survival_curves
from sink.analysis.pictures.fleet import lifetime_lanes, running_stack
from sink.analysis.pictures.page import Page
from sink.analysis.pictures.rates import rate_forest, week_map
from sink.analysis.pictures.waits import notice_histogram, restart_ladder

__all__ = [
    "Page",
    "incidence_curves",
    "lifetime_lanes",
    "notice_histogram",
    "rate_forest",
    "restart_ladder",
    "running_stack",
    "survival_curves",
    "week_map",
]
