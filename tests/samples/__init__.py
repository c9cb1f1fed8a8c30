"""Message bodies of our own making, in every envelope: what a clone without further data tests with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

FOLDER = Path(__file__).parent

SHARED_EVENTS = FOLDER.parents[2] / "shared" / "events"
"""The vendor's own samples, where they lie beside the checkout."""


def paths() -> list[Path]:
    """Every sample file."""
    return sorted(FOLDER.glob("*.json"))


def shared_paths() -> list[Path]:
    """Every file of the vendor's samples; none where they are absent."""
    return sorted(path for path in SHARED_EVENTS.rglob("*.json"))


def state_change(state: str = "Stopped", instance: str = "i-sample0001", **outside: Any) -> str:
    """A flat StateChange as CloudMonitor sends it, as JSON; `outside` replaces fields of the envelope."""
    event = {
        "ver": "1.0",
        "id": f"5A3E0000-0000-4000-8000-{crc32(f'{state} {instance}'.encode()):012d}",
        "product": "ECS",
        "resourceId": f"acs:ecs:cn-beijing:1000000000000001:instance/{instance}",
        "level": "INFO",
        "name": "Instance:StateChange",
        "userId": "1000000000000001",
        "eventTime": "20261122T080000.123+0800",
        "regionId": "cn-beijing",
        "content": {"resourceId": instance, "resourceType": "ALIYUN::ECS::Instance", "state": state},
    }
    return json.dumps(event | outside)


def just_now() -> str:
    """The time as an event says it, for records that SLS is to keep under their own: it takes seven days."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%S.123+0000")
