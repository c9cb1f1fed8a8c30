"""What happens to the things around an instance: disks, snapshots, network interfaces, CPU credits.

None of it changes the instance's state; it is here because a queue of the real CloudMonitor is full
of it, and a reader of that queue must cope. Contents follow the documented samples to the key,
their disagreements included: a disk reports `accomplished` where a network interface reports `success`.
"""

from __future__ import annotations

from dataclasses import replace

from sink.local.fleet import events
from sink.local.fleet.instances import Instance, State, new_address, new_id
from sink.local.fleet.maintenance import inquire
from sink.local.fleet.scene import Scene
from sink.local.fleet.state import Step

FAILED_SHARE = 0.05
LONGEST_RESTRICTION = 4
"""Hours on end that a burstable instance can be without credits."""


def stall_disk(scene: Scene, instance: Instance) -> None:
    """Let a disk answer slowly or not at all for a while."""
    degree = scene.random.choice(("Degraded", "SeverelyDegraded", "Stalled"))
    break_disk(scene, instance, "Disk:Stalled", degree)


def damage_disk(scene: Scene, instance: Instance) -> None:
    """Find an error on a local disk, and ask the owner what to do about it."""
    break_disk(scene, instance, "Disk:ErrorDetected", "ErrorDetected")
    inquire(scene, instance)


def break_disk(scene: Scene, instance: Instance, kind: str, event_type: str) -> None:
    """Tell that a disk is faulty, and after its repair that it no longer is."""
    content = {
        "eventId": new_id("e", scene.random),
        "device": "/dev/xvdb",
        "eventType": event_type,
        "executeStartTime": events.utc_time(scene.now),
        "ecsInstanceId": instance.instance_id,
        "ecsInstanceName": instance.instance_name,
    }
    scene.tell(replace(events.of_disk(instance.disk_id, kind, content), status="Executing"))
    repaired = scene.roughly(scene.rates.repair_seconds)
    scene.later(repaired, "repair_disk", instance, kind=kind, disk=instance.disk_id, **content)


def repair_disk(scene: Scene, step: Step) -> None:
    """Tell that a disk's fault is over."""
    content = dict(step.details) | {"executeFinishTime": events.utc_time(scene.now)}
    notice = events.of_disk(content.pop("disk"), content.pop("kind"), content)
    scene.tell(replace(notice, status="Executed"))


def operate_disk(scene: Scene, instance: Instance) -> None:
    """Attach or detach a data disk."""
    failed = scene.random.random() < FAILED_SHARE
    content = {
        "operation": scene.random.choice(("AttachDisk", "DetachDisk")),
        "result": "failed" if failed else "accomplished",
    }
    disk_id = new_id("d", scene.random)
    scene.tell(events.of_disk(disk_id, "Disk:DiskOperationCompleted", content, "WARN" if failed else None))


def convert_disk(scene: Scene, instance: Instance) -> None:
    """Turn a subscribed data disk into a pay-as-you-go one."""
    disk_id = new_id("d", scene.random)
    scene.tell(events.of_disk(disk_id, "Disk:ConvertToPostpaidCompleted", {"result": "accomplished"}))


def take_snapshot(scene: Scene, instance: Instance) -> None:
    """Begin a snapshot of the instance's disk, by hand or by an automatic policy."""
    details = {
        "disk": instance.disk_id,
        "kind": scene.random.choice(("user", "timer", "timer")),
        "started_at": repr(scene.now),
    }
    scene.later(scene.roughly(scene.rates.repair_seconds), "complete_snapshot", instance, **details)


def complete_snapshot(scene: Scene, step: Step) -> None:
    """Tell that a snapshot is complete."""
    disk, kind, started_at = step.details["disk"], step.details["kind"], float(step.details["started_at"])
    snapshot_id = new_id("s", scene.random)
    scene.tell(events.snapshot_completed(disk, snapshot_id, kind, started_at, scene.now))


def restrict(scene: Scene, instance: Instance) -> None:
    """Let a burstable instance run out of credits, told hourly until it has some again."""
    for hour in range(scene.random.randint(1, LONGEST_RESTRICTION)):
        scene.later(hour * scene.rates.restriction_seconds, "tell_restriction", instance)


def tell_restriction(scene: Scene, step: Step) -> None:
    """Tell that a burstable instance was restricted within the last full hour."""
    instance = scene.find(step.instance_id)
    if instance and instance.state is State.RUNNING:
        end = scene.now - scene.now % 3600
        interval = {"intervalStart": events.utc_minute(end - 3600), "intervalEnd": events.utc_minute(end)}
        scene.tell(events.of_instance(instance, "Instance:BurstablePerformanceRestricted", interval))


def change_performance_mode(scene: Scene, instance: Instance) -> None:
    """Switch a burstable instance's mode: the only event that says who did it."""
    content = {
        "creditSpecification": scene.random.choice(("Standard", "Unlimited")),
        "operator": scene.random.choice(("User", "System")),
    }
    scene.tell(events.of_instance(instance, "Instance:PerformanceModeChange", content))


def migrate(scene: Scene, instance: Instance) -> None:
    """Move an instance to another dedicated host without stopping it."""
    content = {
        "sourceDedicatedHostId": new_id("dh", scene.random),
        "destinationDedicatedHostId": new_id("dh", scene.random),
        "startTime": events.utc_time(scene.now),
    }
    started = content | {"status": "started"}
    scene.tell(events.of_instance(instance, "Instance:LiveMigrationAcrossDDH", started))
    scene.later(scene.roughly(scene.rates.repair_seconds), "arrive", instance, **content)


def arrive(scene: Scene, step: Step) -> None:
    """Tell how a live migration has ended; nothing, if the instance was released on the way."""
    if instance := scene.find(step.instance_id):
        failed = scene.random.random() < FAILED_SHARE
        outcome = {"endTime": events.utc_time(scene.now), "status": "failed" if failed else "accomplished"}
        content = dict(step.details) | outcome
        scene.tell(events.of_instance(instance, "Instance:LiveMigrationAcrossDDH", content))


def change_vswitch(scene: Scene, instance: Instance) -> None:
    """Move a stopped instance to another vSwitch, where it gets another address."""
    moved = replace(instance, private_ip_address=new_address(scene.random))
    scene.state.keep(moved)
    content = {
        "vswitchId": new_id("vsw", scene.random),
        "privateIpAddress": moved.private_ip_address,
        "vpcId": new_id("vpc", scene.random),
        "secondaryPrivateIps": [new_address(scene.random)],
    }
    notice = events.of_instance(moved, "Instance:VSwitchChanged", content)
    # The vendor's page gives the interface as the resource of this one event about an instance.
    scene.tell(replace(notice, resource=f"eni/{moved.network_interface_id}"))


def operate_network_interface(scene: Scene, instance: Instance) -> None:
    """Attach a secondary network interface."""
    content = {
        "operation": "AttachNetworkInterface",
        "eniStatus": "InUse",
        "result": "success",
        "requestId": str(scene.new_uuid()).upper(),
        "primaryPrivateIp": new_address(scene.random),
        "secondaryPrivateIps": [new_address(scene.random)],
        "ipv4Prefixes": [],
        "ipv6s": [],
        "ipv6Prefixes": [],
    }
    eni_id = new_id("eni", scene.random)
    scene.tell(events.of_network_interface(eni_id, "NetworkInterfaceOperateCompleted", content))


def assign_private_ip(scene: Scene, instance: Instance) -> None:
    """Give the instance's network interface one more address."""
    content = {
        "primaryPrivateIp": instance.private_ip_address,
        "secondaryPrivateIps": [new_address(scene.random)],
        "ipv4Prefixes": [],
    }
    scene.tell(events.of_network_interface(instance.network_interface_id, "PrivateIPAssigned", content))
