"""What both rivals on the official SDKs need: a LogClient that finds a loopback server, and a log's time."""

from __future__ import annotations

from datetime import datetime

from aliyun.log import LogClient

from benchmarks.place import REGION


def log_client(url: str, key_id: str, secret: str) -> LogClient:
    """The SDK's client. Against Alibaba Cloud the constructor alone would do."""
    client = LogClient(url, key_id, secret, source="benchmark", auth_version="v4", region=REGION)
    # The SDK looks for an address with scheme and port still on it, and so never finds one.
    client._isRowIp = True
    return client


def log_time(event_time: str) -> int:
    """CloudMonitor's time of an event, in seconds since the epoch.

    >>> log_time("20231115T061320.000+0800")
    1700000000
    """
    return int(datetime.fromisoformat(event_time).timestamp())
