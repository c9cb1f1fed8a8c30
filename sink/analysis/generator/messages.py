"""What is delivered of what happened: CloudMonitor's bodies, and the records that the sink makes of them.

`simulate` calls this. Bodies go through the sink's own `parse_body`, so that a generated record is what a
real sink would have stored. Two shapes are sent, as the vendor does: the newer one says Created and names the
instance type, the older one says Pending and does not.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from random import Random
from uuid import UUID

from sink.analysis.generator.lives import Life, Plan, stays_of
from sink.events import INTERRUPTION, SCHEMA_VERSION, STATE_CHANGE, Receipt, parse_body

_HOUR = 3_600_000
_ACCOUNT = "1000000000000001"


@dataclass(frozen=True, slots=True)
class Delivery:
    """How badly the events come: the share of each fault."""

    lost: float = 0.0
    repeated: float = 0.0
    late: float = 0.0
    """Delivered up to three hours late; the others within three seconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of one event."""

    received_at_ms: int
    body: str


def deliver(plan: Plan, lives: Sequence[Life], delivery: Delivery, chance: Random) -> list[Message]:
    """Send what happened since the record began, in the order of receipt."""
    found = [
        message
        for life in lives
        for time, body in _bodies_of(life, chance)
        if time >= plan.start_ms and chance.random() >= delivery.lost
        for message in _deliveries(time, body, delivery, chance)
    ]
    return sorted(found, key=lambda message: message.received_at_ms)


def bodies(messages: Iterable[Message]) -> Iterator[str]:
    """The bodies alone, as they stand in a file of JSON lines."""
    return (message.body for message in messages)


def records(messages: Iterable[Message]) -> Iterator[dict[str, str]]:
    """The records of topic `event` that a sink stores."""
    for number, message in enumerate(messages):
        receipt = Receipt("ecs-events", message.received_at_ms, "sample")
        yield parse_body(message.body).record(receipt, f"{number:032X}", 1).fields


def inventory_records(plan: Plan, lives: Sequence[Life]) -> Iterator[dict[str, str]]:
    """The records of topic `inventory`: a complete snapshot at the record's start and every hour."""
    for life in lives:
        for state, start, end in stays_of(life, plan.end_ms):
            first = -(-(max(start, plan.start_ms) - plan.start_ms) // _HOUR)
            for hour in range(first, -(-(end - plan.start_ms) // _HOUR)):
                yield _sighting(life, state, plan.start_ms + hour * _HOUR)


def action_records(plan: Plan, lives: Sequence[Life], chance: Random) -> Iterator[dict[str, str]]:
    """The records of topic `action`: a drain for each notice, a restart for each crash."""
    for life in lives:
        before = ""
        for time, state in life.steps:
            module = {"Notice": "slb_removal", "Stopped": "restart" if before == "Running" else ""}.get(state)
            if module and time >= plan.start_ms:
                yield _action(life, module, time, chance)
            before = before if state == "Notice" else state


def _bodies_of(life: Life, chance: Random) -> Iterator[tuple[int, str]]:
    newer = chance.random() < 0.7
    for time, state in life.steps:
        yield time, _body(life, time, state, newer, UUID(int=chance.getrandbits(128)))


def _deliveries(time: int, body: str, delivery: Delivery, chance: Random) -> Iterator[Message]:
    late = chance.random() < delivery.late
    received = time + chance.randrange(200, 3 * _HOUR if late else 3000)
    yield Message(received, body)
    if chance.random() < delivery.repeated:
        yield Message(received + chance.randrange(30_000, 300_000), body)


def _body(life: Life, time: int, state: str, newer: bool, event_id: UUID) -> str:
    """One event as CloudMonitor sends it (CloudMonitor: ECS events)."""
    at = datetime.fromtimestamp(time / 1000, timezone(timedelta(hours=8)))
    notice = state == "Notice"
    content = {"instanceId": life.instance_id, "action": "delete"} if notice else _content(life, state, newer)
    event = {
        "ver": "1.0",
        "id": str(event_id).upper(),
        "product": "ECS",
        "resourceId": f"acs:ecs:{life.region_id}:{_ACCOUNT}:instance/{life.instance_id}",
        "level": "WARN" if notice else "INFO",
        "instanceName": "worker",
        "regionId": life.region_id,
        "userId": _ACCOUNT,
        "eventTime": f"{at:%Y%m%dT%H%M%S}.{time % 1000:03d}+0800",
        "status": "Normal",
        "name": INTERRUPTION if notice else STATE_CHANGE,
        "content": content,
    }
    return json.dumps(event, separators=(",", ":"))


def _content(life: Life, state: str, newer: bool) -> dict[str, str]:
    content = {"resourceId": life.instance_id, "resourceType": "ALIYUN::ECS::Instance", "state": state}
    if newer:
        content["state"] = "Created" if state == "Pending" else state
        content["instanceType"] = life.instance_type
    return content


def _sighting(life: Life, state: str, time: int) -> dict[str, str]:
    created = life.born_ms // 60_000 * 60_000
    return {
        "schema_version": SCHEMA_VERSION,
        "snapshot_id": f"{life.region_id} {datetime.fromtimestamp(time / 1000, UTC):%Y-%m-%dT%H:%MZ}",
        "instance_id": life.instance_id,
        "region_id": life.region_id,
        "zone_id": life.zone_id,
        "instance_type": life.instance_type,
        "status": state,
        "creation_time_ms": str(created),
        "spot_strategy": "SpotAsPriceGo",
        "spot_duration": "1",
        "charge_type": "PostPaid",
        "observed_at_ms": str(time),
        "complete": "true",
        "sink_id": "sample",
    }


def _action(life: Life, module: str, time: int, chance: Random) -> dict[str, str]:
    started = time + chance.randrange(400, 4000)
    finished = started + chance.randrange(5_000, 60_000)
    drain = {"notice_ms": "300000", "budget_used_ms": str(finished - time)} if module == "slb_removal" else {}
    return {
        "schema_version": SCHEMA_VERSION,
        "action_id": f"{chance.getrandbits(128):032x}",
        "event_key": f"{chance.getrandbits(128):032x}",
        "module": module,
        "mode": "live",
        "status": "done" if chance.random() < 0.9 else "failed",
        "reason": "sample",
        "instance_id": life.instance_id,
        "region_id": life.region_id,
        "attempt": "1",
        "event_time_ms": str(time),
        "started_at_ms": str(started),
        "finished_at_ms": str(finished),
        "steps": "[]",
        "sink_id": "sample",
        **drain,
    }
