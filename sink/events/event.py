"""Read the event inside an opened envelope.

The names come from CloudMonitor's pages of seven years and from messages people received, which do not always
agree: the status stands behind the name or in the content, the instance's id under four
different keys. Each rule that looks odd is one of those cases.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta, timezone
from functools import lru_cache
from hashlib import blake2b
from typing import Any, TypeVar

import msgspec
import orjson
from msgspec import UNSET, UnsetType
from msgspec.structs import fields

from sink.events.encoding import contents, head, short_heads
from sink.events.envelope import NotAnEventError, decode_body, open_text, read_content, read_time_ms
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
    name: str
    kind: str
    """The name without its status: `Instance:SystemMaintenance.Reboot`."""
    body_utf8: bytes = b""
    content_utf8: bytes = b"{}"
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
    def body(self) -> str:
        """The message as it came, base64 taken off where that gave an event."""
        return self.body_utf8.decode()

    @property
    def content(self) -> Mapping[str, Any]:
        """What the event says of itself, by the names of its kind."""
        content: Mapping[str, Any] = json.loads(self.content_utf8)
        return content

    @property
    def has_instance(self) -> bool:
        """Tell whether `instance_id` can be one: debug events have masks and placeholders, `i-bp***`."""
        return _INSTANCE_ID.fullmatch(self.instance_id) is not None

    def record(self, receipt: Receipt, message_id: str, dequeue_count: int) -> Record:
        """The record of topic `event`. Its time is the event's own, or of receipt where it has none."""
        what = (
            self.product, self.name, self.kind, self.status, self.state, self.level, self.region_id,
            self.account_id, self.resource_type, self.instance_type, self.zone_id, self.envelope,
        )  # fmt: skip
        own = self._encode_own(message_id, str(dequeue_count))
        content, body = self.content_utf8, self.body_utf8
        encoded = (
            receipt.contents, own, _encode_what(what), _encode_name(self.instance_name),
            head(b"content", len(content)), content, head(b"body", len(body)), body,
        )  # fmt: skip
        time_ms = receipt.received_at_ms if self.event_time_ms is None else self.event_time_ms
        return Record(EVENT, time_ms // 1000, b"".join(encoded))

    def _encode_own(self, message: str, count: str) -> bytes:
        """Encode what no other record has. Written out, for a loop over these costs three times as much."""
        key, id_, time = self.event_key, self.event_id, self.event_time
        arn, resource, instance = self.resource_arn, self.resource_id, self.instance_id
        time_ms = "" if self.event_time_ms is None else str(self.event_time_ms)
        try:
            return (
                f"{_KEY[len(key)]}{key}{_ID[len(id_)]}{id_}{_TIME[len(time)]}{time}"
                f"{_TIME_MS[len(time_ms)]}{time_ms}{_ARN[len(arn)]}{arn}{_RESOURCE[len(resource)]}{resource}"
                f"{_INSTANCE[len(instance)]}{instance}{_MESSAGE[len(message)]}{message}{_COUNT[len(count)]}{count}"
            ).encode("ascii")
        except (IndexError, UnicodeEncodeError):
            texts = key, id_, time, time_ms, arn, resource, instance, message, count
            return contents(dict(zip(_OWN, texts, strict=True)))


_OWN = (
    "event_key", "event_id", "event_time", "event_time_ms", "resource_arn", "resource_id", "instance_id",
    "mns_message_id", "dequeue_count",
)  # fmt: skip
_KEY, _ID, _TIME, _TIME_MS, _ARN, _RESOURCE, _INSTANCE, _MESSAGE, _COUNT = map(short_heads, _OWN)
_WHAT = (
    "product", "name", "kind", "status", "state", "level", "region_id", "account_id", "resource_type",
    "instance_type", "zone_id", "envelope",
)  # fmt: skip


@lru_cache(maxsize=4096)
def _encode_what(texts: tuple[str, ...]) -> bytes:
    """Fields that many events share, encoded once for each combination: a fleet has some hundreds."""
    return contents(dict(zip(_WHAT, texts, strict=True)))


@lru_cache(maxsize=4096)
def _encode_name(name: str) -> bytes:
    """Often Chinese, and seldom alone: events of an instance come a few together, as it stops and starts."""
    return contents({"instance_name": name})


class Unreadable(msgspec.Struct, frozen=True, gc=False):
    """A message that holds no event that could be read. It is stored all the same, with the reason."""

    event_key: str
    body: str
    reason: str

    def record(self, receipt: Receipt, message_id: str, dequeue_count: int) -> Record:
        """The record of topic `quarantine`, at the time of receipt."""
        own = {
            "event_key": self.event_key,
            "reason": self.reason,
            "body": self.body,
            "mns_message_id": message_id,
            "dequeue_count": str(dequeue_count),
        }
        return Record(QUARANTINE, receipt.received_at_ms // 1000, receipt.contents + contents(own))


class _Outside(msgspec.Struct, rename="camel", gc=False):
    """What CloudMonitor says around the content, in its order. The last four stand in other envelopes."""

    id: str | None = None
    product: str | None = None
    resource_id: str | None = None
    level: str | None = None
    instance_name: str | None = None
    name: str | None = None
    user_id: str | None = None
    event_time: str | None = None
    region_id: str | None = None
    status: str | None = None
    content: msgspec.Raw = msgspec.Raw(b"{}")
    specversion: UnsetType = UNSET
    alert: UnsetType = UNSET
    system_events: UnsetType = msgspec.field(default=UNSET, name="SystemEvents")
    topic_name: UnsetType = msgspec.field(default=UNSET, name="TopicName")


class _Inside(msgspec.Struct, rename="camel", gc=False):
    """What is read of a content, whatever the event."""

    resource_id: str | None = None
    resource_type: str | None = None
    state: str | None = None
    instance_name: str | None = None
    instance_type: str | None = None
    instance_id: str | None = None
    event_status: str | None = None
    zone_id: str | None = None
    status: str | None = None
    azone: str | None = None
    ecs_instance_id: str | None = None
    ecs_instance_name: str | None = None


_OUTSIDE = msgspec.json.Decoder(_Outside)
_INSIDE = msgspec.json.Decoder(_Inside)


def parse_body(body: str) -> Event | Unreadable:
    """Read a message body as it came from the queue. Never raises.

    >>> parse_body('{"name": "Instance:StateChange", "content": {"state": "Stopped"}}').state
    'Stopped'
    >>> parse_body("[]").reason
    'JSON, but a list and not an object'
    """
    text = decode_body(body)
    try:
        outside = _OUTSIDE.decode(text)
        return _event(outside, _INSIDE.decode(outside.content), bytes(outside.content), "flat", text)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return _parse_unusual(text, body)


def _parse_unusual(text: bytes, body: str) -> Event | Unreadable:
    """Read any envelope, and values that are no texts where texts are usual."""
    try:
        opened = open_text(text)
        content = read_content(opened.fields.get("content"))
        outside, inside = _texts_of(opened.fields, _Outside), _texts_of(content, _Inside)
        return _event(outside, inside, _json(content), opened.envelope, text)
    except NotAnEventError as error:
        return Unreadable(_digest(body), body, str(error))


def _event(outside: _Outside, inside: _Inside, content: bytes, envelope: str, body: bytes) -> Event:
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
    identity = (event_id, kind, state or status) if event_id else (name, arn, event_time, _sorted(content))
    return Event(
        _digest("\x1f".join(identity)),
        envelope,
        name,
        kind,
        body,
        content,
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
    texts = {name: value if isinstance(value, str) else _json(value).decode() for name, value in found}
    return msgspec.convert(texts, struct)


def _sorted(content: bytes) -> str:
    """The same for every order of the names in a content."""
    return _json(orjson.loads(content), orjson.OPT_SORT_KEYS).decode()


def _json(value: Any, option: int = 0) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except TypeError as error:
        raise NotAnEventError(f"a value that is no JSON any more: {error}") from error


def _digest(text: str) -> str:
    """A short, stable name: 128 bits of BLAKE2b."""
    digest = _NOTHING.copy()
    digest.update(text.encode(errors="surrogatepass"))
    return digest.hexdigest()
