"""The calls of ECS that order instances about, one or up to a hundred at a time.

The plural calls take all instances or none: the first that cannot follow refuses the whole call, as
`BatchOptimization=AllTogether`, the default, does; `SuccessFirst` answers for each.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sink.local.ecs import orders
from sink.local.ecs.documents import status
from sink.local.fleet.instances import Instance
from sink.local.fleet.scene import Scene
from sink.local.pop.call import Call, Document
from sink.local.pop.errors import PopError, invalid_parameter, missing_parameter

MOST_INSTANCES = 100
Order = Callable[[Scene, Instance], Instance]


def named(call: Call) -> list[str]:
    """What an order concerns, for RAM."""
    return [f"instance/{one}" for one in call.listed("InstanceId") or [call.text("InstanceId", "*")]]


def start_instance(call: Call) -> Document:
    """StartInstance."""
    return _one(call, orders.start)


def start_instances(call: Call) -> Document:
    """StartInstances."""
    return _many(call, orders.start)


def stop_instance(call: Call) -> Document:
    """StopInstance."""
    return _one(call, _stopping(call))


def stop_instances(call: Call) -> Document:
    """StopInstances."""
    return _many(call, _stopping(call))


def reboot_instance(call: Call) -> Document:
    """RebootInstance."""
    return _one(call, partial(orders.reboot, force=call.flag("ForceStop")))


def reboot_instances(call: Call) -> Document:
    """RebootInstances, whose parameter is called ForceReboot."""
    return _many(call, partial(orders.reboot, force=call.flag("ForceReboot")))


def delete_instance(call: Call) -> Document:
    """DeleteInstance."""
    return _one(call, _deleting(call))


def delete_instances(call: Call) -> Document:
    """DeleteInstances: no answer for each, unlike its siblings."""
    for instance in _instances(call):
        _deleting(call)(call.scene, instance)
    return {}


def _one(call: Call, order: Order) -> Document:
    order(call.scene, orders.find(call.scene, call.required("InstanceId")))
    return {}


def _many(call: Call, order: Order) -> Document:
    success_first = call.text("BatchOptimization") == "SuccessFirst"
    answers = [_answer(call.scene, one, order, success_first) for one in _instances(call)]
    return {"InstanceResponses": {"InstanceResponse": answers}}


def _answer(scene: Scene, instance: Instance, order: Order, success_first: bool) -> Document:
    code, message, changed = "200", "success", instance
    try:
        changed = order(scene, instance)
    except PopError as error:
        if not success_first:
            raise
        code, message = error.code, error.message
    return {
        "InstanceId": instance.instance_id,
        "PreviousStatus": status(instance),
        "CurrentStatus": status(changed),
        "Code": code,
        "Message": message,
    }


def _instances(call: Call) -> list[Instance]:
    ids = call.listed("InstanceId")
    if not ids:
        raise missing_parameter("InstanceId.1")
    if len(ids) > MOST_INSTANCES:
        raise invalid_parameter("InstanceId", f"{len(ids)} ids, where {MOST_INSTANCES} are allowed")
    return [orders.find(call.scene, one) for one in dict.fromkeys(ids)]


def _stopping(call: Call) -> Order:
    mode = call.text("StoppedMode", "KeepCharging")
    if mode not in ("KeepCharging", "StopCharging"):
        raise invalid_parameter("StoppedMode", f"{mode} is neither KeepCharging nor StopCharging")
    return partial(orders.stop, stopped_mode=mode, force=call.flag("ForceStop"))


def _deleting(call: Call) -> Order:
    force, terminate = call.flag("Force"), call.flag("TerminateSubscription")
    return partial(orders.delete, force=force, terminate_subscription=terminate)
