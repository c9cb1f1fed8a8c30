"""VServer groups: pairs of server and port, edited one at a time."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from tests.local.conftest import CloudProcess, RunningCloud
from tests.local.pop_client import Api, Stage, acs_client, refused
from tests.local.slb.conftest import servers


def weights(slb: Api, group_id: str) -> dict[tuple[str, int], int]:
    found = slb("DescribeVServerGroupAttribute", VServerGroupId=group_id)["BackendServers"]["BackendServer"]
    return {(one["ServerId"], one["Port"]): one["Weight"] for one in found}


@pytest.fixture
def instance_id(stage: Stage) -> str:
    return stage.instance()


@pytest.fixture
def group_id(slb: Api, balancer: str, instance_id: str) -> str:
    """A group with one instance on two ports."""
    both = servers((instance_id, 80), (instance_id, 8080))
    made = slb("CreateVServerGroup", LoadBalancerId=balancer, VServerGroupName="g", BackendServers=both)
    found: str = made["VServerGroupId"]
    return found


def test_a_group_is_found_by_its_balancer(slb: Api, balancer: str, group_id: str) -> None:
    """Only the groups of that balancer."""
    other = slb("CreateLoadBalancer")["LoadBalancerId"]
    found = [
        [
            one["VServerGroupId"]
            for one in slb("DescribeVServerGroups", LoadBalancerId=one)["VServerGroups"]["VServerGroup"]
        ]
        for one in (balancer, other)
    ]
    assert found == [[group_id], []]


def test_a_pair_is_removed(slb: Api, group_id: str, instance_id: str) -> None:
    """The other port of the same instance stays."""
    pair = servers((instance_id, 80))
    slb("RemoveVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=pair)
    assert weights(slb, group_id) == {(instance_id, 8080): 100}


def test_a_wrong_port_is_passed_over_without_a_word(slb: Api, group_id: str, instance_id: str) -> None:
    """200, and nothing is done: as the vendor documents it."""
    pair = servers((instance_id, 81))
    answer = slb("RemoveVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=pair)
    assert len(answer["BackendServers"]["BackendServer"]) == 2


def test_single_quotes_are_taken_as_the_published_sample_writes_them(
    slb: Api, group_id: str, instance_id: str
) -> None:
    """The sample is no JSON, its ports and weights are texts, and it works."""
    text = f"[{{'ServerId':'{instance_id}','Port':'80','Weight':'0'}}]"
    slb("SetVServerGroupAttribute", VServerGroupId=group_id, BackendServers=text)
    assert weights(slb, group_id) == {(instance_id, 80): 0, (instance_id, 8080): 100}


@pytest.mark.parametrize(
    "text", ["nonsense", "{}", '[{"Port": 80}]', '[{"ServerId": "i-1", "Port": 0}]', "[1]"]
)
def test_what_is_no_list_of_backends_is_malformed(slb: Api, group_id: str, text: str) -> None:
    """400 BackendServersMalformed."""
    with refused("BackendServersMalformed", 400):
        slb("AddVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=text)


def test_twenty_one_servers_are_too_many(slb: Api, group_id: str) -> None:
    """400 TooManyBackendServers."""
    many = servers(*((f"i-{number}", 80) for number in range(21)))
    with refused("TooManyBackendServers", 400):
        slb("RemoveVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=many)


def test_a_balancer_takes_one_edit_at_a_time(
    slb: Api, balancer: str, group_id: str, instance_id: str
) -> None:
    """409 BackendServer.configuring, also for another group of the same balancer."""
    pair = servers((instance_id, 80), Weight=0)
    slb("SetVServerGroupAttribute", VServerGroupId=group_id, BackendServers=pair)
    with refused("BackendServer.configuring", 409):
        slb(
            "AddBackendServers",
            LoadBalancerId=balancer,
            BackendServers=json.dumps([{"ServerId": instance_id}]),
        )


def test_an_edit_settles(cloud: RunningCloud, slb: Api, group_id: str, instance_id: str) -> None:
    """A moment later the next one is taken."""
    pair = servers((instance_id, 80), Weight=0)
    slb("SetVServerGroupAttribute", VServerGroupId=group_id, BackendServers=pair)
    cloud.clock.forward(2)
    slb("RemoveVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=pair)
    assert weights(slb, group_id) == {(instance_id, 8080): 100}


def test_other_balancers_can_be_edited_meanwhile(slb: Api, group_id: str, instance_id: str) -> None:
    """Only edits of one balancer wait for each other."""
    pair = servers((instance_id, 80), Weight=0)
    slb("SetVServerGroupAttribute", VServerGroupId=group_id, BackendServers=pair)
    other = slb("CreateLoadBalancer")["LoadBalancerId"]
    added = slb(
        "AddBackendServers", LoadBalancerId=other, BackendServers=json.dumps([{"ServerId": instance_id}])
    )
    assert len(added["BackendServers"]["BackendServer"]) == 1


@pytest.mark.parametrize("action", ["AddVServerGroupBackendServers", "SetVServerGroupAttribute"])
def test_a_backend_that_does_not_run_has_no_address(
    slb: Api, stage: Stage, group_id: str, instance_id: str, action: str
) -> None:
    """400 ObtainIpFail, for a new server and for the weight of an old one."""
    stage("PATCH", f"instances/{instance_id}", state="Stopped")
    with refused("ObtainIpFail", 400):
        slb(action, VServerGroupId=group_id, BackendServers=servers((instance_id, 80), Weight=0))


def test_a_backend_that_does_not_run_can_be_removed(
    slb: Api, stage: Stage, group_id: str, instance_id: str
) -> None:
    """Nothing needs its address for that."""
    stage("PATCH", f"instances/{instance_id}", state="Stopped")
    both = servers((instance_id, 80), (instance_id, 8080))
    slb("RemoveVServerGroupBackendServers", VServerGroupId=group_id, BackendServers=both)
    assert weights(slb, group_id) == {}


def test_modify_takes_the_old_out_and_the_new_in(
    slb: Api, stage: Stage, group_id: str, instance_id: str
) -> None:
    """In one edit."""
    new = stage.instance()
    change = {"OldBackendServers": servers((instance_id, 80)), "NewBackendServers": servers((new, 80))}
    slb("ModifyVServerGroupBackendServers", change, VServerGroupId=group_id)
    assert weights(slb, group_id) == {(instance_id, 8080): 100, (new, 80): 100}


def test_a_group_that_is_not_there_is_an_invalid_parameter(slb: Api) -> None:
    """404 InvalidParameter: this is what the vendor's table prints."""
    with refused("InvalidParameter", 404):
        slb("DescribeVServerGroupAttribute", VServerGroupId="rsp-none")


def test_a_released_instance_leaves_its_groups_late(
    cloud: RunningCloud, slb: Api, stage: Stage, group_id: str, instance_id: str
) -> None:
    """It is gone from ECS before it is gone from the group."""
    Api(cloud.url, "ecs", acs_client())("DeleteInstance", InstanceId=instance_id, Force=True)
    counts = []
    for seconds in (30, 60):
        cloud.clock.forward(seconds)
        counts.append(len(weights(slb, group_id)))
    assert counts == [2, 0]


def test_groups_survive_kill_9(cloud_process: Callable[..., CloudProcess]) -> None:
    """What was answered stands."""
    first = cloud_process()
    slb = Api(first.url, "slb", acs_client())
    balancer_id = slb("CreateLoadBalancer")["LoadBalancerId"]
    pair = servers((Stage(first.url).instance(), 80))
    group_id = slb("CreateVServerGroup", LoadBalancerId=balancer_id, BackendServers=pair)["VServerGroupId"]
    first.kill()
    second = Api(cloud_process().url, "slb", acs_client())
    assert len(weights(second, group_id)) == 1
