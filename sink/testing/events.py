"""Events as CloudMonitor words them, read as the sink reads them.

Every function takes the moment of the event in ms since 1970, by default now. What is told twice for the same
moment is one event: it has the same key.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson

from sink.events import INTERRUPTION, STATE_CHANGE, Event, parse_body

_ACCOUNT_ID = "1000000000000001"
_REGION_ID = "cn-hangzhou"


def stopped(instance_id: str, at_ms: int | None = None) -> Event:
    """The instance has stopped.

    >>> event = stopped("i-1", 1_700_000_000_123)
    >>> event.kind, event.state, event.instance_id, event.event_time_ms
    ('Instance:StateChange', 'Stopped', 'i-1', 1700000000123)
    """
    return state_change(instance_id, "Stopped", at_ms)


def state_change(instance_id: str, state: str, at_ms: int | None = None) -> Event:
    """The instance is in this state: `Created Pending Starting Running Stopping Stopped Deleted`."""
    content = {"resourceId": instance_id, "resourceType": "ALIYUN::ECS::Instance", "state": state}
    return _event(STATE_CHANGE, instance_id, content, "INFO", at_ms)


def interruption(instance_id: str, at_ms: int | None = None, *, action: str = "delete") -> Event:
    """The preemptible instance is reclaimed in five minutes; `action` is `delete` or `stop`.

    >>> interruption("i-1").kind
    'Instance:PreemptibleInstanceInterruption'
    """
    return _event(INTERRUPTION, instance_id, {"instanceId": instance_id, "action": action}, "WARN", at_ms)


def maintenance(
    instance_id: str, what: str = "Reboot", status: str = "Executing", at_ms: int | None = None
) -> Event:
    """Planned maintenance: `Reboot Redeploy Stop …`, and how it stands.

    >>> maintenance("i-1").name
    'Instance:SystemMaintenance.Reboot:Executing'
    """
    return _operation(f"SystemMaintenance.{what}", status, instance_id, at_ms)


def failure(
    instance_id: str, what: str = "SystemFailure.Reboot", status: str = "Executing", at_ms: int | None = None
) -> Event:
    """A failure of the host (`SystemFailure.Reboot .Stop .Redeploy .Delete`) or `InstanceFailure.Reboot`.

    >>> event = failure("i-1", "SystemFailure.Stop", "Executed")
    >>> event.kind, event.status
    ('Instance:SystemFailure.Stop', 'Executed')
    """
    return _operation(what, status, instance_id, at_ms)


def _operation(event_type: str, status: str, instance_id: str, at_ms: int | None) -> Event:
    content = {"instanceId": instance_id, "eventType": event_type, "eventStatus": status}
    return _event(f"Instance:{event_type}:{status}", instance_id, content, "CRITICAL", at_ms)


def _event(name: str, instance_id: str, content: Mapping[str, Any], level: str, at_ms: int | None) -> Event:
    moment = time.time_ns() // 1_000_000 if at_ms is None else at_ms
    when = datetime.fromtimestamp(moment / 1000, UTC).isoformat(timespec="milliseconds")
    identity = f"{name} {instance_id} {moment} {sorted(content.items())}".encode()
    body = {
        "ver": "1.0",
        "product": "ECS",
        "level": level,
        "userId": _ACCOUNT_ID,
        "regionId": _REGION_ID,
        "id": blake2b(identity, digest_size=16).hexdigest(),
        "name": name,
        "resourceId": f"acs:ecs:{_REGION_ID}:{_ACCOUNT_ID}:instance/{instance_id}",
        "eventTime": when.replace("+00:00", "Z"),
        "content": content,
    }
    event = parse_body(orjson.dumps(body).decode())
    assert isinstance(event, Event), event.reason
    return event
