"""O&M events: what the platform does to an instance, told status by status.

One operation keeps its `eventId` through all its statuses; only times and `eventStatus` differ
from one notification to the next. `maintenance.py` and `lifecycle.py` decide what happens; here it
is worded. The last status may be told after the instance is gone, hence an operation carries the
instance's name itself and travels in a step's details until then.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from sink.local.fleet.events import Notice, utc_time
from sink.local.fleet.instances import Instance, new_id
from sink.local.fleet.scene import Scene
from sink.local.fleet.state import Step

FINAL_STATUSES = ("Executed", "Failed", "Avoided", "Canceled")
"""After these an operation is over, and `executeFinishTime` is told."""
HISTORY_SECONDS = 30 * 24 * 3600
"""How long DescribeInstanceHistoryEvents knows of it."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An O&M event in the making. Times are as `content` shows them, empty while unknown."""

    event_id: str
    event_type: str
    """The name without its resource and status, `SystemMaintenance.Reboot`."""
    instance_id: str
    instance_name: str
    publish_time: str
    not_before: str = ""
    """Announced maintenance only: failures have none."""
    execute_start_time: str = ""

    def notice(self, status: str, now: float) -> Notice:
        """Word a status of the operation; `now` (epoch seconds) is its finish, if the status is final."""
        final = status in FINAL_STATUSES
        content = {
            "eventId": self.event_id,
            "publishTime": self.publish_time,
            "notBefore": self.not_before,
            "instanceId": self.instance_id,
            "eventType": self.event_type,
            "eventStatus": status,
            "executeStartTime": self.execute_start_time or (utc_time(now) if final else ""),
            "executeFinishTime": utc_time(now) if final else "",
        }
        known = {name: value for name, value in content.items() if value}
        kind, resource = f"Instance:{self.event_type}", f"instance/{self.instance_id}"
        return Notice(kind, resource, known, self.instance_name, status)


@dataclass(frozen=True, slots=True)
class SystemEvent:
    """An operation as it stands: the last status that was told, and when (epoch seconds)."""

    operation: Operation
    status: str
    told_at: float


def open_operation(scene: Scene, instance: Instance, event_type: str) -> Operation:
    """Open an operation now; nothing is told yet."""
    event_id, published = new_id("e", scene.random), utc_time(scene.now)
    return Operation(event_id, event_type, instance.instance_id, instance.instance_name, published)


def execute(scene: Scene, operation: Operation) -> Operation:
    """Tell that the operation is being executed from now on."""
    begun = replace(operation, execute_start_time=utc_time(scene.now))
    tell(scene, begun, "Executing")
    return begun


def tell(scene: Scene, operation: Operation, status: str) -> None:
    """Tell a status of the operation, and let DescribeInstanceHistoryEvents know."""
    scene.tell(operation.notice(status, scene.now))
    scene.state.shelf(SystemEvent).keep(operation.event_id, SystemEvent(operation, status, scene.now))
    scene.later(HISTORY_SECONDS, "forget_event", event=operation.event_id)


def forget_event(scene: Scene, step: Step) -> None:
    """Let an operation fall out of the history, 30 days after its last status."""
    events = scene.state.shelf(SystemEvent)
    event = events.find(step.details["event"])
    if event and event.told_at <= scene.now - HISTORY_SECONDS:
        events.drop(event.operation.event_id)


def continue_later(
    scene: Scene, after_seconds: float, action: str, operation: Operation, status: str = ""
) -> None:
    """Hand the operation to an action of `behaviour.ACTIONS` after so long."""
    details = asdict(operation) | {"status": status}
    scene.state.schedule(Step(scene.now + after_seconds, action, operation.instance_id, details))


def operation_of(step: Step) -> Operation:
    """The operation that `continue_later` put into a step."""
    return Operation(**{name: value for name, value in step.details.items() if name != "status"})


def finish(scene: Scene, step: Step) -> None:
    """Tell the final status that was settled when the operation began."""
    tell(scene, operation_of(step), step.details["status"])
