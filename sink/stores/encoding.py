"""Records as PutLogs takes them: a LogGroup in protobuf (SLS API reference, "Data encoding")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from aliyun.log.log_logs_pb2 import LogGroup

from sink.events import Record

SOURCE = "ecs-event-sink"
"""What stands in `__source__`."""
OLDEST_SECONDS = 168 * 3600 - 600
"""SLS takes log times of the last 168 h; ten minutes are left for the way and for clocks that differ."""
NEWEST_SECONDS = 600
"""And up to 15 min ahead; likewise."""


def log_group(topic: str, records: Sequence[Record], *, now: float) -> bytes:
    """One PutLogs call's worth.

    A log time outside SLS's window would have the whole group refused, so it is moved to the window's
    edge; the true time stands in the record as `event_time_ms`.
    """
    oldest, newest = int(now) - OLDEST_SECONDS, int(now) + NEWEST_SECONDS
    group = LogGroup(Topic=topic, Source=SOURCE)
    for record in records:
        log = group.Logs.add(Time=min(max(record.time, oldest), newest))
        for key, value in record.fields.items():
            log.Contents.add(Key=key, Value=value)
    return cast(bytes, group.SerializeToString())
