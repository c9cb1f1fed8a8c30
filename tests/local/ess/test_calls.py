"""Scaling groups hold instances, and do one thing at a time."""

from __future__ import annotations

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, acs_client, refused
from tests.local.slb.conftest import servers


@pytest.fixture
def ess(cloud: RunningCloud) -> Api:
    return Api(cloud.url, "ess", acs_client())


@pytest.fixture
def stage(cloud: RunningCloud) -> Stage:
    return Stage(cloud.url)


@pytest.fixture
def group_id(ess: Api) -> str:
    found: str = ess("CreateScalingGroup", ScalingGroupName="g", MinSize=1, MaxSize=3)["ScalingGroupId"]
    return found


@pytest.fixture
def members(cloud: RunningCloud, ess: Api, stage: Stage, group_id: str) -> list[str]:
    """Two instances in the group, whose attaching is over."""
    ids = [stage.instance(), stage.instance()]
    ess("AttachInstances", _named(ids), ScalingGroupId=group_id)
    cloud.clock.forward(2)
    return ids


def _named(ids: list[str]) -> dict[str, str]:
    return {f"InstanceId.{number}": one for number, one in enumerate(ids, start=1)}


def states(ess: Api, group_id: str) -> dict[str, str]:
    found = ess("DescribeScalingInstances", ScalingGroupId=group_id)["ScalingInstances"]["ScalingInstance"]
    return {one["InstanceId"]: one["LifecycleState"] for one in found}


def test_the_group_of_an_instance_is_found(ess: Api, group_id: str, members: list[str]) -> None:
    """By the instance's id alone; None for one that is in no group."""
    found = ess("DescribeScalingInstances", _named(members[:1]))["ScalingInstances"]["ScalingInstance"]
    assert [(one["ScalingGroupId"], one["InstanceId"]) for one in found] == [(group_id, members[0])]
    assert ess("DescribeScalingInstances", {"InstanceId.1": "i-other"})["TotalCount"] == 0


def test_standby_is_entered_and_left(ess: Api, group_id: str, members: list[str]) -> None:
    """The instance stays in the group."""
    ess("EnterStandby", _named(members[:1]), ScalingGroupId=group_id)
    during = states(ess, group_id)
    ess("ExitStandby", _named(members[:1]), ScalingGroupId=group_id)
    expected = dict.fromkeys(members, "InService")
    assert (during, states(ess, group_id)) == (expected | {members[0]: "Standby"}, expected)


def test_standby_drains_and_detaching_takes_out(
    cloud: RunningCloud, ess: Api, group_id: str, members: list[str]
) -> None:
    """In every group of a balancer that the instance serves in."""
    slb = Api(cloud.url, "slb", acs_client())
    pairs = servers(*((one, 80) for one in members))
    balancer = slb("CreateLoadBalancer")["LoadBalancerId"]
    serving = slb("CreateVServerGroup", LoadBalancerId=balancer, BackendServers=pairs)["VServerGroupId"]

    def weights() -> dict[str, int]:
        shown = slb("DescribeVServerGroupAttribute", VServerGroupId=serving)["BackendServers"]
        return {one["ServerId"]: one["Weight"] for one in shown["BackendServer"]}

    ess("EnterStandby", _named(members[:1]), ScalingGroupId=group_id)
    drained = weights()
    ess("DetachInstances", _named(members[:1]), ScalingGroupId=group_id)
    assert (drained, weights()) == ({members[0]: 0, members[1]: 100}, {members[1]: 100})


def test_a_detached_instance_lives_on(
    cloud: RunningCloud, ess: Api, group_id: str, members: list[str]
) -> None:
    """Out of the group after a moment, and still running."""
    ess("DetachInstances", _named(members[:1]), ScalingGroupId=group_id)
    during = states(ess, group_id)[members[0]]
    cloud.clock.forward(2)
    ecs = Api(cloud.url, "ecs", acs_client())
    assert (during, list(states(ess, group_id))) == ("Removing", members[1:])
    assert ecs("DescribeInstances")["TotalCount"] == 2


def test_a_group_does_one_thing_at_a_time(ess: Api, group_id: str, members: list[str]) -> None:
    """400 ScalingActivityInProgress."""
    ess("DetachInstances", _named(members[:1]), ScalingGroupId=group_id)
    with refused("ScalingActivityInProgress", 400):
        ess("EnterStandby", _named(members[1:]), ScalingGroupId=group_id)


@pytest.mark.parametrize("action", ["DetachInstances", "RemoveInstances"])
def test_a_group_does_not_fall_below_its_least_size(
    ess: Api, group_id: str, members: list[str], action: str
) -> None:
    """400 IncorrectCapacity.MinSize."""
    with refused("IncorrectCapacity.MinSize", 400):
        ess(action, _named(members), ScalingGroupId=group_id)


def test_a_group_does_not_grow_above_its_greatest_size(
    ess: Api, stage: Stage, group_id: str, members: list[str]
) -> None:
    """400 IncorrectCapacity.MaxSize."""
    with refused("IncorrectCapacity.MaxSize", 400):
        ess("AttachInstances", _named([stage.instance(), stage.instance()]), ScalingGroupId=group_id)


def test_groups_are_counted(ess: Api, group_id: str, members: list[str]) -> None:
    """By the states of their members."""
    ess("EnterStandby", _named(members[:1]), ScalingGroupId=group_id)
    (group,) = ess("DescribeScalingGroups", {"ScalingGroupId.1": group_id})["ScalingGroups"]["ScalingGroup"]
    counts = [group[f"{kind}Capacity"] for kind in ("Total", "Active", "Standby")]
    assert counts == [2, 1, 1]


def test_an_unknown_group_is_not_found(ess: Api) -> None:
    """404 InvalidScalingGroupId.NotFound."""
    with refused("InvalidScalingGroupId.NotFound", 404):
        ess("EnterStandby", {"InstanceId.1": "i-1"}, ScalingGroupId="asg-none")


def test_an_instance_of_another_group_is_not_found(ess: Api, group_id: str) -> None:
    """404 InvalidInstanceId.NotFound."""
    with refused("InvalidInstanceId.NotFound", 404):
        ess("EnterStandby", {"InstanceId.1": "i-1"}, ScalingGroupId=group_id)
