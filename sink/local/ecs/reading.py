"""The calls of ECS that only read: DescribeInstances and its neighbours.

DescribeInstances pages both ways, by number and by token. An id that does not exist is simply absent from
what is found. Filters that the fleet has no model of are refused: an answer that ignored one would be
a wrong one.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from sink.local.ecs.documents import instance_document, status
from sink.local.ecs.orders import find
from sink.local.ecs.regions import required_region
from sink.local.fleet.events import utc_time
from sink.local.fleet.instances import Instance
from sink.local.fleet.market import ORIGIN_PRICE, market_of
from sink.local.fleet.operations import FINAL_STATUSES, SystemEvent
from sink.local.pop.call import Call, Document
from sink.local.pop.errors import invalid_parameter, not_emulated

MOST_IDS = 100
UNKNOWN_FILTERS = (
    "PublicIpAddresses EipAddresses InnerIpAddresses Ipv6Address KeyPairName HpcClusterId RdmaIpAddresses "
    "ResourceGroupId NeedSaleCycle DeviceAvailable"
).split()


def describe_instances(call: Call) -> Document:
    """DescribeInstances."""
    found = sorted(_filtered(call, _wanted(call)), key=_newest_first)
    if call.text("MaxResults") or call.text("NextToken"):
        shown, token = call.stretch(found, _newest_first)
        paging = {"NextToken": token}
    else:
        shown, paging = call.page(found), call.page_facts
    documents = [instance_document(one) for one in shown]
    return {"Instances": {"Instance": documents}, "TotalCount": len(found), **paging}


def describe_instance_status(call: Call) -> Document:
    """DescribeInstanceStatus."""
    region_id, zone_id, ids = required_region(call), call.text("ZoneId"), call.listed("InstanceId")
    found = [
        one
        for one in sorted(call.scene.state.instances.values(), key=_newest_first)
        if one.region_id == region_id and zone_id in ("", one.zone_id) and (not ids or one.instance_id in ids)
    ]
    shown = [{"InstanceId": one.instance_id, "Status": status(one)} for one in call.page(found, largest=50)]
    return {"InstanceStatuses": {"InstanceStatus": shown}, "TotalCount": len(found), **call.page_facts}


def describe_instance_attribute(call: Call) -> Document:
    """DescribeInstanceAttribute."""
    return instance_document(find(call.scene, call.required("InstanceId")))


def describe_instance_history_events(call: Call) -> Document:
    """DescribeInstanceHistoryEvents: what the platform did within 30 days, by default what is over."""
    required_region(call)
    single = call.text("InstanceEventCycleStatus")
    cycle = call.listed("InstanceEventCycleStatus") or ([single] if single else list(FINAL_STATUSES))
    kinds = call.listed("InstanceEventType") or [call.text("InstanceEventType")]
    instance_id, event_ids = call.text("InstanceId"), call.listed("EventId")
    found = [
        event
        for event in reversed(call.scene.state.shelf(SystemEvent).all())
        if instance_id in ("", event.operation.instance_id)
        and event.status in cycle
        and (kinds == [""] or event.operation.event_type in kinds)
        and (not event_ids or event.operation.event_id in event_ids)
    ]
    shown = [_event_document(one) for one in call.page(found)]
    events = {"InstanceSystemEventType": shown}
    return {"InstanceSystemEventSet": events, "TotalCount": len(found), **call.page_facts}


def describe_spot_price_history(call: Call) -> Document:
    """DescribeSpotPriceHistory, of this hour: the market here has no memory."""
    region_id, instance_type = required_region(call), call.required("InstanceType")
    call.required("NetworkType")
    price = {
        "InstanceType": instance_type,
        "ZoneId": call.text("ZoneId", f"{region_id}-h"),
        "IoOptimized": "optimized",
        "NetworkType": "vpc",
        "OriginPrice": ORIGIN_PRICE,
        "SpotPrice": market_of(call.scene).spot_price(instance_type),
        "Timestamp": utc_time(call.scene.now - call.scene.now % 3600),
    }
    return {"Currency": "CNY", "NextOffset": 0, "SpotPrices": {"SpotPriceType": [price]}}


def _newest_first(instance: Instance) -> str:
    return f"{10**13 - round(1000 * instance.creation_time):013}{instance.instance_id}"


def _wanted(call: Call) -> list[Instance]:
    region_id, ids = required_region(call), call.json_list("InstanceIds")
    if ids is not None and len(ids) > MOST_IDS:
        raise invalid_parameter("InstanceIds", f"{len(ids)} ids, where {MOST_IDS} are allowed")
    for name in UNKNOWN_FILTERS:
        if call.text(name):
            raise not_emulated(f"DescribeInstances with {name}")
    instances = call.scene.state.instances
    chosen = instances.values() if ids is None else [instances[one] for one in ids if one in instances]
    return [one for one in chosen if one.region_id == region_id]


def _filtered(call: Call, instances: list[Instance]) -> list[Instance]:
    tags = {tag.get("Key", ""): tag.get("Value") for tag in call.structures("Tag")}
    return [one for one in instances if _fits(call, one) and _has_tags(one, tags)]


def _fits(call: Call, instance: Instance) -> bool:
    addresses = call.json_list("PrivateIpAddresses")
    lock, group = call.text("LockReason").lower(), call.text("SecurityGroupId")
    return (
        all(call.text(name) in ("", value) for name, value in _exact(instance).items())
        and fnmatchcase(instance.instance_name, call.text("InstanceName", "*"))
        and (addresses is None or instance.private_ip_address in addresses)
        and (not group or group in instance.security_group_ids)
        and (not lock or lock in [reason.lower() for reason in instance.operation_locks])
    )


def _exact(instance: Instance) -> dict[str, str]:
    return {
        "Status": status(instance),
        "ZoneId": instance.zone_id,
        "VpcId": instance.vpc_id,
        "VSwitchId": instance.vswitch_id,
        "InstanceType": instance.instance_type,
        "InstanceTypeFamily": instance.instance_type.rpartition(".")[0],
        "InstanceNetworkType": "vpc",
        "InstanceChargeType": instance.instance_charge_type,
        "InternetChargeType": "PayByTraffic",
        "ImageId": instance.image_id,
        "SpotStrategy": instance.spot_strategy,
    }


def _has_tags(instance: Instance, tags: dict[str, str | None]) -> bool:
    return all(
        name in instance.tags and value in (None, "", instance.tags[name]) for name, value in tags.items()
    )


def _event_document(event: SystemEvent) -> Document:
    operation = event.operation
    return {
        "EventId": operation.event_id,
        "InstanceId": operation.instance_id,
        "EventType": {"Name": operation.event_type},
        "EventCycleStatus": {"Name": event.status},
        "EventPublishTime": operation.publish_time,
        "NotBefore": operation.not_before or operation.publish_time,
        "EventFinishTime": utc_time(event.told_at) if event.status in FINAL_STATUSES else "",
        "Reason": "",
    }
