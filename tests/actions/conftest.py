"""The cloud that actions are tested on: without faults at the beginning of each test, and in stock."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sink.testing import EmbeddedCloud
from tests.testing.conftest import lively_cloud

__all__ = ["healthy_cloud", "lively_cloud"]


@pytest.fixture
def healthy_cloud(lively_cloud: EmbeddedCloud) -> Iterator[EmbeddedCloud]:
    """The cloud of the file, made well again after the test."""
    yield lively_cloud
    lively_cloud.heal()
    lively_cloud.market(out_of_stock=[], spot_prices={}, instance_quota=None, insufficient_balance=False)
