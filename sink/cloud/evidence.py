"""What is known about an instance besides its state: the platform's doings, people's orders, its connections.

Three services answer: ECS what the platform did to it, ActionTrail who ordered what, CloudMonitor how many
connections it holds. None of them is asked where minutes count and nothing depends on it: ActionTrail takes
two questions a second and is some minutes late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sink.action import News, Order
from sink.cloud.calls import Answer, Call, Document, milliseconds, numbered
from sink.cloud.gate import Gate
from sink.cloud.sharing import Batch, Sharing
from sink.cloud.turn import Turn

_PAGE = 100
_TRAIL_PAGE = 50
_METRIC_IDS = 50
"""Instances that DescribeMetricLast takes in one question."""
_EVERY_STATUS = ["Inquiring", "Scheduled", "Executing", "Executed", "Avoided", "Canceled", "Failed"]

Key = tuple[str, str]
"""Region and instance id."""


class Evidence:
    """DescribeInstanceHistoryEvents, LookupEvents and DescribeMetricLast."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._connections: Sharing[str, Key, Answer[int | None]] = Sharing(
            self._read_connections, room=lambda key: key[0], most=_METRIC_IDS
        )

    async def history(self, instance_id: str, region_id: str, turn: Turn) -> Answer[tuple[News, ...]]:
        """What the platform did to it within 30 days, or is about to: oldest first."""
        found: list[News] = []
        page = 1
        while True:
            answer = await self._gate.ask(_history_call(instance_id, region_id, page), turn)
            news, total = answer.value
            found += news
            if not news or page * _PAGE >= total:
                ordered = tuple(sorted(found, key=lambda one: one.event_time_ms))
                return Answer(ordered, answer.api, answer.request_id)
            page += 1

    async def orders(
        self, instance_id: str, region_id: str, since_ms: int, turn: Turn
    ) -> Answer[tuple[Order, ...]]:
        """What somebody ordered it to do since then: oldest first."""
        found: list[Order] = []
        token = ""
        while True:
            call = _trail_call(instance_id, region_id, since_ms, self._gate.now_ms(), token)
            answer = await self._gate.ask(call, turn)
            found += answer.value.orders
            token = answer.value.next_token
            if not token:
                # The newest come first, and within a second only their order tells which was earlier.
                kept = [one for one in reversed(found) if one.at_ms >= since_ms]
                ordered = tuple(sorted(kept, key=lambda one: one.at_ms))
                return Answer(ordered, answer.api, answer.request_id)

    async def connections(self, instance_id: str, region_id: str, turn: Turn) -> Answer[int | None]:
        """Its established TCP connections; None where the agent tells nothing."""
        return await self._connections.ask((region_id, instance_id), turn)

    async def _read_connections(
        self, region_id: str, batch: Batch[Key, Answer[int | None]]
    ) -> Mapping[Key, Answer[int | None]]:
        def build() -> Call[Mapping[str, int]]:
            return _metric_call([instance_id for _, instance_id in batch.close()], region_id)

        answer = await self._gate.ask_late(_metric_call([], region_id).line, batch.turn, build)
        return {key: Answer(answer.value.get(key[1]), answer.api, answer.request_id) for key in batch.close()}


def _history_call(instance_id: str, region_id: str, page: int) -> Call[tuple[list[News], int]]:
    parameters: dict[str, str | int] = {
        "InstanceId": instance_id,
        "PageNumber": page,
        "PageSize": _PAGE,
        **numbered("InstanceEventCycleStatus", _EVERY_STATUS),
    }
    return Call("ecs", "DescribeInstanceHistoryEvents", region_id, _history_page, parameters)


def _history_page(document: Document) -> tuple[list[News], int]:
    events = document["InstanceSystemEventSet"]["InstanceSystemEventType"]
    return [_news(one) for one in events], int(document["TotalCount"])


def _news(event: Document) -> News:
    at_ms = milliseconds(event.get("EventFinishTime", "")) or milliseconds(event["EventPublishTime"])
    return News(
        kind=f"Instance:{event['EventType']['Name']}",
        status=event["EventCycleStatus"]["Name"],
        event_time_ms=at_ms or 0,
    )


@dataclass(frozen=True, slots=True)
class _TrailPage:
    orders: Sequence[Order]
    next_token: str


def _trail_call(instance_id: str, region_id: str, since_ms: int, now_ms: int, token: str) -> Call[_TrailPage]:
    parameters: dict[str, str | int] = {
        "LookupAttribute.1.Key": "ResourceName",
        "LookupAttribute.1.Value": instance_id,
        "StartTime": _utc(since_ms),
        "EndTime": _utc(now_ms + 1000),
        "MaxResults": _TRAIL_PAGE,
    }
    if token:
        parameters["NextToken"] = token
    return Call("actiontrail", "LookupEvents", region_id, _trail_page, parameters)


def _trail_page(document: Document) -> _TrailPage:
    changes = [one for one in document["Events"] if one.get("eventRW", "Write") == "Write"]
    return _TrailPage([_order(one) for one in changes], document.get("NextToken") or "")


def _order(event: Document) -> Order:
    identity: Mapping[str, Any] = event.get("userIdentity") or {}
    is_root = identity.get("type") == "root-account"
    return Order(
        name=event["eventName"],
        at_ms=milliseconds(event["eventTime"]) or 0,
        by="root" if is_root else identity.get("userName") or identity.get("type", ""),
        event_type=event.get("eventType", ""),
        access_key_id=identity.get("accessKeyId") or "",
    )


def _utc(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _metric_call(instance_ids: Sequence[str], region_id: str) -> Call[Mapping[str, int]]:
    dimensions = orjson.dumps([{"instanceId": one} for one in instance_ids]).decode()
    parameters: dict[str, str | int] = {
        "Namespace": "acs_ecs_dashboard",
        "MetricName": "net_tcpconnection",
        "Period": 60,
        "Dimensions": dimensions,
    }
    return Call("cms", "DescribeMetricLast", region_id, _established, parameters)


def _established(document: Document) -> dict[str, int]:
    """Connections by instance. CloudMonitor tells them by state, and established ones are what drains."""
    points = orjson.loads(document["Datapoints"])
    return {
        one["instanceId"]: round(one["Average"])
        for one in points
        if one.get("state", "ESTABLISHED") == "ESTABLISHED"
    }
