"""What CloudMonitor writes into the queue for each thing that happens to the fleet.

A `Notice` is one event without its delivery: name, level, resource and content. `Envelope` puts
it into the flat form that queues carry since 2023 (`ver` 1.0). The shapes follow Alibaba Cloud's
pages "Instance event notification", "Elastic Block Storage event notifications", "Snapshot event
notifications" and "Elastic network interface event notifications". Kinds whose content no page
shows (SurplusCreditIncurCharge, AutoReactivateCompleted, PrivateIPUnassigned, the IPv6 kinds,
SnapshotDeleted) are never emitted: a guess would teach a reader what the real service may deny.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from uuid import UUID

import orjson

from sink.local.fleet.instances import Instance

CATALOGUE: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "CloudAssistant:FirstHeartbeat": ("Notification", "INFO"),
        "Disk:ConvertToPostpaidCompleted": ("StatusNotification", "INFO"),
        "Disk:DiskOperationCompleted": ("StatusNotification", "INFO"),
        "Disk:ErrorDetected": ("Exception", "CRITICAL"),
        "Disk:OverduePaymentRelease": ("StatusNotification", "CRITICAL"),
        "Disk:Stalled": ("Exception", "CRITICAL"),
        "Instance:BurstablePerformanceRestricted": ("StatusNotification", "WARN"),
        "Instance:InstanceFailure.Alert": ("Exception", "WARN"),
        "Instance:InstanceFailure.Reboot": ("Exception", "CRITICAL"),
        "Instance:LiveMigrationAcrossDDH": ("StatusNotification", "INFO"),
        "Instance:PerformanceModeChange": ("StatusNotification", "INFO"),
        "Instance:PreemptibleInstanceInterruption": ("StatusNotification", "WARN"),
        "Instance:Security.TpmAlert": ("Exception", "WARN"),
        "Instance:StateChange": ("StatusNotification", "INFO"),
        "Instance:SystemFailure.Delete": ("Exception", "CRITICAL"),
        "Instance:SystemFailure.Reboot": ("Exception", "CRITICAL"),
        "Instance:SystemFailure.Redeploy": ("Exception", "CRITICAL"),
        "Instance:SystemFailure.Stop": ("Exception", "CRITICAL"),
        "Instance:SystemMaintenance.IsolateErrorDisk": ("Maintenance", "CRITICAL"),
        "Instance:SystemMaintenance.PerformanceImpact": ("Maintenance", "WARN"),
        "Instance:SystemMaintenance.ReInitErrorDisk": ("Maintenance", "CRITICAL"),
        "Instance:SystemMaintenance.Reboot": ("Maintenance", "CRITICAL"),
        "Instance:SystemMaintenance.RebootAndIsolateErrorDisk": ("Maintenance", "CRITICAL"),
        "Instance:SystemMaintenance.RebootAndReInitErrorDisk": ("Maintenance", "CRITICAL"),
        "Instance:SystemMaintenance.Redeploy": ("Maintenance", "CRITICAL"),
        "Instance:SystemMaintenance.Stop": ("Maintenance", "CRITICAL"),
        "Instance:VSwitchChanged": ("StatusNotification", "INFO"),
        "NetworkInterface:NetworkInterfaceOperateCompleted": ("StatusNotification", "INFO"),
        "NetworkInterface:PrivateIPAssigned": ("StatusNotification", "INFO"),
        "Snapshot:CreateSnapshotCompleted": ("StatusNotification", "INFO"),
    }
)
"""Every kind the fleet can emit, with the `eventType` and usual `level` that CloudMonitor's table gives."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event, before it is addressed and dated."""

    kind: str
    """A key of CATALOGUE: the name without its status."""
    resource: str
    """Type and id as they end an ARN: `instance/i-…`, `disk/d-…`."""
    content: Mapping[str, object]
    instance_name: str = ""
    status: str | None = None
    """`Executing` and the like: becomes the name's suffix. None for kinds that have none."""
    level: str | None = None
    """Where it differs from the kind's usual one."""

    @property
    def name(self) -> str:
        """The event's name as the queue carries it."""
        return self.kind if self.status is None else f"{self.kind}:{self.status}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """CloudMonitor as the sender: whose events these are and from where."""

    account_id: str
    region_id: str

    def body(self, notice: Notice, at: float, event_id: UUID) -> bytes:
        """Write the event as JSON in UTF-8, dated `at` (seconds since the epoch)."""
        event_type, level = CATALOGUE[notice.kind]
        return orjson.dumps(
            {
                "ver": "1.0",
                "id": str(event_id).upper(),
                "product": "ECS",
                "resourceId": f"acs:ecs:{self.region_id}:{self.account_id}:{notice.resource}",
                "level": notice.level or level,
                "instanceName": notice.instance_name,
                "name": notice.name,
                "userId": self.account_id,
                "eventTime": event_time(at),
                "regionId": self.region_id,
                "status": notice.status or "Normal",
                "eventType": event_type,
                "groupId": "",
                "ruleName": "ecs-events-to-queue",
                "content": notice.content,
            }
        )


def queue_body(body: bytes) -> bytes:
    """Encode a JSON body as CloudMonitor puts it into a queue: base64."""
    return base64.b64encode(body)


def event_time(at: float) -> str:
    """Write epoch seconds as `eventTime`: Beijing's time, milliseconds, offset without a colon."""
    seconds, milliseconds = divmod(round(at * 1000), 1000)
    beijing = datetime.fromtimestamp(seconds, timezone(timedelta(hours=8)))
    return f"{beijing:%Y%m%dT%H%M%S}.{milliseconds:03}+0800"


def utc_time(at: float) -> str:
    """Write epoch seconds as the times inside `content`: UTC, whole seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"


def utc_minute(at: float) -> str:
    """Write epoch seconds as a burstable instance's interval is given: UTC, no seconds."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%MZ}"


def of_instance(instance: Instance, kind: str, content: Mapping[str, object]) -> Notice:
    """Make a notice about an instance; `content` stands beside its `instanceId`."""
    about = {"instanceId": instance.instance_id} | dict(content)
    return Notice(kind, f"instance/{instance.instance_id}", about, instance.instance_name)


def state_change(instance: Instance) -> Notice:
    """Instance:StateChange, the one kind that calls the instance `resourceId`."""
    content = {
        "resourceId": instance.instance_id,
        "resourceType": "ALIYUN::ECS::Instance",
        "state": instance.state.value,
        "instanceName": instance.instance_name,
        "instanceType": instance.instance_type,
        "privateIpAddress": instance.private_ip_address,
    }
    return Notice("Instance:StateChange", f"instance/{instance.instance_id}", content, instance.instance_name)


def interruption(instance: Instance) -> Notice:
    """Instance:PreemptibleInstanceInterruption. `action` is `delete` in every documented message."""
    content = {"action": "delete", "instanceName": instance.instance_name}
    return of_instance(instance, "Instance:PreemptibleInstanceInterruption", content)


def first_heartbeat(instance: Instance, region_id: str, event_id: UUID, uptime_ms: int) -> Notice:
    """CloudAssistant:FirstHeartbeat, which names the instance `vmName` and nothing else."""
    zone = {"region": region_id, "azone": instance.zone_id}
    content = {
        "extensions": {"agentVersion": "2.2.3.857", "uptime": uptime_ms} | zone,
        "vmName": instance.instance_id,
        "impact": "Alert",
        "opsCode": "InstanceStatusChange",
        "bizEventId": str(event_id),
    }
    resource = f"instance/{instance.instance_id}"
    return Notice("CloudAssistant:FirstHeartbeat", resource, content, instance.instance_name)


def of_disk(disk_id: str, kind: str, content: Mapping[str, object], level: str | None = None) -> Notice:
    """Make a notice about a disk; `content` stands beside its `diskId`."""
    return Notice(kind, f"disk/{disk_id}", {"diskId": disk_id} | dict(content), level=level)


def snapshot_completed(
    disk_id: str, snapshot_id: str, kind: str, started_at: float, ended_at: float
) -> Notice:
    """Snapshot:CreateSnapshotCompleted; `kind` is `user` or `timer`, times in epoch seconds."""
    content = {
        "result": "accomplished",
        "snapshotId": snapshot_id,
        "snapshotName": f"{kind}-{snapshot_id[-6:]}",
        "snapshotType": kind,
        "diskId": disk_id,
        "startTime": utc_time(started_at),
        "endTime": utc_time(ended_at),
    }
    return Notice("Snapshot:CreateSnapshotCompleted", f"snapshot/{snapshot_id}", content)


def of_network_interface(eni_id: str, event: str, content: Mapping[str, object]) -> Notice:
    """Make a notice about a network interface; `content` stands beside its `eniId`."""
    return Notice(f"NetworkInterface:{event}", f"eni/{eni_id}", {"eniId": eni_id} | dict(content))
