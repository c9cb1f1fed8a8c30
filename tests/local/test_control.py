"""The pages that are ours."""

from __future__ import annotations

from collections.abc import Callable

from mns.account import Account
from mns.queue import QueueMeta

from tests.local.conftest import RunningCloud
from tests.local.test_faults import Control, control

__all__ = ["control"]


def test_the_last_requests_are_told(
    cloud: RunningCloud, control: Control, mns_account: Callable[..., Account]
) -> None:
    """Service, operation and resource in the vendor's words, status and time."""
    mns_account(cloud.url).get_queue("events").create(QueueMeta())
    (exchange,) = control("GET", "requests")[1]
    told = {name: exchange[name] for name in ("service", "operation", "status", "resource")}
    expected = {
        "service": "mns",
        "operation": "CreateQueue",
        "status": 201,
        "resource": "127.0.0.1/queues/events",
    }
    assert told == expected


def test_the_status_counts_requests(
    cloud: RunningCloud, control: Control, mns_account: Callable[..., Account]
) -> None:
    """One number per service."""
    mns_account(cloud.url).list_queue()
    assert control("GET", "")[1]["requests"] == {"mns": 1}


def test_an_unknown_page_is_refused(control: Control) -> None:
    """404, and not an answer of some service."""
    assert control("GET", "nothing")[0] == 404
