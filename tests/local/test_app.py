"""What stands between the wire and the services."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.request import CommonRequest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta

from sink.local.fleets import FleetPlan
from tests.local.conftest import RunningCloud, running_cloud
from tests.local.pop_client import acs_client


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


def test_a_fleet_without_a_queue_complains_once(
    tmp_path: Path, mns_account: Callable[..., Account], caplog: pytest.LogCaptureFixture
) -> None:
    """Its events are dropped as CloudMonitor drops them, with one line for all, until there is a queue."""
    plan = FleetPlan(size=20, speed=3600, queue="late", random=Random(1))
    with running_cloud(tmp_path, fleet=plan) as cloud:
        _until(lambda: "fleet events dropped: late" in caplog.text)
        queue = mns_account(cloud.url).get_queue("late")
        queue.create(QueueMeta())
        assert b"ECS" in queue.receive_message(20).message_body
    assert caplog.text.count("fleet events dropped") == 1


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_product_that_is_not_emulated_is_refused_in_the_words_of_pop(cloud: RunningCloud) -> None:
    """404 InvalidAction.NotFound, which the official client raises with its code."""
    request = CommonRequest(
        domain=cloud.url.removeprefix("http://"), version="2016-04-28", action_name="DescribeVpcs"
    )
    with pytest.raises(ServerException, match="DescribeVpcs of API version 2016-04-28") as refused:
        acs_client().do_action_with_exception(request)
    assert refused.value.get_error_code() == "InvalidAction.NotFound"
