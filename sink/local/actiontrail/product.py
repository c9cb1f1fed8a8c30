"""LookupEvents: the newest first, filtered by one attribute and a span of time, as the real one allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from sink.local.actiontrail.trail import TrailEvent
from sink.local.fleet.events import utc_time
from sink.local.pop.call import Call, Document, Operation, Product
from sink.local.pop.errors import PopError, invalid_parameter

WEEK_SECONDS = 7 * 24 * 3600
ATTRIBUTES: Mapping[str, Callable[[TrailEvent], tuple[str, ...]]] = MappingProxyType(
    {
        "EventId": lambda one: (one.event_id,),
        "EventName": lambda one: (one.event_name,),
        "EventType": lambda one: (one.event_type,),
        "ServiceName": lambda one: (one.service_name,),
        "User": lambda one: (one.user_name,),
        "EventAccessKeyId": lambda one: (one.access_key_id,),
        "ResourceType": lambda one: (one.resource_type,),
        "ResourceName": lambda one: one.resource_names,
        "EventRW": lambda one: ("Write",),
    }
)


def lookup_events(call: Call) -> Document:
    """LookupEvents."""
    start = _time(call, "StartTime", call.scene.now - WEEK_SECONDS)
    end = _time(call, "EndTime", call.scene.now)
    wanted = call.structures("LookupAttribute")
    if len(wanted) > 1:
        raise PopError(400, "InvalidParameterCombination", "Only one LookupAttribute is allowed.")
    found = [
        one
        for one in call.scene.state.shelf(TrailEvent).all()
        if start <= one.at <= end + 1 and all(_matches(one, attribute) for attribute in wanted)
    ]
    shown, token = call.stretch(found, _newest_first, default=20, largest=50)
    facts = {"StartTime": utc_time(start), "EndTime": utc_time(end), "NextToken": token}
    return {"Events": [_document(one, call) for one in shown], **facts}


def _matches(event: TrailEvent, attribute: Mapping[str, str]) -> bool:
    key = attribute.get("Key", "")
    if key not in ATTRIBUTES:
        raise invalid_parameter("LookupAttribute.1.Key", f"{key} is none of {', '.join(ATTRIBUTES)}")
    return attribute.get("Value", "") in ATTRIBUTES[key](event)


def _newest_first(event: TrailEvent) -> str:
    return f"{10**13 - round(1000 * event.at):013}{event.event_id}"


def _time(call: Call, name: str, default: float) -> float:
    text = call.text(name)
    if not text:
        return default
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise invalid_parameter(name, f"{text} is not YYYY-MM-DDThh:mm:ssZ") from error


def _document(event: TrailEvent, call: Call) -> Document:
    account_id = call.key.account_id
    identity = {
        "type": "ram-user" if event.user_name else "root-account",
        "accountId": account_id,
        "principalId": event.access_key_id or account_id,
        "userName": event.user_name or "root",
        "accessKeyId": event.access_key_id,
    }
    names = list(event.resource_names)
    return {
        "eventId": event.event_id,
        "eventName": event.event_name,
        "eventType": event.event_type,
        "eventRW": "Write",
        "eventSource": f"{event.service_name.lower()}.aliyuncs.com",
        "eventTime": utc_time(event.at),
        "eventVersion": "1",
        "eventCategory": "Management",
        "serviceName": event.service_name,
        "acsRegion": call.scene.envelope.region_id,
        "recipientAccountId": account_id,
        "requestId": event.request_id,
        "requestParameters": event.request_parameters,
        "referencedResources": {event.resource_type: names} if event.resource_type and names else {},
        "resourceType": event.resource_type,
        "resourceName": ";".join(names),
        "sourceIpAddress": "127.0.0.1",
        "userIdentity": identity,
    }


ACTIONTRAIL = Product(
    "actiontrail", "2020-07-06", MappingProxyType({"LookupEvents": Operation(lookup_events)})
)
