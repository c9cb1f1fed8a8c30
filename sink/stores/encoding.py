"""Records as PutLogs takes them: a LogGroup in protobuf, of logs that are encoded already (`sink.events`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sink.events import Record
from sink.events.encoding import varint

SOURCE = "ecs-event-sink"
"""What stands in `__source__`."""
OLDEST_SECONDS = 168 * 3600 - 600
"""SLS takes log times of the last 168 h; ten minutes are left for the way and for clocks that differ."""
NEWEST_SECONDS = 600
"""And up to 15 min ahead; likewise."""
_LOGS, _TOPIC, _SOURCE = b"\x0a", b"\x1a", b"\x22"
"""Tags of the fields: number and kind in a byte."""


def log_group(topic: str, records: Sequence[Record], *, now: float) -> bytes:
    """One PutLogs call's worth.

    A log time outside SLS's window would have the whole group refused, so it is moved to the window's
    edge; the true time stands in the record as `event_time_ms`.
    """
    oldest, newest = int(now) - OLDEST_SECONDS, int(now) + NEWEST_SECONDS
    parts: list[bytes] = []
    for record in records:
        seconds = min(max(record.time, oldest), newest)
        time = _time_begun(seconds & 0x3FFF) + varint(seconds >> 14)
        parts += (_LOGS, varint(len(time) + len(record.contents)), time, record.contents)
    for tag, text in ((_TOPIC, topic.encode()), (_SOURCE, SOURCE.encode())):
        parts += (tag, varint(len(text)), text)
    return b"".join(parts)


@lru_cache(maxsize=1 << 14)
def _time_begun(low: int) -> bytes:
    """A time's tag and its low 14 bits. The high ones, which `varint` writes, are the same for hours."""
    return bytes((8, low & 127 | 128, low >> 7 | 128))
