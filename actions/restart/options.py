"""What can be set for `restart`, in `[action.restart]`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sink.action import Options


class RestartOptions(Options):
    """`[action.restart]`: start again what stopped without a reason."""

    consult_actiontrail: bool = True
    """Whether ActionTrail is asked who ordered the stop: what tells a crash from a stop in the console."""
    actiontrail_delay_seconds: float = Field(120.0, ge=0, le=1800)
    """How long after a stop ActionTrail is asked: it hears of orders late."""
    order_minutes: float = Field(30.0, gt=0, le=1440)
    """How long before a stop an order or a notice may have been given that explains it."""
    platform_minutes: float = Field(15.0, gt=0, le=600)
    """How long the platform is given to restart an instance by itself."""
    scaling_groups: Literal["leave", "restart"] = "leave"
    """Instances of a scaling group: leave them to Auto Scaling, which replaces them, or restart them."""
    max_attempts: int = Field(3, ge=1, le=100)
    """Starts of one instance within the window, after which it is given up with an alarm."""
    attempts_window_minutes: float = Field(60.0, gt=0, le=10_080)
    """The window of max_attempts."""
    first_delay_seconds: float = Field(30.0, ge=0, le=3600)
    """Pause before the second start of an instance within the window; it doubles with each."""
    longest_delay_seconds: float = Field(600.0, ge=0, le=86_400)
    """Longest such pause."""
    watch_seconds: float = Field(300.0, ge=10, le=3600)
    """How long a started instance may take until it runs."""
    stays_seconds: float = Field(30.0, ge=0, le=3600)
    """How long it has to run until it counts as restarted."""
