"""The record of who did what, kept for 90 days.

`PopService` notes every call that changes something and was carried out, and the living fleet notes what its
imagined owners do on the console. What a guest or the platform does leaves nothing here, which is how a
crash can be told from a stop. The real service shows an event some minutes late; this one at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from sink.local.fleet.scene import Scene
from sink.local.fleet.state import Step

KEPT_SECONDS = 90 * 24 * 3600


@dataclass(frozen=True)
class TrailEvent:
    """One thing that somebody did."""

    event_id: str
    event_name: str
    """The API, also where it was done on the console: `StopInstance`."""
    service_name: str
    """`Ecs`, `Slb`."""
    at: float
    """Seconds since the epoch."""
    event_type: str
    """`ApiCall` or `ConsoleOperation`."""
    user_name: str
    access_key_id: str
    resource_type: str
    """`ACS::ECS::Instance`, or empty."""
    resource_names: tuple[str, ...]
    request_parameters: dict[str, str]
    request_id: str


def note(scene: Scene, event: TrailEvent) -> None:
    """Put an event into the trail."""
    scene.state.shelf(TrailEvent).keep(event.event_id, event)
    scene.later(KEPT_SECONDS, "forget_trail", event=event.event_id)


def forget_trail(scene: Scene, step: Step) -> None:
    """Let an event fall out of the trail."""
    scene.state.shelf(TrailEvent).drop(step.details["event"])


def note_console(scene: Scene, event_name: str, instance_id: str) -> None:
    """Put what an instance's owner did on the console into the trail."""
    event_id, request_id = str(scene.new_uuid()).upper(), str(scene.new_uuid()).upper()
    note(
        scene,
        TrailEvent(
            event_id,
            event_name,
            "Ecs",
            scene.now,
            "ConsoleOperation",
            user_name="operator",
            access_key_id="",
            resource_type="ACS::ECS::Instance",
            resource_names=(instance_id,),
            request_parameters={"InstanceId": instance_id},
            request_id=request_id,
        ),
    )
