"""The regions and zones that ECS knows here: where the fleet may be, and some where it is not."""

from __future__ import annotations

from sink.local.pop.call import Call, Document
from sink.local.pop.errors import PopError

REGIONS = (
    "cn-hangzhou cn-shanghai cn-beijing cn-shenzhen cn-qingdao cn-zhangjiakou cn-huhehaote cn-chengdu "
    "cn-hongkong ap-southeast-1 ap-northeast-1 us-west-1 us-east-1 eu-central-1"
).split()
ZONES = "hijk"


def required_region(call: Call) -> str:
    """The call's RegionId. Raises PopError MissingParameter or InvalidRegionId.NotFound."""
    region_id = call.required("RegionId")
    if region_id not in REGIONS:
        raise PopError(404, "InvalidRegionId.NotFound", "The specified RegionId does not exist.")
    return region_id


def describe_regions(call: Call) -> Document:
    """DescribeRegions."""
    regions = [
        {"RegionId": one, "RegionEndpoint": f"ecs.{one}.aliyuncs.com", "LocalName": one} for one in REGIONS
    ]
    return {"Regions": {"Region": regions}}


def describe_zones(call: Call) -> Document:
    """DescribeZones, without what each zone has in stock."""
    region_id = required_region(call)
    zones = [{"ZoneId": f"{region_id}-{one}", "LocalName": f"{region_id} {one}"} for one in ZONES]
    return {"Zones": {"Zone": zones}}
