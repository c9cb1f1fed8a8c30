"""What every answer of MNS has in common."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta

from tests.local.conftest import RunningCloud


def test_a_message_goes_in_and_comes_out(cloud: RunningCloud, mns_account: Callable[..., Account]) -> None:
    """What the official client sends, the official client receives."""
    queue = mns_account(cloud.url).get_queue("events")
    queue.create(QueueMeta())
    queue.send_message(Message("a body"))
    assert queue.receive_message().message_body == b"a body"


def test_an_unknown_queue_is_refused(cloud: RunningCloud, mns_account: Callable[..., Account]) -> None:
    """QueueNotExist, as the vendor names it."""
    with pytest.raises(MNSServerException) as refused:
        mns_account(cloud.url).get_queue("nowhere").send_message(Message("a body"))
    assert refused.value.type == "QueueNotExist"
