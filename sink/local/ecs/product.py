"""The table of ECS: what is emulated of API 2014-05-26, and what RAM has to allow for each."""

from __future__ import annotations

from types import MappingProxyType

from sink.local.ecs import changing, launching, reading, regions, tags
from sink.local.pop.call import Operation, Product

ECS = Product(
    "ecs",
    "2014-05-26",
    MappingProxyType(
        {
            "DescribeRegions": Operation(regions.describe_regions),
            "DescribeZones": Operation(regions.describe_zones),
            "DescribeInstances": Operation(reading.describe_instances),
            "DescribeInstanceStatus": Operation(reading.describe_instance_status),
            "DescribeInstanceAttribute": Operation(reading.describe_instance_attribute, changing.named),
            "DescribeInstanceHistoryEvents": Operation(reading.describe_instance_history_events),
            "DescribeSpotPriceHistory": Operation(reading.describe_spot_price_history),
            "StartInstance": Operation(changing.start_instance, changing.named, changes=True),
            "StartInstances": Operation(changing.start_instances, changing.named, changes=True),
            "StopInstance": Operation(changing.stop_instance, changing.named, changes=True),
            "StopInstances": Operation(changing.stop_instances, changing.named, changes=True),
            "RebootInstance": Operation(changing.reboot_instance, changing.named, changes=True),
            "RebootInstances": Operation(changing.reboot_instances, changing.named, changes=True),
            "DeleteInstance": Operation(changing.delete_instance, changing.named, changes=True),
            "DeleteInstances": Operation(changing.delete_instances, changing.named, changes=True),
            "RunInstances": Operation(launching.run_instances, changes=True),
            "TagResources": Operation(tags.tag_resources, tags.named, changes=True),
            "UntagResources": Operation(tags.untag_resources, tags.named, changes=True),
            "ListTagResources": Operation(tags.list_tag_resources, tags.named),
            "AddTags": Operation(tags.add_tags, tags.named, changes=True),
            "RemoveTags": Operation(tags.remove_tags, tags.named, changes=True),
        }
    ),
)
