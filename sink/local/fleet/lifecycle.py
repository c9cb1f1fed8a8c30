"""How instances come, stop, start again and go.

Launches and releases follow an auto-scaling habit with the rhythm of a day; preemptible instances
are reclaimed five minutes after their notice, several of a pool at once when stock runs out; owners
stop, start and reboot; guests go down without a word; unpaid instances are locked. The sequences of
states are those of CloudMonitor's documentation, and where it is silent the likeliest one: a reboot
has no Stopped in it, a reclaimed instance is Stopped shortly before it is Deleted.
"""

from __future__ import annotations

from dataclasses import replace
from math import pi, sin

from sink.local.actiontrail.trail import note_console
from sink.local.fleet import events
from sink.local.fleet.instances import Instance, State, launch
from sink.local.fleet.operations import continue_later, execute, open_operation
from sink.local.fleet.scene import Scene
from sink.local.fleet.state import Step

PENDING_SHARE = 0.1
"""Launches told as Pending and then Created: the state that older pages list, and Created replaced."""
FAILED_CREATIONS_SHARE = 0.02
SHORTAGE_SHARE = 0.2
"""Chance of another preemptible instance of the same zone and type to be reclaimed in the same shortage."""
DAILY_SWING = 0.2
"""Part of the fleet that auto scaling adds at the day's height, and takes away at its depth."""


def scale(scene: Scene, step: Step) -> None:
    """Launch what lacks of the instances that this hour wants; release the newest if there are too many."""
    wanted = round(scene.size * (1 + DAILY_SWING * sin(2 * pi * scene.now / scene.rates.day_seconds)))
    serving = [one for one in scene.state.instances.values() if _counts(one)]
    for _ in range(wanted - len(serving)):
        scene.later(scene.random.random() * scene.rates.scaling_seconds, "create")
    if len(serving) > wanted + 1 and (idle := [one for one in serving if one.is_serving]):
        release(scene, max(idle, key=lambda one: one.creation_time))
    scene.later(scene.rates.scaling_seconds, "scale")


def _counts(instance: Instance) -> bool:
    return instance.state is not State.STOPPED and not instance.operation_locks


def create(scene: Scene, step: Step) -> None:
    """Launch an instance: Created, Starting, Running; one in fifty finds no stock and is taken back."""
    first = State.PENDING if scene.random.random() < PENDING_SHARE else State.CREATED
    instance = launch(scene.random, scene.now, scene.envelope.region_id, first)
    scene.appear(instance)
    if first is State.PENDING:
        instance = scene.enter(instance, State.CREATED)
    if scene.random.random() < FAILED_CREATIONS_SHARE:
        fail_creation(scene, instance)
        return
    boot(scene, instance)


def boot(scene: Scene, instance: Instance) -> None:
    """Start a new instance for the first time; some time after, it serves."""
    booted = start(scene, instance)
    scene.later(booted + scene.rates.joining_seconds, "join_groups", instance)
    scene.later(booted + scene.roughly(scene.rates.start_seconds), "heartbeat", instance)


def fail_creation(scene: Scene, instance: Instance) -> None:
    """Take back an instance that found no stock: Stopped, and released after some minutes."""
    operation = execute(scene, open_operation(scene, instance, "SystemFailure.Delete"))
    scene.later(0, "halt", instance)
    scene.later(scene.rates.failed_creation_seconds, "remove", instance)
    continue_later(scene, scene.rates.failed_creation_seconds, "finish", operation, "Executed")


def heartbeat(scene: Scene, step: Step) -> None:
    """Let the agent of a new instance report for the first time."""
    if instance := scene.find(step.instance_id):
        uptime_ms = round(1000 * scene.roughly(scene.rates.start_seconds))
        scene.tell(events.first_heartbeat(instance, scene.envelope.region_id, scene.new_uuid(), uptime_ms))


def move(scene: Scene, step: Step) -> None:
    """Take the next step of a course, unless something else has led the instance elsewhere."""
    instance = scene.find(step.instance_id)
    if instance and instance.state == step.details["origin"]:
        scene.enter(instance, State(step.details["target"]))


def start(scene: Scene, instance: Instance) -> float:
    """Start a new or stopped instance; return the seconds until it runs."""
    rates = scene.rates
    starting = (scene.roughly(rates.start_seconds), State.STARTING)
    return scene.course(instance, starting, (scene.roughly(rates.boot_seconds), State.RUNNING))


def stop(scene: Scene, instance: Instance) -> None:
    """Let the owner stop an instance in economical mode, and come back to it some time later."""
    instance = replace(instance, stopped_mode="StopCharging")
    scene.state.keep(instance)
    note_console(scene, "StopInstance", instance.instance_id)
    down = (scene.roughly(scene.rates.stop_seconds), State.STOPPED)
    stopped = scene.course(instance, (0, State.STOPPING), down)
    scene.later(stopped + scene.roughly(scene.rates.stopped_seconds), "come_back", instance)


def come_back(scene: Scene, step: Step) -> None:
    """Let the owner of a stopped instance start it again, or release it."""
    instance = scene.find(step.instance_id)
    if instance is None or instance.state is not State.STOPPED or instance.operation_locks:
        return
    if scene.random.random() < 0.85:
        start(scene, instance)
    else:
        scene.enter(instance, State.DELETED)


def reboot(scene: Scene, instance: Instance) -> float:
    """Reboot an instance; return the seconds until it runs again."""
    down = (scene.roughly(scene.rates.stop_seconds), State.STARTING)
    up = (scene.roughly(scene.rates.boot_seconds), State.RUNNING)
    return scene.course(instance, (0, State.STOPPING), down, up)


def release(scene: Scene, instance: Instance) -> None:
    """Stop a running instance and release it."""
    note_console(scene, "DeleteInstance", instance.instance_id)
    stopped = (scene.roughly(scene.rates.stop_seconds), State.STOPPED)
    gone = (scene.roughly(scene.rates.release_seconds), State.DELETED)
    scene.course(instance, (0, State.STOPPING), stopped, gone)


def guest_shutdown(scene: Scene, instance: Instance) -> None:
    """Let the guest go down by itself: a Stopped that nothing explains."""
    stopped = scene.enter(instance, State.STOPPED)
    scene.later(scene.roughly(scene.rates.stopped_seconds), "come_back", stopped)


def can_be_interrupted(scene: Scene, instance: Instance) -> bool:
    """Tell whether a running preemptible instance has outlived its protection."""
    protected_seconds = instance.spot_duration * scene.rates.spot_hour_seconds
    age_seconds = scene.now - instance.creation_time
    return instance.is_spot and instance.is_serving and age_seconds >= protected_seconds


def run_out_of_stock(scene: Scene, instance: Instance) -> None:
    """Reclaim a preemptible instance, and by chance others of its zone and type with it."""
    interrupt(scene, instance)
    for other in list(scene.state.instances.values()):
        same_pool = (other.zone_id, other.instance_type) == (instance.zone_id, instance.instance_type)
        if same_pool and can_be_interrupted(scene, other) and scene.random.random() < SHORTAGE_SHARE:
            interrupt(scene, other)


def interrupt(scene: Scene, instance: Instance) -> None:
    """Give a preemptible instance its notice: locked for recycling at once, gone when the notice ends."""
    locked = instance.lock("Recycling")
    scene.state.keep(locked)
    scene.tell(events.interruption(locked))
    notice = scene.rates.notice_seconds
    if locked.spot_interruption_behavior == "Stop":
        scene.later(notice, "halt", locked)
        scene.later(notice + scene.roughly(scene.rates.stopped_seconds), "unlock", locked)
    else:
        scene.later(notice - min(scene.roughly(scene.rates.release_seconds), notice / 2), "halt", locked)
        scene.later(notice, "remove", locked)


def halt(scene: Scene, step: Step) -> None:
    """Stop an instance at once, in whatever state it is."""
    if instance := scene.find(step.instance_id):
        scene.enter_if_possible(instance, State.STOPPED)


def remove(scene: Scene, step: Step) -> None:
    """Release an instance at once, in whatever state it is."""
    if instance := scene.find(step.instance_id):
        scene.enter(scene.enter_if_possible(instance, State.STOPPED), State.DELETED)


def fall_into_arrears(scene: Scene, instance: Instance) -> None:
    """Lock and stop an instance nobody has paid for; it is paid in the end, or released with its disk."""
    locked = instance.lock("financial")
    scene.state.keep(locked)
    scene.later(0, "halt", locked)
    if scene.random.random() < 0.8:
        scene.later(scene.roughly(scene.rates.stopped_seconds), "unlock", locked)
    else:
        scene.later(scene.rates.payment_seconds, "release_unpaid", locked)


def unlock(scene: Scene, step: Step) -> None:
    """Take the locks away, as payment or new stock does, and start the instance if it has stopped."""
    if instance := scene.find(step.instance_id):
        free = instance.unlock()
        scene.state.keep(free)
        if free.state is State.STOPPED:
            start(scene, free)


def release_unpaid(scene: Scene, step: Step) -> None:
    """Release an instance whose arrears were not paid in time, and its disk."""
    if instance := scene.find(step.instance_id):
        content = {"instanceId": instance.instance_id}
        scene.tell(events.of_disk(instance.disk_id, "Disk:OverduePaymentRelease", content))
        remove(scene, step)
