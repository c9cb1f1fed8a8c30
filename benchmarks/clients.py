"""The official SDKs' clients, as the benchmarks need them.

A LogClient has to be told that a loopback server is an address, and neither SDK closes its connection by
itself: a rival leaves that to the end of its process, everybody else opens clients in a `with` block.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from aliyun.log import LogClient
from mns.account import Account
from mns.queue import Queue

from benchmarks.place import QUEUE, REGION


def log_client(url: str, key_id: str, secret: str) -> LogClient:
    """The SDK's client. Against Alibaba Cloud the constructor alone would do."""
    client = LogClient(url, key_id, secret, source="benchmark", auth_version="v4", region=REGION)
    # The SDK looks for an address with scheme and port still on it, and so never finds one.
    client._isRowIp = True
    return client


@contextmanager
def open_log_client(url: str, key_id: str, secret: str) -> Iterator[LogClient]:
    """A client of SLS while the block runs."""
    client = log_client(url, key_id, secret)
    try:
        yield client
    finally:
        client._session.close()


@contextmanager
def open_queue(url: str, key_id: str, secret: str) -> Iterator[Queue]:
    """The queue, by a client of its own, while the block runs."""
    account = Account(url, key_id, secret)
    try:
        yield account.get_queue(QUEUE)
    finally:
        account.get_client().close_connection()


def log_time(event_time: str) -> int:
    """CloudMonitor's time of an event, in seconds since the epoch.

    >>> log_time("20231115T061320.000+0800")
    1700000000
    """
    return int(datetime.fromisoformat(event_time).timestamp())
