"""Open a message body down to CloudMonitor's flat fields, whatever it is wrapped in.

The queue carries text: JSON as it is, or base64 of it (CloudMonitor's way), now and then base64 of
base64 where a topic's publisher encoded too. Inside is one of the shapes below, told apart by the keys
they hold and never validated closed, because fields appear over the years without a change of `ver`:

    flat           name + content         CloudMonitor to a queue, 2018 to today, and its debug events
    eventbridge    specversion            CloudEvents 1.0
    subscription   alert                  the event subscription's webhook, as JSON or as a form
    attribute      SystemEvents           the answer of DescribeSystemEventAttribute, of one event
    topic          TopicName + Message    an MNS topic's notification around any of them, JSON or XML

Each shape is rewritten in the words of the flat one, so that the rest of the sink knows one shape only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import orjson
import pybase64

_LAYERS = 4
"""How deep wrappings are followed: base64 within base64 within a topic within base64."""

_EPOCH = datetime(1970, 1, 1)
"""Without its zone, as what is subtracted from it: with zones that takes eight times as long."""
_USUAL_TIME = len("20181226T220114.058+0800")
_PLAIN = {b"{", b"[", b"<", b""}
"""How JSON, XML and nothing begin, which need not be tried as base64."""
_BLANK = re.compile(rb"\s+")


class NotAnEventError(ValueError):
    """The body holds no event that can be read; the text is the reason, for the quarantine record."""


class Opened(NamedTuple):
    """An envelope opened: CloudMonitor's flat fields, and the names of the wrappings, outermost first."""

    fields: Mapping[str, Any]
    envelope: str


def decode_body(body: str) -> bytes:
    """A body's UTF-8, base64 taken off as often as it was put on. Half a surrogate pair becomes `?`.

    >>> decode_body("eyJuYW1lIjogIngifQ==")
    b'{"name": "x"}'
    """
    text = body.encode(errors="replace")
    for _ in range(_LAYERS):
        if text[:1] in _PLAIN:
            return text
        inner = _from_base64(text) or _from_base64(_BLANK.sub(b"", text))  # Blanks are nobody's alphabet.
        if inner is None:
            return text
        text = inner
    return text


def open_text(text: bytes) -> Opened:
    """Open a text without base64. Raises NotAnEventError with the reason."""
    wrappings = ""
    for _ in range(_LAYERS):
        payload = _read(text.decode())
        if "TopicName" not in payload or not isinstance(message := payload.get("Message"), str):
            name, fields = _flatten(payload)
            return Opened(fields, wrappings + name)
        wrappings += "topic/"
        text = decode_body(message)
    raise NotAnEventError("wrapped deeper than any service does")


def _from_base64(text: bytes) -> bytes | None:
    """Decode strictly: alphabet, padding and UTF-8 all right, or None."""
    try:
        decoded: bytes = pybase64.b64decode(text, None, True)
        decoded.decode()
    except ValueError:
        return None
    return decoded


def _read(text: str) -> Mapping[str, Any]:
    """Read JSON, a form or a topic's XML into a mapping."""
    start = text.lstrip("\ufeff \t\r\n")
    if not start:
        raise NotAnEventError("empty")
    if start[0] == "<":
        return _read_xml(start)
    if start[0] not in "{[" and "=" in start:
        return dict(parse_qsl(start, keep_blank_values=True))
    try:
        payload = orjson.loads(start)
    except orjson.JSONDecodeError as error:
        raise NotAnEventError(f"not JSON: {error}") from error
    if not isinstance(payload, dict):
        raise NotAnEventError(f"JSON, but a {type(payload).__name__} and not an object")
    return payload


def _read_xml(text: str) -> Mapping[str, Any]:
    """Read a topic's XML notification. A document type is refused: it could expand without end."""
    if "<!DOCTYPE" in text:
        raise NotAnEventError("XML with a document type")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise NotAnEventError(f"not XML: {error}") from error
    return {child.tag.rpartition("}")[2]: child.text or "" for child in root}


def _flatten(payload: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Rewrite a payload in the flat form's words; says which shape it was."""
    if "specversion" in payload:
        return "eventbridge", _from_eventbridge(payload)
    if "alert" in payload:
        return "subscription", _from_subscription(payload)
    if "SystemEvents" in payload:
        return "attribute", _from_attribute(payload)
    return "flat", payload


def _from_eventbridge(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """CloudEvents: `type` is product:name, `data` the content, the rest are attributes."""
    product, _, name = str(payload.get("type", "")).partition(":")
    return {
        "id": payload.get("id"),
        "product": product.upper(),
        "name": name,
        "resourceId": payload.get("subject"),
        "regionId": payload.get("aliyunregionid"),
        "userId": payload.get("aliyunaccountid"),
        "eventTime": payload.get("time") or payload.get("aliyunpublishtime"),
        "content": payload.get("data"),
    }


def _from_subscription(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """The webhook's `alert` holds the flat fields in `meta.sysEventMeta` and the content beside it."""
    alert = _mapping(payload["alert"])
    if alert is None:
        raise NotAnEventError("a subscription whose alert is not an object")
    meta = _mapping((_mapping(alert.get("meta")) or {}).get("sysEventMeta")) or {}
    content = _mapping(alert.get("eventContentMap")) or alert.get("eventRawContent")
    return {
        "id": alert.get("dedupId") or alert.get("traceId"),
        "product": alert.get("product"),
        "name": alert.get("eventName"),
        "level": alert.get("severity"),
        "resourceId": alert.get("arn"),
        "userId": alert.get("userId") or payload.get("userId"),
        "eventTime": alert.get("timestamp") or payload.get("time"),
        **{key: value for key, value in meta.items() if value not in ("", None)},
        "content": content,
    }


def _from_attribute(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    """DescribeSystemEventAttribute: capitalised keys, `Content` a text, `Time` in milliseconds."""
    listed = (_mapping(payload["SystemEvents"]) or {}).get("SystemEvent")
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], dict):
        count = len(listed) if isinstance(listed, list) else 0
        raise NotAnEventError(f"a query's answer with {count} events: send each as a message of its own")
    event = listed[0]
    flat = {key[:1].lower() + key[1:]: value for key, value in event.items()}
    return flat | {"eventTime": event.get("Time")}


def _mapping(value: Any) -> Mapping[str, Any] | None:
    """A JSON object, given as one or as its text; None for all else."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value if isinstance(value, dict) else None


def read_content(value: Any) -> Mapping[str, Any]:
    """The content as an object; a text that holds none is kept under `text`, another value under `value`."""
    found = _mapping(value)
    if found is not None:
        return found
    if value is None or value == "":
        return {}
    return {"text": value} if isinstance(value, str) else {"value": value}


def read_time_ms(text: str, zone_of_bare_times: tzinfo) -> int | None:
    """Milliseconds since the epoch of a time as any envelope writes it, or None.

    Compact or extended ISO 8601, with and without milliseconds, seconds, zone and colon; or epoch seconds or
    milliseconds, of whose fraction nothing is read.
    """
    if len(text) == _USUAL_TIME:
        try:
            return _milliseconds(datetime.fromisoformat(text[:-5]) - _EPOCH) - _offset_ms(text[-5:])
        except (TypeError, ValueError):  # the former where what stands before the zone has one already
            pass
    return _read_unusual_time_ms(text.strip(), zone_of_bare_times)


def _read_unusual_time_ms(text: str, zone_of_bare_times: tzinfo) -> int | None:
    number = text.partition(".")[0]
    if number.isdigit() and len(number) in (10, 13):
        return int(number) * (1000 if len(number) == 10 else 1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone_of_bare_times)
    return _milliseconds(moment.replace(tzinfo=None) - _EPOCH - (moment.utcoffset() or timedelta()))


@lru_cache(maxsize=64)
def _offset_ms(zone: str) -> int:
    """How far a zone such as `+0800` is ahead. Raises ValueError for a text that is none."""
    return _milliseconds(datetime.strptime(zone, "%z").utcoffset() or timedelta())


def _milliseconds(span: timedelta) -> int:
    return span.days * 86_400_000 + span.seconds * 1000 + span.microseconds // 1000
