"""How ECS shows an instance: the elements of DescribeInstances, with the values of one in a VPC.

Fields that the fleet has no model of (disks, public addresses, metadata options) are shown as an instance has
them that never had any of it.
"""

from __future__ import annotations

from sink.local.fleet.events import utc_minute, utc_time
from sink.local.fleet.instances import Instance, State
from sink.local.pop.call import Document

NEVER_EXPIRES = "2099-12-31T15:59Z"
MEMORY_MIB = {"large": 8192, "xlarge": 16384, "2xlarge": 32768}
CORES = {"large": 2, "xlarge": 4, "2xlarge": 8}


def status(instance: Instance) -> str:
    """The `Status` of the API, which has no Created: such an instance is still Pending."""
    return "Pending" if instance.state is State.CREATED else instance.state.value


def stopped_mode(instance: Instance) -> str:
    """`StopCharging`, `KeepCharging`, or `Not-applicable` unless it is Stopped."""
    return instance.stopped_mode if instance.state is State.STOPPED else "Not-applicable"


def instance_document(instance: Instance) -> Document:
    """One element of `Instances.Instance`."""
    return {**_identity(instance), **_terms(instance), **_hardware(instance), **_network(instance)}


def tag_documents(instance: Instance) -> list[Document]:
    """The elements of `Tags.Tag`, as DescribeInstances spells them."""
    return [{"TagKey": name, "TagValue": value} for name, value in sorted(instance.tags.items())]


def _identity(instance: Instance) -> Document:
    locks = [{"LockReason": reason} for reason in instance.operation_locks]
    return {
        "InstanceId": instance.instance_id,
        "InstanceName": instance.instance_name,
        "HostName": f"{instance.instance_id.replace('-', '')}Z",
        "Description": instance.description,
        "Status": status(instance),
        "StoppedMode": stopped_mode(instance),
        "RegionId": instance.region_id,
        "ZoneId": instance.zone_id,
        "OperationLocks": {"LockReason": locks},
        "Tags": {"Tag": tag_documents(instance)},
        "DeletionProtection": instance.deletion_protection,
        "CreationTime": utc_minute(instance.creation_time),
        "StartTime": utc_minute(instance.started_time or instance.creation_time),
        "ResourceGroupId": "",
        "SerialNumber": instance.instance_id.removeprefix("i-"),
    }


def _terms(instance: Instance) -> Document:
    release = instance.auto_release_time
    return {
        "InstanceChargeType": instance.instance_charge_type,
        "ExpiredTime": utc_minute(instance.expired_time) if instance.expired_time else NEVER_EXPIRES,
        "AutoReleaseTime": utc_time(release) if release else "",
        "SaleCycle": "",
        "Recyclable": any(lock.lower() == "recycling" for lock in instance.operation_locks),
        "SpotStrategy": instance.spot_strategy,
        "SpotPriceLimit": instance.spot_price_limit,
        "SpotDuration": instance.spot_duration,
        "SpotInterruptionBehavior": instance.spot_interruption_behavior if instance.is_spot else "",
    }


def _hardware(instance: Instance) -> Document:
    size = instance.instance_type.rpartition(".")[2]
    return {
        "InstanceType": instance.instance_type,
        "InstanceTypeFamily": instance.instance_type.rpartition(".")[0],
        "Cpu": CORES.get(size, 2),
        "Memory": MEMORY_MIB.get(size, 8192),
        "ImageId": instance.image_id,
        "OSType": "linux",
        "OSName": "Alibaba Cloud Linux 3.2104 LTS 64 bit",
        "OSNameEn": "Alibaba Cloud Linux 3.2104 LTS 64 bit",
        "IoOptimized": True,
        "DeviceAvailable": True,
        "LocalStorageAmount": 1 if instance.has_local_disks else 0,
        "CreditSpecification": "Standard" if instance.is_burstable else "",
    }


def _network(instance: Instance) -> Document:
    addresses = {"IpAddress": [instance.private_ip_address]}
    interface = {
        "NetworkInterfaceId": instance.network_interface_id,
        "PrimaryIpAddress": instance.private_ip_address,
        "Type": "Primary",
    }
    return {
        "InstanceNetworkType": "vpc",
        "InternetChargeType": "PayByTraffic",
        "InternetMaxBandwidthOut": 0,
        "PublicIpAddress": {"IpAddress": []},
        "InnerIpAddress": {"IpAddress": []},
        "EipAddress": {"AllocationId": "", "IpAddress": "", "InternetChargeType": ""},
        "SecurityGroupIds": {"SecurityGroupId": list(instance.security_group_ids)},
        "NetworkInterfaces": {"NetworkInterface": [interface]},
        "VpcAttributes": {
            "VpcId": instance.vpc_id,
            "VSwitchId": instance.vswitch_id,
            "NatIpAddress": "",
            "PrivateIpAddress": addresses,
        },
    }
