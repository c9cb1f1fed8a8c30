"""CLB as its official client meets it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, acs_client


@pytest.fixture
def slb(cloud: RunningCloud) -> Api:
    return Api(cloud.url, "slb", acs_client())


@pytest.fixture
def stage(cloud: RunningCloud) -> Stage:
    return Stage(cloud.url)


@pytest.fixture
def balancer(slb: Api) -> str:
    """The id of a balancer without anything behind it."""
    balancer_id: str = slb("CreateLoadBalancer", LoadBalancerName="web")["LoadBalancerId"]
    return balancer_id


def servers(*pairs: tuple[str, int], **fields: Any) -> str:
    """`BackendServers` of instances and ports, as JSON in a string."""
    return json.dumps([{"ServerId": server_id, "Port": port, **fields} for server_id, port in pairs])
