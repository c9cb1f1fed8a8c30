"""Read the event inside an opened envelope.

The names come from CloudMonitor's pages of seven years and from messages people received, which do not always
agree: the status stands behind the name or in the content, the instance's id under four
different keys. Each rule that looks odd is one of those cases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson

from sink.events.encoding import Encoder
from sink.events.envelope import NotAnEventError, decode_text, open_text, read_content, read_time_ms
from sink.events.record import DELIVERY, EVENT, QUARANTINE, Receipt, Record

STATE_CHANGE = "Instance:StateChange"
INTERRUPTION = "Instance:PreemptibleInstanceInterruption"

CLOUDMONITOR_ZONE = timezone(timedelta(hours=8))
"""CloudMonitor writes its times in UTC+8; used only where a time names no zone."""

_INSTANCE_ID = re.compile(r"i-[0-9a-z]+")
_STATES = {
    name: state
    for state in ("Created", "Pending", "Starting", "Running", "Stopping", "Stopped", "Deleted")
    for name in (state, state.lower())
}


class Event(NamedTuple):
    """One event of the cloud, as far as its message tells. An unknown text is "", an unknown time None."""

    event_key: str
    """The same on every delivery of the same event: duplicates collapse by it."""
    envelope: str
    body: str
    """The message as it came, base64 taken off where that gave an event."""
    name: str
    kind: str
    """The name without its status: `Instance:SystemMaintenance.Reboot`."""
    content: Mapping[str, Any] = MappingProxyType({})
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
        shared = (
            self.product, self.name, self.kind, self.status, self.state, self.level, self.region_id,
            self.account_id, self.resource_type, self.instance_type, self.zone_id, self.envelope,
        )  # fmt: skip
        own = (
            self.event_key, self.event_id, self.resource_arn, self.resource_id, self.instance_id,
            self.instance_name, self.event_time,
            "" if self.event_time_ms is None else str(self.event_time_ms),
            orjson.dumps(self.content).decode(), self.body, *receipt.texts,
        )  # fmt: skip
        encoded = receipt.contents + _shared_contents(shared) + _OWN.encode(own)
        return Record(EVENT, time_ms // 1000, encoded)


_SHARED = Encoder(
    "product", "name", "kind", "status", "state", "level", "region_id", "account_id", "resource_type",
    "instance_type", "zone_id", "envelope",
)  # fmt: skip
_OWN = Encoder(
    "event_key", "event_id", "resource_arn", "resource_id", "instance_id", "instance_name", "event_time",
    "event_time_ms", "content", "body", *DELIVERY,
)  # fmt: skip


@lru_cache(maxsize=4096)
def _shared_contents(texts: tuple[str, ...]) -> bytes:
    """Fields that many events share, encoded once for each combination: a fleet has some hundreds."""
    return _SHARED.encode(texts)


class Unreadable(NamedTuple):
    """A message that holds no event that could be read. It is stored all the same, with the reason."""

    event_key: str
    body: str
    reason: str

    def record(self, receipt: Receipt) -> Record:
        """The record of topic `quarantine`, at the time of receipt."""
        own = _UNREADABLE.encode((self.event_key, self.reason, self.body, *receipt.texts))
        return Record(QUARANTINE, receipt.received_at_ms // 1000, receipt.contents + own)


_UNREADABLE = Encoder("event_key", "reason", "body", *DELIVERY)


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
        return Unreadable(_digest((body,)), body, str(error))


def _read_event(fields: Mapping[str, Any], envelope: str, body: str) -> Event:
    """Where each thing stands, the usual place first: the next one counts where that is empty or null."""
    content = read_content(fields.get("content"))
    outer, inner = fields.get, content.get
    (
        name, event_id, product, level, region_id, account_id, arn, event_time, status, state,
        instance_id, inner_id, inner_type, instance_name, instance_type, zone_id,
    ) = [
        value if type(value) is str else _text(value)
        for value in (
            outer("name"),
            outer("id"),
            outer("product"),
            outer("level"),
            outer("regionId"),
            outer("userId"),
            outer("resourceId"),
            outer("eventTime"),
            inner("eventStatus") or inner("status") or outer("status"),
            inner("state"),
            inner("instanceId") or inner("ecsInstanceId"),
            inner("resourceId"),
            inner("resourceType"),
            inner("instanceName") or inner("ecsInstanceName") or outer("instanceName"),
            inner("instanceType"),
            inner("zoneId") or inner("azone"),
        )
    ]  # fmt: skip
    name, kind, suffix = _read_name(name)
    status = suffix or status
    state = _STATES.get(state) or _STATES.get(state.lower(), state) if kind == STATE_CHANGE else ""
    account_in_arn, resource_type, resource_id = _resource(arn)
    if not instance_id and (kind.startswith("Instance:") or inner_type == "ALIYUN::ECS::Instance"):
        instance_id = inner_id
    if not instance_id and resource_type == "instance":
        instance_id = resource_id
    identity = (event_id, kind, state or status) if event_id else (name, arn, event_time, _canonical(content))
    return Event(
        _digest(identity), envelope, body, name, kind, content, event_id, product, status, state, level,
        region_id, account_id or account_in_arn, arn, resource_type, resource_id, instance_id, instance_name,
        instance_type, zone_id, event_time, read_time_ms(fields.get("eventTime"), CLOUDMONITOR_ZONE),
    )  # fmt: skip


@lru_cache(maxsize=1024)
def _read_name(text: str) -> tuple[str, str, str]:
    """The name, its kind and its status, of `Resource:Event:Status`; often the status stands elsewhere.

    One page of the vendor's prints a space behind the colon.
    """
    name = text.strip()
    if not name:
        raise NotAnEventError("no event name")
    parts = [part.strip() for part in name.split(":", 2)]
    return name, ":".join(parts[:2]), parts[2] if len(parts) == 3 else ""


def _resource(arn: str) -> tuple[str, str, str]:
    """Account, type and id of `acs:ecs:region:account:type/id`; a bare id has neither of them."""
    parts = arn.split(":", 4)
    kind, slash, name = parts[-1].partition("/")
    account = parts[3] if len(parts) == 5 else ""
    return (account, kind, name.rpartition("/")[2]) if slash else (account, "", parts[-1])


def _text(value: Any) -> str:
    """What is no text as one: "" for what is absent or null, JSON for the rest."""
    return "" if value is None else orjson.dumps(value).decode()


def _canonical(content: Mapping[str, Any]) -> str:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()


def _digest(parts: Sequence[str]) -> str:
    """A short, stable name: 128 bits of BLAKE2b over the parts, kept from running together."""
    return blake2b("\x1f".join(parts).encode(errors="surrogatepass"), digest_size=16).hexdigest()
