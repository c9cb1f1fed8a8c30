"""Scaling groups, and the activities that change who is in them.

An activity takes a moment, and while it lasts the group refuses any other with ScalingActivityInProgress.
Like the edits of ALB it settles by itself: `settled` is the group as it is at a given time. Standby is no
activity. It takes effect at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sink.local.fleet.scene import Scene
from sink.local.pop.errors import PopError


@dataclass(frozen=True)
class Member:
    """An instance in a scaling group."""

    instance_id: str
    creation_type: str = "Attached"
    """`AutoCreated` or `Attached`."""
    lifecycle_state: str = "InService"
    """`InService`, `Standby`, or `Removing` until the activity ends."""


@dataclass(frozen=True)
class ScalingGroup:
    """A scaling group."""

    scaling_group_id: str
    name: str
    region_id: str
    created_at: float
    min_size: int
    max_size: int
    members: tuple[Member, ...] = ()
    is_active: bool = True
    busy_until: float = 0.0
    """When the current activity ends, in seconds since the epoch."""


def find_scaling_group(scene: Scene, scaling_group_id: str) -> ScalingGroup:
    """The group as it is now. Raises PopError InvalidScalingGroupId.NotFound."""
    group = scene.state.shelf(ScalingGroup).find(scaling_group_id)
    if group is None:
        raise PopError(404, "InvalidScalingGroupId.NotFound", "The specified scaling group does not exist.")
    return settled(scene, group)


def settled(scene: Scene, group: ScalingGroup) -> ScalingGroup:
    """The group without members that have been removed or released."""
    over = scene.now >= group.busy_until
    left = [
        one
        for one in group.members
        if scene.find(one.instance_id) and not (over and one.lifecycle_state == "Removing")
    ]
    return replace(group, members=tuple(left))


def check_idle(scene: Scene, group: ScalingGroup) -> None:
    """Raise PopError if the group is inactive or in the middle of an activity."""
    if not group.is_active:
        text = "The current status of the specified scaling group does not support this action."
        raise PopError(400, "IncorrectScalingGroupStatus", text)
    if scene.now < group.busy_until:
        text = "You cannot perform the action: a scaling activity of the group is in progress."
        raise PopError(400, "ScalingActivityInProgress", text)


def begin_activity(scene: Scene, group: ScalingGroup) -> ScalingGroup:
    """The group with an activity that begins now. Raises PopError if it cannot."""
    check_idle(scene, group)
    return replace(group, busy_until=scene.now + scene.rates.configuring_seconds)


def keep(scene: Scene, group: ScalingGroup) -> None:
    """Remember the group as it is now."""
    scene.state.shelf(ScalingGroup).keep(group.scaling_group_id, group)


def drop_member(scene: Scene, instance_id: str) -> None:
    """Take a released instance out of its group."""
    for group in scene.state.shelf(ScalingGroup).mentioning(instance_id):
        left = tuple(one for one in group.members if one.instance_id != instance_id)
        keep(scene, replace(group, members=left))
