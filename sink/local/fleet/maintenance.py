"""What the platform does to instances by itself: failures it repairs, maintenance it announces.

A failure is told when it is there already. Maintenance is announced with a `notBefore` a day ahead,
or asks first (Inquiring) where a local disk is damaged; it ends as Executed, Failed, Avoided (the
owner acted in time) or Canceled. How these interleave with StateChange is not documented; here
Executing comes before the instance's first state and the final status after its last.
"""

from __future__ import annotations

from dataclasses import replace

from sink.local.fleet.events import utc_time
from sink.local.fleet.instances import Instance, State
from sink.local.fleet.lifecycle import reboot
from sink.local.fleet.operations import Operation, continue_later, execute, open_operation, operation_of, tell
from sink.local.fleet.scene import Scene
from sink.local.fleet.state import Step

CANCELED_SHARE = 0.1
AVOIDED_SHARE = 0.15
FAILED_SHARE = 0.05
CAN_FAIL = ("SystemFailure.Reboot", "SystemMaintenance.Reboot", "SystemMaintenance.Stop")
"""Of what the fleet does, the kinds for which CloudMonitor lists the status Failed."""


def fail_host(scene: Scene, instance: Instance) -> None:
    """Let the host fail: the instance restarts elsewhere, or stays Stopped if its owner wants that."""
    repair(scene, instance, f"SystemFailure.{instance.recovery}")


def fail_guest(scene: Scene, instance: Instance) -> None:
    """Let the guest's operating system crash; the platform restarts it."""
    repair(scene, instance, "InstanceFailure.Reboot")


def repair(scene: Scene, instance: Instance, event_type: str) -> None:
    """Do at once what a failure calls for."""
    carry_out(scene, instance, open_operation(scene, instance, event_type))


def carry_out(scene: Scene, instance: Instance, operation: Operation) -> None:
    """Execute an operation: lead the instance through its states, and tell the outcome after the last."""
    begun = execute(scene, operation)
    fails = operation.event_type in CAN_FAIL and scene.random.random() < FAILED_SHARE
    seconds = _work(scene, instance, "Stop" if fails else operation.event_type.rpartition(".")[2])
    continue_later(scene, seconds, "finish", begun, "Failed" if fails else "Executed")


def _work(scene: Scene, instance: Instance, what: str) -> float:
    """Do the part that the instance sees; return its seconds."""
    if what in ("IsolateErrorDisk", "ReInitErrorDisk", "PerformanceImpact", "TpmAlert"):
        return scene.roughly(scene.rates.repair_seconds)
    if what == "Stop":
        stopped = (scene.roughly(scene.rates.stop_seconds), State.STOPPED)
        return scene.course(instance, (0, State.STOPPING), stopped)
    return reboot(scene, instance)


def impact_performance(scene: Scene, instance: Instance) -> None:
    """Let work on the host slow the instance down for a while."""
    repair(scene, instance, "SystemMaintenance.PerformanceImpact")


def alert_tpm(scene: Scene, instance: Instance) -> None:
    """Let the security chip raise an alert."""
    repair(scene, instance, "Security.TpmAlert")


def alert(scene: Scene, instance: Instance) -> None:
    """Report a fault inside the instance, once, and do nothing about it."""
    operation = open_operation(scene, instance, "InstanceFailure.Alert")
    tell(scene, operation, "Executed")


def schedule_maintenance(scene: Scene, instance: Instance) -> None:
    """Announce maintenance with its `notBefore`."""
    what = "Redeploy" if instance.has_local_disks else scene.random.choice(("Reboot", "Reboot", "Stop"))
    operation = open_operation(scene, instance, f"SystemMaintenance.{what}")
    lead_seconds = scene.roughly(scene.rates.maintenance_lead_seconds)
    dated = replace(operation, not_before=utc_time(scene.now + lead_seconds))
    announce(scene, dated, "Scheduled", lead_seconds)


def schedule_redeploy(scene: Scene, instance: Instance) -> None:
    """Announce that an instance with local disks has lost its host and must move."""
    operation = open_operation(scene, instance, "SystemFailure.Redeploy")
    announce(scene, operation, "Scheduled", scene.roughly(scene.rates.stopped_seconds))


def inquire(scene: Scene, instance: Instance) -> None:
    """Ask the owner of an instance what to do about a damaged local disk."""
    what = scene.random.choice(("Isolate", "ReInit", "RebootAndIsolate", "RebootAndReInit"))
    operation = open_operation(scene, instance, f"SystemMaintenance.{what}ErrorDisk")
    announce(scene, operation, "Inquiring", scene.roughly(scene.rates.stopped_seconds))


def announce(scene: Scene, operation: Operation, status: str, lead_seconds: float) -> None:
    """Tell what is to come; it begins after the lead, unless the owner acts before."""
    tell(scene, operation, status)
    if scene.random.random() < AVOIDED_SHARE:
        continue_later(scene, lead_seconds * scene.random.random(), "avoid", operation)
    else:
        continue_later(scene, lead_seconds, "begin", operation)


def avoid(scene: Scene, step: Step) -> None:
    """Let the owner restart the instance within the window, by which the operation is needless."""
    instance = scene.find(step.instance_id)
    if instance and instance.is_serving:
        reboot(scene, instance)
    tell(scene, operation_of(step), "Avoided" if instance else "Canceled")


def begin(scene: Scene, step: Step) -> None:
    """Carry out what was announced; not on an instance that has stopped or gone meanwhile."""
    operation, instance = operation_of(step), scene.find(step.instance_id)
    if instance is None or scene.random.random() < CANCELED_SHARE:
        tell(scene, operation, "Canceled")
    elif not instance.is_serving:
        tell(scene, operation, "Avoided")
    else:
        carry_out(scene, instance, operation)
