"""Read the event inside an opened envelope.

The names come from CloudMonitor's pages of seven years and from messages people received, which do not always
agree: the status stands behind the name or in the content, the instance's id under four
different keys. Each rule that looks odd is one of those cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
import orjson
from msgspec import UNSET, UnsetType
from msgspec.structs import fields

from sink.events.encoding import Encoder
from sink.events.envelope import NotAnEventError, decode_text, open_text, read_content, read_time_ms
from sink.events.record import EVENT, QUARANTINE, Receipt, Record

T = TypeVar("T", bound=msgspec.Struct)

STATE_CHANGE = "Instance:StateChange"
INTERRUPTION = "Instance:PreemptibleInstanceInterruption"

CLOUDMONITOR_ZONE = timezone(timedelta(hours=8))
"""CloudMonitor writes its times in UTC+8; used only where a time names no zone."""

_NOTHING = blake2b(digest_size=16)
"""Of this a copy is quicker made than a new one."""
_INSTANCE_ID = re.compile(r"i-[0-9a-z]+")
_STATES = {
    name: state
    for state in ("Created", "Pending", "Starting", "Running", "Stopping", "Stopped", "Deleted")
    for name in (state, state.lower())
}


class Event(msgspec.Struct, frozen=True, gc=False):
    """One event of the cloud, as far as its message tells. An unknown text is "", an unknown time None."""

    event_key: str
    """The same on every delivery of the same event: duplicates collapse by it."""
    envelope: str
    body: str
    """The message as it came, base64 taken off where that gave an event."""
    name: str
    kind: str
    """The name without its status: `Instance:SystemMaintenance.Reboot`."""
    content_json: str = "{}"
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
    def content(self) -> Mapping[str, Any]:
        """What the event says of itself, by the names of its kind."""
        content: Mapping[str, Any] = json.loads(self.content_json)
        return content

    @property
    def has_instance(self) -> bool:
        """Tell whether `instance_id` can be one: debug events have masks and placeholders, `i-bp***`."""
        return _INSTANCE_ID.fullmatch(self.instance_id) is not None

    def record(self, receipt: Receipt) -> Record:
        """The record of topic `event`. Its time is the event's own, or of receipt where it has none."""
        time_ms = receipt.received_at_ms if self.event_time_ms is None else self.event_time_ms
        what = (
            self.product, self.name, self.kind, self.status, self.state, self.level, self.region_id,
            self.account_id, self.resource_type, self.instance_type, self.zone_id, self.envelope,
        )  # fmt: skip
        whom = (self.resource_arn, self.resource_id, self.instance_id, self.instance_name)
        own = (
            self.event_key, self.event_id, self.event_time,
            "" if self.event_time_ms is None else str(self.event_time_ms),
            self.content_json, self.body, receipt.message_id,
        )  # fmt: skip
        encoded = _OWN.encode(own, receipt.contents, _encode_what(what), _encode_whom(whom))
        return Record(EVENT, time_ms // 1000, encoded)


_WHAT = Encoder(
    "product", "name", "kind", "status", "state", "level", "region_id", "account_id", "resource_type",
    "instance_type", "zone_id", "envelope",
)  # fmt: skip
_WHOM = Encoder("resource_arn", "resource_id", "instance_id", "instance_name")
_OWN = Encoder(
    "event_key", "event_id", "event_time", "event_time_ms", "content", "body", "mns_message_id"
)  # fmt: skip


@lru_cache(maxsize=4096)
def _encode_what(texts: tuple[str, ...]) -> bytes:
    """Fields that many events share, encoded once for each combination: a fleet has some hundreds."""
    return _WHAT.encode(texts)


@lru_cache(maxsize=4096)
def _encode_whom(texts: tuple[str, ...]) -> bytes:
    """An instance's own: its events come a few together, as it stops and starts and is released."""
    return _WHOM.encode(texts)


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """A message that holds no event that could be read. It is stored all the same, with the reason."""

    event_key: str
    body: str
    reason: str

    def record(self, receipt: Receipt) -> Record:
        """The record of topic `quarantine`, at the time of receipt."""
        own = (self.event_key, self.reason, self.body, receipt.message_id)
        return Record(QUARANTINE, receipt.received_at_ms // 1000, _UNREADABLE.encode(own, receipt.contents))


_UNREADABLE = Encoder("event_key", "reason", "body", "mns_message_id")


class _Outside(msgspec.Struct, rename="camel", gc=False):
    """What CloudMonitor says around the content. The last four stand in other envelopes only."""

    name: str | None = None
    id: str | None = None
    product: str | None = None
    level: str | None = None
    region_id: str | None = None
    user_id: str | None = None
    resource_id: str | None = None
    event_time: str | None = None
    status: str | None = None
    instance_name: str | None = None
    content: msgspec.Raw = msgspec.Raw(b"{}")
    specversion: UnsetType = UNSET
    alert: UnsetType = UNSET
    system_events: UnsetType = msgspec.field(default=UNSET, name="SystemEvents")
    topic_name: UnsetType = msgspec.field(default=UNSET, name="TopicName")


class _Inside(msgspec.Struct, rename="camel", gc=False):
    """What is read of a content, whatever the event."""

    event_status: str | None = None
    status: str | None = None
    state: str | None = None
    instance_id: str | None = None
    ecs_instance_id: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    instance_name: str | None = None
    ecs_instance_name: str | None = None
    instance_type: str | None = None
    zone_id: str | None = None
    azone: str | None = None


_OUTSIDE = msgspec.json.Decoder(_Outside)
_INSIDE = msgspec.json.Decoder(_Inside)


def parse_body(body: str) -> Event | Unreadable:
    """Read a message body as it came from the queue. Never raises.

    >>> parse_body('{"name": "Instance:StateChange", "content": {"state": "Stopped"}}').state
    'Stopped'
    >>> parse_body("[]").reason
    'JSON, but a list and not an object'
    """
    text = decode_text(body)
    try:
        outside = _OUTSIDE.decode(text)
        inside = _INSIDE.decode(outside.content)
        return _event(outside, inside, str(outside.content, "utf-8"), "flat", text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _parse_unusual(text, body)


def _parse_unusual(text: str, body: str) -> Event | Unreadable:
    """Read any envelope, and values that are no texts where texts are usual."""
    try:
        opened = open_text(text)
        content = read_content(opened.fields.get("content"))
        outside, inside = _texts_of(opened.fields, _Outside), _texts_of(content, _Inside)
        return _event(outside, inside, _json(content), opened.envelope, text)
    except NotAnEventError as error:
        return Unreadable(_digest((body,)), body, str(error))


def _event(outside: _Outside, inside: _Inside, content_json: str, envelope: str, body: str) -> Event:
    """Take each thing from where it stands, the usual place first: the next counts where it is empty."""
    name, kind, suffix = _read_name(outside.name or "")
    status = suffix or inside.event_status or inside.status or outside.status or ""
    state = _read_state(inside.state or "") if kind == STATE_CHANGE else ""
    event_id, event_time, arn = outside.id or "", outside.event_time or "", outside.resource_id or ""
    account_in_arn, resource_type, resource_id = _read_arn(arn)
    instance_id = inside.instance_id or inside.ecs_instance_id
    if not instance_id and (kind.startswith("Instance:") or inside.resource_type == "ALIYUN::ECS::Instance"):
        instance_id = inside.resource_id
    if not instance_id and resource_type == "instance":
        instance_id = resource_id
    identity = (
        (event_id, kind, state or status) if event_id else (name, arn, event_time, _sorted(content_json))
    )
    return Event(
        _digest(identity),
        envelope,
        body,
        name,
        kind,
        content_json,
        event_id,
        outside.product or "",
        status,
        state,
        outside.level or "",
        outside.region_id or "",
        outside.user_id or account_in_arn,
        arn,
        resource_type,
        resource_id,
        instance_id or "",
        inside.instance_name or inside.ecs_instance_name or outside.instance_name or "",
        inside.instance_type or "",
        inside.zone_id or inside.azone or "",
        event_time,
        read_time_ms(event_time, CLOUDMONITOR_ZONE),
    )


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


def _read_state(state: str) -> str:
    return _STATES.get(state) or _STATES.get(state.lower(), state)


@lru_cache(maxsize=4096)
def _read_arn(arn: str) -> tuple[str, str, str]:
    """Account, type and id of `acs:ecs:region:account:type/id`; a bare id has neither of them."""
    parts = arn.split(":", 4)
    kind, slash, name = parts[-1].partition("/")
    account = parts[3] if len(parts) == 5 else ""
    return (account, kind, name.rpartition("/")[2]) if slash else (account, "", parts[-1])


def _texts_of(source: Mapping[str, Any], struct: type[T]) -> T:
    """What a mapping has of a struct's texts; what is none there becomes JSON, and null is nothing."""
    names = (field.encode_name for field in fields(struct) if field.type == str | None)
    found = ((name, source[name]) for name in names if source.get(name) is not None)
    texts = {name: value if isinstance(value, str) else _json(value) for name, value in found}
    return msgspec.convert(texts, struct)


def _sorted(content_json: str) -> str:
    """The same for every order of the names in a content."""
    return _json(orjson.loads(content_json), orjson.OPT_SORT_KEYS)


def _json(value: Any, option: int = 0) -> str:
    try:
        return orjson.dumps(value, option=option).decode()
    except TypeError as error:
        raise NotAnEventError(f"a value that is no JSON any more: {error}") from error


def _digest(parts: Sequence[str]) -> str:
    """A short, stable name: 128 bits of BLAKE2b over the parts, kept from running together."""
    digest = _NOTHING.copy()
    digest.update("\x1f".join(parts).encode(errors="surrogatepass"))
    return digest.hexdigest()
