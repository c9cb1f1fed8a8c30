"""Injected faults, as an official client meets them."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aliyun.log import LogClient, LogException
from mns.account import Account
from mns.mns_exception import MNSClientNetworkException, MNSServerException
from mns.queue import Message, Queue, QueueMeta

from tests.local.conftest import RunningCloud

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated:DeprecationWarning")
"""The SDK deprecates `active_messages`, the only way to look without touching."""


class Control:
    """The pages under /_local/."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)

    def __call__(self, method: str, page: str, body: object = None) -> Any:
        self._connection.request(method, f"/_local/{page}", json.dumps(body) if body else None)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def control(cloud: RunningCloud) -> Iterator[Control]:
    opened = Control(cloud.url)
    yield opened
    opened.close()


@pytest.fixture
def queue(cloud: RunningCloud, mns_account: Callable[..., Account]) -> Queue:
    queue = mns_account(cloud.url).get_queue("events")
    queue.create(QueueMeta())
    return queue


def test_an_error_comes_in_the_shape_of_the_product(control: Control, queue: Queue) -> None:
    """The official client reads status, code and text out of it."""
    fault = {"match": "mns:SendMessage", "status": 503, "code": "ServerBusy", "message": "not now"}
    assert control("POST", "faults", fault)[0] == 201
    with pytest.raises(MNSServerException) as refused:
        queue.send_message(Message("a body"))
    assert (refused.value.type, refused.value.message) == ("ServerBusy", "not now")


def test_each_product_has_its_own_shape(
    cloud: RunningCloud, control: Control, log_client: Callable[..., LogClient]
) -> None:
    """The official SLS client reads its errors, too."""
    fault = {"match": "sls:GetProject", "status": 403, "code": "ProjectForbidden", "message": "not now"}
    control("POST", "faults", fault)
    with pytest.raises(LogException) as refused:
        log_client(cloud.url).get_project("events")
    assert (refused.value.get_error_code(), refused.value.get_error_message()) == (
        "ProjectForbidden",
        "not now",
    )


def test_an_error_spares_the_effect(control: Control, queue: Queue) -> None:
    """The operation was not carried out."""
    control("POST", "faults", {"match": "mns:SendMessage", "status": 503})
    with pytest.raises(MNSServerException):
        queue.send_message(Message("a body"))
    assert queue.get_attributes().active_messages == 0


def test_an_error_after_the_effect_hides_it(control: Control, queue: Queue) -> None:
    """The operation was carried out, only its answer is wrong."""
    control("POST", "faults", {"match": "mns:SendMessage", "status": 503, "after_effect": True})
    with pytest.raises(MNSServerException):
        queue.send_message(Message("a body"))
    assert queue.get_attributes().active_messages == 1


def test_a_reset_closes_without_an_answer(control: Control, queue: Queue) -> None:
    """The client sees a closed connection, twice: Python's SDK silently tries once more."""
    control("POST", "faults", {"match": "mns:SendMessage", "reset": True})
    with pytest.raises(MNSClientNetworkException, match="Remote end closed connection without response"):
        queue.send_message(Message("a body"))
    assert queue.get_attributes().active_messages == 0


def test_a_lost_answer_doubles_a_send(control: Control, queue: Queue) -> None:
    """Reset after the effect: the SDK's silent second try makes two messages of one, as in reality."""
    control("POST", "faults", {"match": "mns:SendMessage", "reset": True, "after_effect": True, "times": 1})
    queue.send_message(Message("a body"))
    assert queue.get_attributes().active_messages == 2


def test_a_truncated_answer_promises_more(control: Control, queue: Queue) -> None:
    """The operation was carried out; the client misses the rest of what Content-Length promised."""
    control("POST", "faults", {"match": "mns:SendMessage", "truncate": 10})
    with pytest.raises(MNSClientNetworkException, match="IncompleteRead"):
        queue.send_message(Message("a body"))
    assert queue.get_attributes().active_messages == 1


def test_a_delay_holds_the_answer_up(control: Control, queue: Queue) -> None:
    """The answer is right, and late."""
    control("POST", "faults", {"match": "mns:SendMessage", "delay_seconds": 0.3})
    started = time.monotonic()
    queue.send_message(Message("a body"))
    assert time.monotonic() - started >= 0.3


def test_times_ends_a_fault(control: Control, queue: Queue) -> None:
    """After so many strikes the calls go through."""
    control("POST", "faults", {"match": "mns:*", "status": 500, "times": 2})
    for _ in range(2):
        with pytest.raises(MNSServerException):
            queue.get_attributes()
    assert queue.get_attributes().active_messages == 0


def test_every_spares_the_calls_between(control: Control, queue: Queue) -> None:
    """`every: 2` strikes the second, the fourth, …"""
    control("POST", "faults", {"match": "*", "status": 500, "every": 2})
    queue.get_attributes()
    with pytest.raises(MNSServerException):
        queue.get_attributes()
    queue.get_attributes()


@pytest.mark.parametrize(
    "rule", [{"match": "sls:*"}, {"match": "mns:Send*"}, {"match": "*", "resource": "queues/b"}]
)
def test_a_rule_spares_what_it_does_not_name(control: Control, queue: Queue, rule: dict[str, str]) -> None:
    """Service, operation and resource must all fit."""
    control("POST", "faults", {**rule, "status": 500})
    assert queue.get_attributes().active_messages == 0


def test_faults_can_be_ended(control: Control, queue: Queue) -> None:
    """DELETE ends all rules at once."""
    control("POST", "faults", {"match": "*", "status": 500})
    assert [fault["match"] for fault in control("GET", "faults")[1]] == ["*"]
    assert control("DELETE", "faults")[0] == 204
    assert queue.get_attributes().active_messages == 0


@pytest.mark.parametrize(
    "rule",
    [{"match": "*"}, {"status": 500}, {"match": "*", "status": 200}, {"match": "*", "reset": True, "x": 1}],
)
def test_a_faulty_rule_is_refused(control: Control, rule: dict[str, object]) -> None:
    """Unknown keys and rules without effect are mistakes of the test that posts them."""
    assert control("POST", "faults", rule)[0] == 400
