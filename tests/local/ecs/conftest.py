"""ECS as its official client meets it."""

from __future__ import annotations

import pytest

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, acs_client


@pytest.fixture
def ecs(cloud: RunningCloud) -> Api:
    return Api(cloud.url, "ecs", acs_client())


@pytest.fixture
def stage(cloud: RunningCloud) -> Stage:
    return Stage(cloud.url)
