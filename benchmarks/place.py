"""Where a rival works: the address it is given, and names that are the same everywhere.

The keys come from the environment, as the sink takes them, under Alibaba Cloud's own names.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

QUEUE = "ecs-events"
PROJECT = "ecs-event-sink"
LOGSTORE = "ecs-events"
REGION = "cn-hangzhou"
TOPIC = "event"
_MEMORY = Path("/dev/shm")
_ROOM = 1 << 30
"""Bytes that an embedded cloud with a backlog may need."""


def url() -> str:
    """The address of both services, the command line's only argument."""
    return sys.argv[1]


def keys() -> tuple[str, str]:
    """AccessKey id and secret."""
    return os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]


def memory() -> Path | None:
    """A folder that is kept in memory; None, for the usual one, where there is none or too little of it."""
    return _MEMORY if _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free >= _ROOM else None
