"""What stands between the wire and the services."""

from __future__ import annotations

import http.client
from collections.abc import Callable

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException

from tests.local.conftest import RunningCloud


def test_a_request_for_nobody_says_what_is_emulated(cloud: RunningCloud) -> None:
    """404 with a text that names the services."""
    connection = http.client.HTTPConnection(cloud.url.removeprefix("http://"), timeout=10)
    connection.request("GET", "/?Action=DescribeRegions")
    answer = connection.getresponse()
    assert answer.status == 404
    assert b"belongs to no service that this embedded cloud emulates" in answer.read()
    connection.close()


def test_a_bug_of_ours_is_the_products_internal_error(
    cloud: RunningCloud, mns_account: Callable[..., Account], caplog: pytest.LogCaptureFixture
) -> None:
    """The client gets 500 InternalError in the product's shape, the log the traceback."""
    cloud.call(cloud.cloud.mns._database.close)
    with pytest.raises(MNSServerException) as failed:
        mns_account(cloud.url).get_attributes()
    assert failed.value.type == "InternalError"
    assert "Cannot operate on a closed database" in caplog.text
