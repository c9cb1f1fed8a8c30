"""What an owner can order an instance to do, and the states in which ECS refuses it.

Each order changes the instance at once and sets going what follows, in the fleet's own time; the events
tell of it as they do of everything else. Codes are those of the API reference ("StartInstance" and its
neighbours). Which lock is answered by which code follows the page "API behavior when an instance is
locked"; for a preemptible instance in reclaim it is the cause of the reclaim, stock or price.
"""

from __future__ import annotations

from dataclasses import replace

from sink.local.fleet.instances import Instance, State
from sink.local.fleet.market import market_of
from sink.local.fleet.scene import Scene
from sink.local.pop.errors import PopError

FORCED_STOP_SHARE = 0.3
"""Of the time of a stop, when the power is cut."""


def find(scene: Scene, instance_id: str) -> Instance:
    """The instance of this id. Raises PopError InvalidInstanceId.NotFound."""
    instance = scene.find(instance_id)
    if instance is None:
        raise PopError(404, "InvalidInstanceId.NotFound", "The specified InstanceId does not exist.")
    return instance


def start(scene: Scene, instance: Instance) -> Instance:
    """Start a stopped instance: Starting at once, Running after its boot."""
    if instance.state in (State.PENDING, State.CREATED):
        raise PopError(403, "InstanceNotReady", "The specified instance is not ready for use.")
    check_state(instance, State.STOPPED)
    check_locks(instance)
    check_paid(scene, instance)
    check_stock(scene, instance)
    starting = scene.enter(instance, State.STARTING)
    # Whoever wanted to come back to it finds that done.
    scene.state.cancel_for(instance.instance_id, "come_back")
    scene.course(starting, (scene.roughly(scene.rates.boot_seconds), State.RUNNING))
    return starting


def stop(scene: Scene, instance: Instance, stopped_mode: str, force: bool) -> Instance:
    """Stop a running instance: Stopping at once, Stopped after a while."""
    if stopped_mode == "StopCharging" and instance.has_local_disks:
        raise PopError(403, "InvalidInstanceId.NotSupport", "The instanceId does not support this operation.")
    check_state(instance, State.RUNNING)
    if is_expired(scene, instance) or _is_locked(instance, "financial"):
        text = "The specified operation is denied as your instance is expired or in arrears."
        raise PopError(403, "InstanceExpiredOrInArrears", text)
    stopping = scene.enter(replace(instance, stopped_mode=stopped_mode), State.STOPPING)
    scene.course(stopping, (_stop_seconds(scene, force), State.STOPPED))
    return stopping


def reboot(scene: Scene, instance: Instance, force: bool) -> Instance:
    """Reboot a running instance: Stopping at once, then Starting and Running."""
    check_state(instance, State.RUNNING)
    check_locks(instance)
    stopping = scene.enter(instance, State.STOPPING)
    up = (scene.roughly(scene.rates.boot_seconds), State.RUNNING)
    scene.course(stopping, (_stop_seconds(scene, force), State.STARTING), up)
    return stopping


def delete(scene: Scene, instance: Instance, force: bool, terminate_subscription: bool) -> Instance:
    """Release an instance: Stopped at once if need be, Deleted a little later."""
    if instance.state in (State.PENDING, State.CREATED):
        text = "The specified instance status does not support this operation: it is being created."
        raise PopError(403, "IncorrectInstanceStatus.Initializing", text)
    if instance.deletion_protection:
        text = "The operation is not allowed due to deletion protection."
        raise PopError(403, "InvalidOperation.DeletionProtection", text)
    if instance.instance_charge_type == "PrePaid" and not terminate_subscription:
        text = "The operation is not permitted due to charge type of the instance."
        raise PopError(403, "ChargeTypeViolation", text)
    if not force:
        check_state(instance, State.STOPPED)
    stopped = scene.enter_if_possible(instance, State.STOPPED)
    scene.later(scene.roughly(scene.rates.release_seconds), "remove", stopped)
    return stopped


def check_state(instance: Instance, state: State) -> None:
    """Raise PopError IncorrectInstanceStatus unless the instance is in this state."""
    if instance.state is not state:
        text = "The current status of the resource does not support this operation."
        raise PopError(403, "IncorrectInstanceStatus", f"{text} {instance.instance_id} is {instance.state}.")


def check_locks(instance: Instance) -> None:
    """Raise PopError for a lock that forbids to start or reboot."""
    if _is_locked(instance, "security"):
        text = "The specified operation is denied as your instance is locked for security reasons."
        raise PopError(403, "InstanceLockedForSecurity", text)
    if _is_locked(instance, "financial"):
        raise PopError(403, "InsufficientBalance", "Your account does not have enough balance.")
    if _is_locked(instance, "dedicatedhostfinancial", "refunded"):
        raise _expired()
    if _is_locked(instance, "recycling"):
        raise price_too_low() if instance.spot_strategy == "SpotWithPriceLimit" else no_stock()


def check_paid(scene: Scene, instance: Instance) -> None:
    """Raise PopError if the subscription has ended or the balance is used up."""
    if is_expired(scene, instance):
        raise _expired()
    if market_of(scene).insufficient_balance:
        raise PopError(403, "InsufficientBalance", "Your account does not have enough balance.")


def check_stock(scene: Scene, instance: Instance) -> None:
    """Raise PopError if there is nothing to start the instance on, or too little is bid for it."""
    market = market_of(scene)
    gave_back = instance.is_spot or instance.stopped_mode == "StopCharging"
    if gave_back and instance.instance_type in market.out_of_stock:
        raise no_stock()
    bid = instance.spot_price_limit if instance.spot_strategy == "SpotWithPriceLimit" else 0
    if 0 < bid < market.spot_price(instance.instance_type):
        raise price_too_low()


def is_expired(scene: Scene, instance: Instance) -> bool:
    """Tell whether the instance's subscription has ended."""
    return instance.expired_time is not None and instance.expired_time <= scene.now


def no_stock() -> PopError:
    """403 OperationDenied.NoStock."""
    text = "The requested resource is sold out in the specified zone; try other types of resources."
    return PopError(403, "OperationDenied.NoStock", text)


def price_too_low() -> PopError:
    """403 OperationDenied.SpotPriceLowerThanPublicPrice."""
    text = "The price limit of the preemptible instance is lower than the current market price."
    return PopError(403, "OperationDenied.SpotPriceLowerThanPublicPrice", text)


def _expired() -> PopError:
    return PopError(403, "InstanceExpired", "The specified instance has been expired.")


def _is_locked(instance: Instance, *reasons: str) -> bool:
    # Pages differ in the case of lock reasons, hence so may whoever set one.
    return any(lock.lower() in reasons for lock in instance.operation_locks)


def _stop_seconds(scene: Scene, force: bool) -> float:
    return scene.roughly(scene.rates.stop_seconds * (FORCED_STOP_SHARE if force else 1))
