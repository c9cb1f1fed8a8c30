"""What chance does to the fleet, and who carries it out.

`CHANCES` is everything that can happen to an instance out of the blue: how often, to which
instances, and what then. Each is a Poisson process of its own over all instances; the instance it
falls on is passed by if it is of the wrong kind, which keeps the rate of each instance exact
without looking ahead. `ACTIONS` is everything that a step in the fleet's memory can name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType

from sink.local.actiontrail import trail
from sink.local.fleet import lifecycle, maintenance, operations, resources, traffic
from sink.local.fleet.instances import Instance, State
from sink.local.fleet.scene import Scene
from sink.local.fleet.state import Step


@dataclass(frozen=True, slots=True)
class Chance:
    """Something that can happen at any time: to which instances, and what then."""

    concerns: Callable[[Scene, Instance], bool]
    happens: Callable[[Scene, Instance], object]


def _serving(scene: Scene, instance: Instance) -> bool:
    return instance.is_serving


def _serving_burstable(scene: Scene, instance: Instance) -> bool:
    return instance.is_serving and instance.is_burstable


def _serving_with_local_disks(scene: Scene, instance: Instance) -> bool:
    return instance.is_serving and instance.has_local_disks


def _stopped(scene: Scene, instance: Instance) -> bool:
    return instance.state is State.STOPPED and not instance.operation_locks


def _serving_on_demand(scene: Scene, instance: Instance) -> bool:
    return instance.is_serving and not instance.is_spot


CHANCES: Mapping[str, Chance] = MappingProxyType(
    {
        "spot_interruptions": Chance(lifecycle.can_be_interrupted, lifecycle.run_out_of_stock),
        "stops": Chance(_serving, lifecycle.stop),
        "reboots": Chance(_serving, lifecycle.reboot),
        "releases": Chance(_serving, lifecycle.release),
        "guest_shutdowns": Chance(_serving, lifecycle.guest_shutdown),
        "arrears": Chance(_serving_on_demand, lifecycle.fall_into_arrears),
        "guest_failures": Chance(_serving, maintenance.fail_guest),
        "host_failures": Chance(_serving, maintenance.fail_host),
        "redeploys": Chance(_serving_with_local_disks, maintenance.schedule_redeploy),
        "maintenances": Chance(_serving, maintenance.schedule_maintenance),
        "performance_impacts": Chance(_serving, maintenance.impact_performance),
        "alerts": Chance(_serving, maintenance.alert),
        "tpm_alerts": Chance(_serving, maintenance.alert_tpm),
        "stalled_disks": Chance(_serving, resources.stall_disk),
        "disk_errors": Chance(_serving_with_local_disks, resources.damage_disk),
        "disk_operations": Chance(_serving, resources.operate_disk),
        "disk_conversions": Chance(_serving, resources.convert_disk),
        "snapshots": Chance(_serving, resources.take_snapshot),
        "burstable_restrictions": Chance(_serving_burstable, resources.restrict),
        "performance_mode_changes": Chance(_serving_burstable, resources.change_performance_mode),
        "migrations": Chance(_serving, resources.migrate),
        "vswitch_changes": Chance(_stopped, resources.change_vswitch),
        "network_interface_operations": Chance(_serving, resources.operate_network_interface),
        "private_ip_assignments": Chance(_serving, resources.assign_private_ip),
    }
)
"""Every chance by its name in `Rates`."""


def begin_life(scene: Scene) -> None:
    """Set the fleet going, at its founding and at every later start.

    A chance has no memory, so to draw its next moment anew changes nothing but lets the size and
    rates of this start hold; everything else that was to happen is kept. In a fleet of size 0 nothing
    happens by chance: only what was begun, and what is ordered by API.
    """
    scene.state.cancel("chance", "scale")
    if not scene.size:
        return
    traffic.found_groups(scene)
    scene.later(0, "scale")
    for name in CHANCES:
        wait_for_chance(scene, name)


def wait_for_chance(scene: Scene, name: str) -> None:
    """Draw when this chance falls next on one of the fleet's places."""
    per_hour = scene.rates.per_hour(name) * _places(scene)
    if per_hour > 0:
        scene.later(scene.random.expovariate(per_hour / 3600), "chance", name=name)


def take_chance(scene: Scene, step: Step) -> None:
    """Let a chance fall on one place; it passes by if no instance is there that it concerns."""
    name, place = step.details["name"], scene.random.randrange(_places(scene))
    instance = next(islice(scene.state.instances.values(), place, None), None)
    if instance and CHANCES[name].concerns(scene, instance):
        CHANCES[name].happens(scene, instance)
    wait_for_chance(scene, name)


def _places(scene: Scene) -> int:
    """As many places at all times, so that an instance's rate does not hang on how many others there are."""
    return max(2 * scene.size, len(scene.state.instances), 1)


ACTIONS: Mapping[str, Callable[[Scene, Step], None]] = MappingProxyType(
    {
        "chance": take_chance,
        "scale": lifecycle.scale,
        "create": lifecycle.create,
        "heartbeat": lifecycle.heartbeat,
        "join_groups": traffic.join_groups,
        "leave_groups": traffic.leave_groups,
        "move": lifecycle.move,
        "come_back": lifecycle.come_back,
        "halt": lifecycle.halt,
        "remove": lifecycle.remove,
        "unlock": lifecycle.unlock,
        "release_unpaid": lifecycle.release_unpaid,
        "finish": operations.finish,
        "forget_trail": trail.forget_trail,
        "forget_event": operations.forget_event,
        "begin": maintenance.begin,
        "avoid": maintenance.avoid,
        "repair_disk": resources.repair_disk,
        "complete_snapshot": resources.complete_snapshot,
        "tell_restriction": resources.tell_restriction,
        "arrive": resources.arrive,
    }
)


def carry_out(scene: Scene, step: Step) -> None:
    """Let a step happen in this scene. Raises KeyError for an action that this version does not know."""
    ACTIONS[step.action](scene, step)
