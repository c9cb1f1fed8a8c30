"""What can be set for `slb_removal`, in `[action.slb_removal]`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sink.action import Options


def _split(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


class SlbRemovalOptions(Options):
    """`[action.slb_removal]`: take an instance out of its load balancers before it is reclaimed."""

    groups: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    """Only these groups, by id; a CLB's id is its default group. Empty: all groups."""
    drain_seconds: float = Field(120.0, ge=0, le=300)
    """How long its connections are given to end, at weight 0."""
    drain_share: float = Field(0.6, gt=0, le=0.9)
    """Share of what is left of the notice after which it is removed, however many are left."""
    idle_connections: int = Field(2, ge=0)
    """So few TCP connections are none: those of agents and of health checks."""
    scaling_groups: Literal["standby", "leave", "remove"] = "standby"
    """Instances of a scaling group: put on standby first, left to Auto Scaling, or treated as any other."""
    maintenance: bool = False
    """Whether an instance has weight 0 while planned maintenance is executed on it."""
    failures: bool = False
    """Whether an instance has weight 0 while the platform recovers it from a failure of its host."""
    restore_within_minutes: float = Field(60.0, gt=0, le=720)
    """How long maintenance or recovery may take until its weights are left to you, with an alarm."""
