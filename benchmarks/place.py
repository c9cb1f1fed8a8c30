"""Where a rival works: the address it is given, and names that are the same everywhere.

The keys come from the environment, as the sink takes them, under Alibaba Cloud's own names.
"""

from __future__ import annotations

import os
import sys

QUEUE = "ecs-events"
PROJECT = "ecs-event-sink"
LOGSTORE = "ecs-events"
REGION = "cn-hangzhou"
TOPIC = "event"


def url() -> str:
    """The address of both services, the command line's only argument."""
    return sys.argv[1]


def keys() -> tuple[str, str]:
    """AccessKey id and secret."""
    return os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
