"""Attributes and parameters of MNS's operations: their defaults, limits and how they are read.

The limits are those of "Limits" (document 128343) and of the operations' own pages. Every violation is
InvalidArgument with the limits in its text, as on the real service.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from sink.local.mns.errors import invalid_argument, out_of_range

Limits = tuple[int, int, str]

LIMITS: Mapping[str, Limits] = {
    "DelaySeconds": (0, 604_800, "seconds"),
    "MaximumMessageSize": (1_024, 65_536, "bytes"),
    "MessageRetentionPeriod": (60, 604_800, "seconds"),
    "VisibilityTimeout": (1, 43_200, "seconds"),
    "PollingWaitSeconds": (0, 30, "seconds"),
}
QUEUE_DEFAULTS: Mapping[str, int | bool] = {
    "DelaySeconds": 0,
    "MaximumMessageSize": 65_536,
    "MessageRetentionPeriod": 345_600,
    "VisibilityTimeout": 30,
    "PollingWaitSeconds": 0,
    "LoggingEnabled": False,
}
TOPIC_DEFAULTS: Mapping[str, int | bool] = {"MaximumMessageSize": 65_536, "LoggingEnabled": False}


def read_attributes(names: Mapping[str, object], values: Mapping[str, str]) -> dict[str, int | bool]:
    """Check and convert those of `values` that are among `names`; others are ignored, as the vendor does.

    >>> read_attributes(QUEUE_DEFAULTS, {"DelaySeconds": "5", "LoggingEnabled": "True"})
    {'DelaySeconds': 5, 'LoggingEnabled': True}
    """
    return {name: _read(name, values[name]) for name in names if name in values}


def bounded(name: str, text: str, limits: Limits) -> int:
    """Read an integer within its limits. Raises InvalidArgument."""
    low, high, unit = limits
    if not re.fullmatch(r"\s*[+-]?\d{1,18}\s*", text) or not low <= int(text) <= high:
        raise out_of_range(name, low, high, unit)
    return int(text)


def _read(name: str, text: str) -> int | bool:
    if name in LIMITS:
        return bounded(name, text, LIMITS[name])
    if text.strip().lower() not in ("true", "false"):
        raise invalid_argument(f"The value of {name} should be True or False.")
    return text.strip().lower() == "true"
