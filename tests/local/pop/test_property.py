"""Whatever is sent is signed alike on both sides, and groups hold what was put into them."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.local.conftest import RunningCloud, running_cloud
from tests.local.pop_client import Api, Stage, acs_client

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=40)
EDITS = st.lists(
    st.tuples(st.sampled_from(["Add", "Remove", "Set"]), st.integers(0, 2), st.sampled_from([80, 81])),
    max_size=8,
)
QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud")) as running:
        yield running


@QUICK
@given(name=TEXTS, key=TEXTS)
def test_any_text_can_be_sent(cloud: RunningCloud, name: str, key: str) -> None:
    """As a value and within a structure: the signature is good."""
    sent = {"InstanceName": name, "Tag.1.Key": key}
    assert Api(cloud.url, "ecs", acs_client())("DescribeInstances", sent)["TotalCount"] == 0


@QUICK
@given(edits=EDITS)
def test_a_group_holds_what_its_edits_leave(cloud: RunningCloud, edits: list[tuple[str, int, int]]) -> None:
    """Adding keeps what is there, removing and setting pass over what is not."""
    slb, stage = Api(cloud.url, "slb", acs_client()), Stage(cloud.url)
    instances = [stage.instance(zone_id="cn-beijing-h") for _ in range(3)]
    group_id = slb("CreateVServerGroup", LoadBalancerId=slb("CreateLoadBalancer")["LoadBalancerId"])[
        "VServerGroupId"
    ]
    expected: dict[tuple[str, int], int] = {}
    for edit, number, port in edits:
        pair = (instances[number], port)
        if edit == "Add":
            expected.setdefault(pair, 7)
        elif edit == "Remove":
            expected.pop(pair, None)
        elif pair in expected:
            expected[pair] = 0
        _edit(slb, group_id, edit, pair)
        cloud.clock.forward(2)
    found = slb("DescribeVServerGroupAttribute", VServerGroupId=group_id)["BackendServers"]["BackendServer"]
    assert expected == {(one["ServerId"], one["Port"]): one["Weight"] for one in found}


def _edit(slb: Api, group_id: str, edit: str, pair: tuple[str, int]) -> None:
    action = "SetVServerGroupAttribute" if edit == "Set" else f"{edit}VServerGroupBackendServers"
    weight = {"Add": 7, "Remove": 100, "Set": 0}[edit]
    backend = {"ServerId": pair[0], "Port": pair[1], "Weight": weight}
    slb(action, VServerGroupId=group_id, BackendServers=json.dumps([backend]))
