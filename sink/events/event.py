"""Read the event inside an opened envelope.

The names come from CloudMonitor's pages of seven years and from messages people received, which do not always
agree: the status stands behind the name or in the content, the instance's id under four
different keys. Each rule that looks odd is one of those cases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta, timezone
from hashlib import blake2b
from typing import Any

import orjson

from sink.events.envelope import NotAnEventError, decode_text, open_text, read_content, read_time_ms
from sink.events.record import EVENT, QUARANTINE, SCHEMA_VERSION, Receipt, Record

STATE_CHANGE = "Instance:StateChange"
INTERRUPTION = "Instance:PreemptibleInstanceInterruption"

CLOUDMONITOR_ZONE = timezone(timedelta(hours=8))
"""CloudMonitor writes its times in UTC+8; used only where a time names no zone."""

_INSTANCE_ID = re.compile(r"i-[0-9a-z]+")
_STATES = {
    state.lower(): state
    for state in ("Created", "Pending", "Starting", "Running", "Stopping", "Stopped", "Deleted")
}


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the cloud, as far as its message tells. An unknown text is "", an unknown time None."""

    event_key: str
    """The same on every delivery of the same event: duplicates collapse by it."""
    envelope: str
    body: str
    """The message as it came, base64 taken off where that gave an event."""
    name: str
    kind: str
    """The name without its status: `Instance:SystemMaintenance.Reboot`."""
    content: Mapping[str, Any] = field(default_factory=dict)
    event_id: str = ""
    product: str = ""
    status: str = ""
    state: str = ""
    """Of a StateChange: `Created Pending Starting Running Stopping Stopped Deleted`, or as it came."""
    level: str = ""
    region_id: str = ""
    account_id: str = ""
    resource_arn: str = ""
    resource_type: str = ""
    resource_id: str = ""
    instance_id: str = ""
    instance_name: str = ""
    instance_type: str = ""
    zone_id: str = ""
    event_time: str = ""
    event_time_ms: int | None = None

    @property
    def has_instance(self) -> bool:
        """Tell whether `instance_id` can be one: debug events have masks and placeholders, `i-bp***`."""
        return _INSTANCE_ID.fullmatch(self.instance_id) is not None

    def record(self, receipt: Receipt) -> Record:
        """The record of topic `event`. Its time is the event's own, or of receipt where it has none."""
        time_ms = receipt.received_at_ms if self.event_time_ms is None else self.event_time_ms
        texts = {name: getattr(self, name) for name in _TEXT_FIELDS}
        fields = {"schema_version": SCHEMA_VERSION} | {name: text for name, text in texts.items() if text}
        if self.event_time_ms is not None:
            fields["event_time_ms"] = str(self.event_time_ms)
        fields["content"] = orjson.dumps(self.content).decode()
        return Record(EVENT, time_ms // 1000, fields | receipt.fields())


_TEXT_FIELDS = (
    "event_key", "event_id", "product", "name", "kind", "status", "state", "level", "region_id",
    "account_id", "resource_arn", "resource_type", "resource_id", "instance_id", "instance_name",
    "instance_type", "zone_id", "event_time", "envelope", "body",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that holds no event that could be read. It is stored all the same, with the reason."""

    event_key: str
    body: str
    reason: str

    def record(self, receipt: Receipt) -> Record:
        """The record of topic `quarantine`, at the time of receipt."""
        fields = {
            "schema_version": SCHEMA_VERSION,
            "event_key": self.event_key,
            "reason": self.reason,
            "body": self.body,
        }
        return Record(QUARANTINE, receipt.received_at_ms // 1000, fields | receipt.fields())


def parse_body(body: str) -> Event | Unreadable:
    """Read a message body as it came from the queue. Never raises.

    >>> parse_body('{"name": "Instance:StateChange", "content": {"state": "Stopped"}}').state
    'Stopped'
    >>> parse_body("[]").reason
    'JSON, but a list and not an object'
    """
    text = decode_text(body)
    try:
        opened = open_text(text)
        return _read_event(opened.fields, opened.envelope, text)
    except NotAnEventError as error:
        return Unreadable(_digest(body), body, str(error))


def _read_event(fields: Mapping[str, Any], envelope: str, body: str) -> Event:
    name = _text(fields, "name").strip()
    if not name:
        raise NotAnEventError("no event name")
    content = read_content(fields.get("content"))
    kind, status = _kind_and_status(name, content, fields)
    state = _state(content) if kind == STATE_CHANGE else ""
    arn = _text(fields, "resourceId")
    resource_type, resource_id = _resource(arn)
    event_time = _text(fields, "eventTime")
    event_id = _text(fields, "id")
    identity = (event_id, kind, state or status) if event_id else (name, arn, event_time, _canonical(content))
    return Event(
        event_key=_digest(*identity),
        envelope=envelope,
        body=body,
        name=name,
        kind=kind,
        content=content,
        event_id=event_id,
        product=_text(fields, "product"),
        status=status,
        state=state,
        level=_text(fields, "level"),
        region_id=_text(fields, "regionId"),
        account_id=_text(fields, "userId") or _account(arn),
        resource_arn=arn,
        resource_type=resource_type,
        resource_id=resource_id,
        instance_id=_instance_id(kind, content, resource_type, resource_id),
        instance_name=_first(content, "instanceName", "ecsInstanceName") or _text(fields, "instanceName"),
        instance_type=_text(content, "instanceType"),
        zone_id=_first(content, "zoneId", "azone"),
        event_time=event_time,
        event_time_ms=read_time_ms(fields.get("eventTime"), CLOUDMONITOR_ZONE),
    )


def _kind_and_status(name: str, content: Mapping[str, Any], fields: Mapping[str, Any]) -> tuple[str, str]:
    """Split `Resource:Event:Status`; without a suffix the status stands in the content, or outside it.

    A live migration calls it `status` there. One page of the vendor's prints a space behind the colon.
    """
    parts = [part.strip() for part in name.split(":", 2)]
    suffix = parts[2] if len(parts) == 3 else ""
    status = suffix or _first(content, "eventStatus", "status") or _text(fields, "status")
    return ":".join(parts[:2]), status


def _state(content: Mapping[str, Any]) -> str:
    state = _text(content, "state")
    return _STATES.get(state.lower(), state)


def _resource(arn: str) -> tuple[str, str]:
    """Type and id of `acs:ecs:region:account:type/id`; a bare id has no type."""
    tail = arn.split(":", 4)[-1]
    kind, slash, name = tail.partition("/")
    return (kind, name.rpartition("/")[2]) if slash else ("", tail)


def _account(arn: str) -> str:
    parts = arn.split(":", 4)
    return parts[3] if len(parts) == 5 else ""


def _instance_id(kind: str, content: Mapping[str, Any], resource_type: str, resource_id: str) -> str:
    """Where the id stands depends on the event: a StateChange calls it `resourceId`, others `instanceId`."""
    found = _first(content, "instanceId", "ecsInstanceId")
    if found:
        return found
    if kind.startswith("Instance:") or _text(content, "resourceType") == "ALIYUN::ECS::Instance":
        found = _text(content, "resourceId")
    return found or (resource_id if resource_type == "instance" else "")


def _first(source: Mapping[str, Any], *names: str) -> str:
    return next((text for name in names if (text := _text(source, name))), "")


def _text(source: Mapping[str, Any], name: str) -> str:
    """A value as text: "" for what is absent or null, JSON for what is not a text."""
    value = source.get(name)
    if isinstance(value, str):
        return value
    return "" if value is None else orjson.dumps(value).decode()


def _canonical(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def _digest(*parts: str) -> str:
    """A short, stable name: 128 bits of BLAKE2b over the parts, kept from running together."""
    return blake2b("\x1f".join(parts).encode(errors="surrogatepass"), digest_size=16).hexdigest()
