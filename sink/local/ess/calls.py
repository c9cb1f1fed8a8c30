"""The calls of ESS, and their table.

Detaching keeps the machine. Removing releases what the group itself created, and only lets go of what was
attached to it. Neither takes a group below its MinSize. Every balancer group that a member serves in counts
as attached to the scaling group: standby sets its weights to 0 there, leaving takes it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from uuid import UUID

from sink.local.alb.server_groups import drop_server, weigh_server
from sink.local.ecs import orders
from sink.local.ess.scaling_groups import (
    Member,
    ScalingGroup,
    begin_activity,
    check_idle,
    find_scaling_group,
    keep,
    settled,
)
from sink.local.fleet.events import utc_minute
from sink.local.fleet.instances import State
from sink.local.pop.call import Call, Document, Operation, Product
from sink.local.pop.errors import PopError, missing_parameter, not_emulated
from sink.local.slb.balancers import drop_backend, weigh_backend

SERVING_WEIGHT = 50
"""The weight that a scaling configuration gives its instances behind balancers unless told otherwise."""


def create_scaling_group(call: Call) -> Document:
    """CreateScalingGroup, empty."""
    scene, name = call.scene, call.text("ScalingGroupName", "asg")
    group_id = f"asg-bp1{scene.random.getrandbits(64):016x}"
    smallest, largest = call.number("MinSize", 0, range(2001)), call.number("MaxSize", 0, range(2001))
    keep(scene, ScalingGroup(group_id, name, call.required("RegionId"), scene.now, smallest, largest))
    return {"ScalingGroupId": group_id}


def describe_scaling_groups(call: Call) -> Document:
    """DescribeScalingGroups."""
    ids, name, region_id = (
        call.listed("ScalingGroupId"),
        call.text("ScalingGroupName"),
        call.required("RegionId"),
    )
    found = [
        settled(call.scene, one)
        for one in call.scene.state.shelf(ScalingGroup).all()
        if one.region_id == region_id and (not ids or one.scaling_group_id in ids) and name in ("", one.name)
    ]
    shown = [_group_document(one, call) for one in call.page(found, largest=50)]
    return {"ScalingGroups": {"ScalingGroup": shown}, "TotalCount": len(found), **call.page_facts}


def describe_scaling_instances(call: Call) -> Document:
    """DescribeScalingInstances, of one group or of all: how to find the group of an instance."""
    group_id, ids = call.text("ScalingGroupId"), call.listed("InstanceId")
    state = call.text("LifecycleState")
    found = [
        (group, member)
        for group in (settled(call.scene, one) for one in call.scene.state.shelf(ScalingGroup).all())
        for member in group.members
        if group_id in ("", group.scaling_group_id)
        and (not ids or member.instance_id in ids)
        and state in ("", member.lifecycle_state)
    ]
    shown = [_member_document(group, member, call) for group, member in call.page(found, largest=50)]
    return {"ScalingInstances": {"ScalingInstance": shown}, "TotalCount": len(found), **call.page_facts}


def attach_instances(call: Call) -> Document:
    """AttachInstances."""
    group = begin_activity(call.scene, _group(call))
    ids = _ids(call)
    for one in ids:
        orders.check_state(orders.find(call.scene, one), State.RUNNING)
    known = {one.instance_id for one in group.members}
    new = [Member(one) for one in ids if one not in known]
    if len(group.members) + len(new) > group.max_size:
        raise PopError(400, "IncorrectCapacity.MaxSize", "The group would have more instances than MaxSize.")
    keep(call.scene, replace(group, members=(*group.members, *new)))
    return _activity(call)


def detach_instances(call: Call) -> Document:
    """DetachInstances: out of the group, and left running."""
    _take_out(call)
    return _activity(call)


def remove_instances(call: Call) -> Document:
    """RemoveInstances: out of the group, and released if the group created it."""
    if call.text("RemovePolicy", "release") != "release":
        raise not_emulated("RemoveInstances with RemovePolicy=recycle")
    for member in _take_out(call):
        if member.creation_type == "AutoCreated":
            instance = orders.find(call.scene, member.instance_id)
            orders.delete(call.scene, instance, force=True, terminate_subscription=False)
    return _activity(call)


def enter_standby(call: Call) -> Document:
    """EnterStandby: still in the group, and left alone by it."""
    return _set_state(call, "InService", "Standby", weight=0)


def exit_standby(call: Call) -> Document:
    """ExitStandby."""
    return _set_state(call, "Standby", "InService", weight=SERVING_WEIGHT)


def _set_state(call: Call, origin: str, target: str, weight: int) -> Document:
    group, ids = _group(call), _ids(call)
    check_idle(call.scene, group)
    for member in _members(group, ids):
        if member.lifecycle_state != origin:
            text = f"The lifecycle state of {member.instance_id} is {member.lifecycle_state}, not {origin}."
            raise PopError(400, "IncorrectInstanceStatus", text)
    changed = [
        replace(one, lifecycle_state=target) if one.instance_id in ids else one for one in group.members
    ]
    keep(call.scene, replace(group, members=tuple(changed)))
    for one in ids:
        weigh_backend(call.scene, one, weight)
        weigh_server(call.scene, one, weight)
    return {}


def _take_out(call: Call) -> Sequence[Member]:
    group = begin_activity(call.scene, _group(call))
    gone = _members(group, _ids(call))
    if len(group.members) - len(gone) < group.min_size:
        text = "To remove the specified instances, the total capacity will be less than the MinSize."
        raise PopError(400, "IncorrectCapacity.MinSize", text)
    left = [replace(one, lifecycle_state="Removing") if one in gone else one for one in group.members]
    keep(call.scene, replace(group, members=tuple(left)))
    for one in gone:
        drop_backend(call.scene, one.instance_id)
        drop_server(call.scene, one.instance_id)
    return gone


def _group(call: Call) -> ScalingGroup:
    return find_scaling_group(call.scene, call.required("ScalingGroupId"))


def _ids(call: Call) -> list[str]:
    ids = call.listed("InstanceId")
    if not ids:
        raise missing_parameter("InstanceId.1")
    return ids


def _members(group: ScalingGroup, ids: Sequence[str]) -> list[Member]:
    known = {one.instance_id: one for one in group.members}
    for one in ids:
        if one not in known:
            text = f"The specified instance {one} is not in the scaling group."
            raise PopError(404, "InvalidInstanceId.NotFound", text)
    return [known[one] for one in ids]


def _activity(call: Call) -> Document:
    return {"ScalingActivityId": f"asa-bp1{UUID(int=call.scene.random.getrandbits(128)).hex[:17]}"}


def _group_document(group: ScalingGroup, call: Call) -> Document:
    counts = {
        state: sum(one.lifecycle_state == state for one in group.members)
        for state in ("InService", "Standby", "Removing")
    }
    return {
        "ScalingGroupId": group.scaling_group_id,
        "ScalingGroupName": group.name,
        "RegionId": group.region_id,
        "MinSize": group.min_size,
        "MaxSize": group.max_size,
        "LifecycleState": "Active" if group.is_active else "Inactive",
        "TotalCapacity": len(group.members),
        "ActiveCapacity": counts["InService"],
        "StandbyCapacity": counts["Standby"],
        "RemovingCapacity": counts["Removing"],
        "PendingCapacity": 0,
        "CreationTime": utc_minute(group.created_at),
        "CurrentHostName": "",
        "LoadBalancerIds": {"LoadBalancerId": []},
        "VServerGroups": {"VServerGroup": []},
    }


def _member_document(group: ScalingGroup, member: Member, call: Call) -> Document:
    instance = orders.find(call.scene, member.instance_id)
    return {
        "InstanceId": member.instance_id,
        "ScalingGroupId": group.scaling_group_id,
        "LifecycleState": member.lifecycle_state,
        "HealthStatus": "Healthy" if instance.state is State.RUNNING else "Unhealthy",
        "CreationType": member.creation_type,
        "WarmupState": "NoNeedWarmup",
        "CreationTime": utc_minute(instance.creation_time),
        "SpotStrategy": instance.spot_strategy,
        "ZoneId": instance.zone_id,
        "PrivateIpAddress": instance.private_ip_address,
        "LoadBalancerWeight": 0 if member.lifecycle_state == "Standby" else SERVING_WEIGHT,
        "Entrusted": True,
    }


def named(call: Call) -> list[str]:
    """What a call concerns, for RAM."""
    return [f"scalinggroup/{call.text('ScalingGroupId', '*')}"]


ESS = Product(
    "ess",
    "2014-08-28",
    MappingProxyType(
        {
            "CreateScalingGroup": Operation(create_scaling_group, changes=True),
            "DescribeScalingGroups": Operation(describe_scaling_groups),
            "DescribeScalingInstances": Operation(describe_scaling_instances),
            "AttachInstances": Operation(attach_instances, named, changes=True),
            "DetachInstances": Operation(detach_instances, named, changes=True),
            "RemoveInstances": Operation(remove_instances, named, changes=True),
            "EnterStandby": Operation(enter_standby, named, changes=True),
            "ExitStandby": Operation(exit_standby, named, changes=True),
        }
    ),
    denial=(
        403,
        "Forbidden.Unauthorized",
        "A required authorization for the specified action is not supplied.",
    ),
)
