"""One log as it is stored: what PutLogs brought, and what GetLogs gives back."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredLog:
    """One log of a log group.

    `time` is in seconds since the epoch, `time_ns` its nanoseconds (0 to 999 999 999) or None where
    the sender gave none. `contents` keeps the sender's order; SLS values are text.
    """

    time: int
    contents: tuple[tuple[str, str], ...]
    time_ns: int | None = None
    topic: str = ""
    source: str = ""
    tags: tuple[tuple[str, str], ...] = ()
