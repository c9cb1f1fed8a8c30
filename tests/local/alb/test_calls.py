"""Server groups of ALB and NLB: edits are jobs, and one group takes one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, acs_client, refused

BUSY = {"alb": "IncorrectStatus.ServerGroup", "nlb": "Conflict.Lock"}


@pytest.fixture(params=["alb", "nlb"])
def api(cloud: RunningCloud, request: pytest.FixtureRequest) -> Api:
    return Api(cloud.url, request.param, acs_client())


@pytest.fixture
def stage(cloud: RunningCloud) -> Stage:
    return Stage(cloud.url)


@pytest.fixture
def group_id(api: Api) -> str:
    found: str = api("CreateServerGroup", ServerGroupName="g")["ServerGroupId"]
    return found


def server(server_id: str, port: int = 80, **fields: Any) -> dict[str, Any]:
    """One server as parameters."""
    named = {"ServerId": server_id, "ServerType": "Ecs", "Port": port, **fields}
    return {f"Servers.1.{name}": value for name, value in named.items()}


def shown(api: Api, group_id: str) -> list[tuple[str, int, int, str]]:
    found = api("ListServerGroupServers", ServerGroupId=group_id)["Servers"]
    return [(one["ServerId"], one["Port"], one["Weight"], one["Status"]) for one in found]


def state(api: Api, group_id: str) -> str:
    found = api("ListServerGroups", {"ServerGroupIds.1": group_id})["ServerGroups"]
    status: str = found[0]["ServerGroupStatus"]
    return status


@pytest.fixture
def server_id(cloud: RunningCloud, api: Api, stage: Stage, group_id: str) -> str:
    """An instance that serves in the group."""
    instance_id = stage.instance()
    api("AddServersToServerGroup", server(instance_id), ServerGroupId=group_id)
    cloud.clock.forward(2)
    return instance_id


def test_a_new_server_is_adding_then_available(
    cloud: RunningCloud, api: Api, stage: Stage, group_id: str
) -> None:
    """The answer comes before the effect."""
    instance_id = stage.instance()
    api("AddServersToServerGroup", server(instance_id), ServerGroupId=group_id)
    statuses = [(shown(api, group_id)[0][3], state(api, group_id))]
    cloud.clock.forward(2)
    statuses.append((shown(api, group_id)[0][3], state(api, group_id)))
    assert statuses == [("Adding", "Configuring"), ("Available", "Available")]


def test_a_server_is_removing_then_gone(cloud: RunningCloud, api: Api, group_id: str, server_id: str) -> None:
    """Poll until it is no longer listed."""
    api("RemoveServersFromServerGroup", server(server_id), ServerGroupId=group_id)
    during = shown(api, group_id)
    cloud.clock.forward(2)
    assert (during, shown(api, group_id)) == ([(server_id, 80, 100, "Removing")], [])


def test_a_weight_is_set(cloud: RunningCloud, api: Api, group_id: str, server_id: str) -> None:
    """Zero drains."""
    api("UpdateServerGroupServersAttribute", server(server_id, Weight=0), ServerGroupId=group_id)
    cloud.clock.forward(2)
    assert shown(api, group_id) == [(server_id, 80, 0, "Available")]


def test_a_group_takes_one_edit_at_a_time(api: Api, group_id: str, server_id: str) -> None:
    """409 with the product's own code."""
    api("UpdateServerGroupServersAttribute", server(server_id, Weight=0), ServerGroupId=group_id)
    with refused(BUSY[api.product], 409):
        api("RemoveServersFromServerGroup", server(server_id), ServerGroupId=group_id)


def test_a_repeated_token_does_nothing_again(api: Api, group_id: str, server_id: str) -> None:
    """The same job, and no conflict with itself."""
    remove = {**server(server_id), "ServerGroupId": group_id, "ClientToken": "once"}
    jobs = [api("RemoveServersFromServerGroup", remove)["JobId"] for _ in range(2)]
    assert jobs[0] == jobs[1]


def test_a_token_is_good_for_one_thing(api: Api, group_id: str, server_id: str) -> None:
    """400 IdempotentParameterMismatch."""
    token = {"ServerGroupId": group_id, "ClientToken": "once"}
    api("UpdateServerGroupServersAttribute", {**server(server_id, Weight=0), **token})
    with refused("IdempotentParameterMismatch", 400):
        api("UpdateServerGroupServersAttribute", {**server(server_id, Weight=1), **token})


def test_a_dry_run_changes_nothing(api: Api, group_id: str, server_id: str) -> None:
    """400 DryRunOperation."""
    with refused("DryRunOperation", 400):
        api("RemoveServersFromServerGroup", server(server_id), ServerGroupId=group_id, DryRun=True)
    assert len(shown(api, group_id)) == 1


@pytest.mark.parametrize("action", ["RemoveServersFromServerGroup", "UpdateServerGroupServersAttribute"])
def test_a_pair_that_is_not_there_is_not_found(api: Api, group_id: str, server_id: str, action: str) -> None:
    """Unlike CLB, the newer products do not pass over a wrong port."""
    with refused("ResourceNotFound.BackendServer", 404):
        api(action, server(server_id, 81), ServerGroupId=group_id)


def test_a_group_that_is_not_there_is_not_found(api: Api) -> None:
    """404 ResourceNotFound.ServerGroup."""
    with refused("ResourceNotFound.ServerGroup", 404):
        api("ListServerGroupServers", ServerGroupId="sgp-none")


def test_groups_of_the_other_product_are_not_shown(cloud: RunningCloud, api: Api, group_id: str) -> None:
    """ALB and NLB know nothing of each other."""
    other = Api(cloud.url, "nlb" if api.product == "alb" else "alb", acs_client())
    assert other("ListServerGroups")["ServerGroups"] == []


def test_listings_page_by_token(api: Api) -> None:
    """Every group once, and no token after the last."""
    made = {api("CreateServerGroup", ServerGroupName=f"g{number}")["ServerGroupId"] for number in range(5)}
    found, token = [], ""
    while token is not None:
        page = api("ListServerGroups", MaxResults=2, NextToken=token)
        found += [one["ServerGroupId"] for one in page["ServerGroups"]]
        token = page.get("NextToken")
    assert (sorted(made), 5) == (sorted(found), page["TotalCount"])


def test_a_job_of_nlb_succeeds(cloud: RunningCloud, stage: Stage) -> None:
    """Processing, then Succeeded."""
    nlb = Api(cloud.url, "nlb", acs_client())
    group_id = nlb("CreateServerGroup", ServerGroupName="g")["ServerGroupId"]
    job_id = nlb("AddServersToServerGroup", server(stage.instance()), ServerGroupId=group_id)["JobId"]
    statuses = [nlb("GetJobStatus", JobId=job_id)["Status"]]
    cloud.clock.forward(2)
    statuses.append(nlb("GetJobStatus", JobId=job_id)["Status"])
    assert statuses == ["Processing", "Succeeded"]


def test_a_job_of_alb_is_listed(cloud: RunningCloud, stage: Stage) -> None:
    """With its API and the group."""
    alb = Api(cloud.url, "alb", acs_client())
    group_id = alb("CreateServerGroup", ServerGroupName="g")["ServerGroupId"]
    job_id = alb("AddServersToServerGroup", server(stage.instance()), ServerGroupId=group_id)["JobId"]
    (job,) = alb("ListAsynJobs", {"JobIds.1": job_id})["Jobs"]
    assert (job["ApiName"], job["ResourceId"]) == ("AddServersToServerGroup", group_id)
