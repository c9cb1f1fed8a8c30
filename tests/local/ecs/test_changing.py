"""Orders to instances: what follows, what is refused, what events tell of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from mns.account import Account
from mns.queue import QueueMeta

from tests.local.conftest import RunningCloud
from tests.local.pop_client import Api, Stage, acs_client, refused


def status(ecs: Api, instance_id: str) -> str:
    found = ecs("DescribeInstanceStatus", {"InstanceId.1": instance_id})["InstanceStatuses"]["InstanceStatus"]
    return found[0]["Status"] if found else "gone"


def test_a_stopped_instance_starts(cloud: RunningCloud, ecs: Api, stage: Stage) -> None:
    """Starting at once, Running after its boot."""
    instance_id = stage.instance(state="Stopped")
    ecs("StartInstance", InstanceId=instance_id)
    at_once = status(ecs, instance_id)
    cloud.clock.forward(60)
    assert [at_once, status(ecs, instance_id)] == ["Starting", "Running"]


def test_a_running_instance_stops(cloud: RunningCloud, ecs: Api, stage: Stage) -> None:
    """Stopping at once, Stopped after a while."""
    instance_id = stage.instance()
    ecs("StopInstance", InstanceId=instance_id)
    at_once = status(ecs, instance_id)
    cloud.clock.forward(60)
    assert [at_once, status(ecs, instance_id)] == ["Stopping", "Stopped"]


def test_a_reboot_comes_back(cloud: RunningCloud, ecs: Api, stage: Stage) -> None:
    """Stopping, and in the end Running."""
    instance_id = stage.instance()
    ecs("RebootInstance", InstanceId=instance_id)
    at_once = status(ecs, instance_id)
    cloud.clock.forward(120)
    assert [at_once, status(ecs, instance_id)] == ["Stopping", "Running"]


def test_a_released_instance_is_gone(cloud: RunningCloud, ecs: Api, stage: Stage) -> None:
    """Force releases a running one, too."""
    instance_id = stage.instance()
    ecs("DeleteInstance", InstanceId=instance_id, Force=True)
    cloud.clock.forward(60)
    assert status(ecs, instance_id) == "gone"


def test_events_tell_of_orders(
    cloud: RunningCloud, ecs: Api, stage: Stage, mns_account: Callable[..., Account]
) -> None:
    """Instance:StateChange for every state, in the queue of the account's fleet."""
    queue = mns_account(cloud.url).get_queue("ecs-events")
    queue.create(QueueMeta())
    queue.set_encoding(False)
    instance_id = stage.instance(state="Stopped")
    ecs("StartInstance", InstanceId=instance_id)
    cloud.clock.forward(60)
    status(ecs, instance_id)
    bodies = [queue.receive_message(5).message_body for _ in range(2)]
    contents = [json.loads(base64.b64decode(body))["content"] for body in bodies]
    told = [(content["resourceId"], content["state"]) for content in contents]
    assert told == [(instance_id, "Starting"), (instance_id, "Running")]


WRONG_STATES = [
    ("StartInstance", "Running", "IncorrectInstanceStatus"),
    ("StartInstance", "Starting", "IncorrectInstanceStatus"),
    ("StartInstance", "Stopping", "IncorrectInstanceStatus"),
    ("StartInstance", "Created", "InstanceNotReady"),
    ("StopInstance", "Stopped", "IncorrectInstanceStatus"),
    ("RebootInstance", "Stopped", "IncorrectInstanceStatus"),
    ("DeleteInstance", "Running", "IncorrectInstanceStatus"),
    ("DeleteInstance", "Created", "IncorrectInstanceStatus.Initializing"),
]


@pytest.mark.parametrize(("action", "state", "code"), WRONG_STATES)
def test_an_order_in_the_wrong_state_is_refused(
    ecs: Api, stage: Stage, action: str, state: str, code: str
) -> None:
    """403, and the state stays."""
    instance_id = stage.instance(state=state)
    with refused(code, 403):
        ecs(action, InstanceId=instance_id)


SPOT = {"spot_strategy": "SpotWithPriceLimit", "spot_price_limit": 0.2}
HINDRANCES: list[tuple[dict[str, Any], str]] = [
    ({"operation_locks": ["security"]}, "InstanceLockedForSecurity"),
    ({"operation_locks": ["Security"]}, "InstanceLockedForSecurity"),
    ({"operation_locks": ["financial"]}, "InsufficientBalance"),
    ({"operation_locks": ["Recycling"]}, "OperationDenied.NoStock"),
    ({"operation_locks": ["Recycling"], **SPOT}, "OperationDenied.SpotPriceLowerThanPublicPrice"),
    ({"expired_time": 1.0, "instance_charge_type": "PrePaid"}, "InstanceExpired"),
]


@pytest.mark.parametrize(("fields", "code"), HINDRANCES)
def test_a_locked_or_expired_instance_does_not_start(
    ecs: Api, stage: Stage, fields: dict[str, Any], code: str
) -> None:
    """403 with the code of the hindrance, in whatever case the lock is written."""
    instance_id = stage.instance(state="Stopped", **fields)
    with refused(code, 403):
        ecs("StartInstance", InstanceId=instance_id)


MARKETS: list[tuple[dict[str, Any], str]] = [
    ({"out_of_stock": ["ecs.g7.large"]}, "OperationDenied.NoStock"),
    ({"spot_prices": {"ecs.g7.large": 0.3}}, "OperationDenied.SpotPriceLowerThanPublicPrice"),
    ({"insufficient_balance": True}, "InsufficientBalance"),
]


@pytest.mark.parametrize(("market", "code"), MARKETS)
def test_the_market_can_keep_an_instance_from_starting(
    ecs: Api, stage: Stage, market: dict[str, Any], code: str
) -> None:
    """No stock, too high a price, no money."""
    stage("PUT", "market", **market)
    instance_id = stage.instance(state="Stopped", instance_type="ecs.g7.large", **SPOT)
    with refused(code, 403):
        ecs("StartInstance", InstanceId=instance_id)


def test_an_instance_that_kept_its_resources_needs_no_stock(ecs: Api, stage: Stage) -> None:
    """Only economical mode and spot give them back."""
    stage("PUT", "market", out_of_stock=["ecs.g7.large"])
    instance_id = stage.instance(state="Stopped", instance_type="ecs.g7.large")
    ecs("StartInstance", InstanceId=instance_id)
    assert status(ecs, instance_id) == "Starting"


PROTECTIONS: list[tuple[dict[str, Any], str]] = [
    ({"deletion_protection": True}, "InvalidOperation.DeletionProtection"),
    ({"instance_charge_type": "PrePaid"}, "ChargeTypeViolation"),
]


@pytest.mark.parametrize(("fields", "code"), PROTECTIONS)
def test_a_protected_instance_is_not_released(
    ecs: Api, stage: Stage, fields: dict[str, Any], code: str
) -> None:
    """Not even by force."""
    instance_id = stage.instance(state="Stopped", **fields)
    with refused(code, 403):
        ecs("DeleteInstance", InstanceId=instance_id, Force=True)


@pytest.mark.parametrize("action", ["StartInstance", "StopInstance", "RebootInstance", "DeleteInstance"])
def test_an_instance_that_is_not_there_is_not_found(ecs: Api, action: str) -> None:
    """404 InvalidInstanceId.NotFound."""
    with refused("InvalidInstanceId.NotFound", 404):
        ecs(action, InstanceId="i-bp1nothere")


def test_a_dry_run_that_would_pass_is_an_error(ecs: Api, stage: Stage) -> None:
    """400 DryRunOperation, and nothing is done."""
    instance_id = stage.instance(state="Stopped")
    with refused("DryRunOperation", 400):
        ecs("StartInstance", InstanceId=instance_id, DryRun=True)
    assert status(ecs, instance_id) == "Stopped"


def test_a_dry_run_that_would_not_pass_says_why(ecs: Api, stage: Stage) -> None:
    """The code of the real call."""
    with refused("IncorrectInstanceStatus", 403):
        ecs("StartInstance", InstanceId=stage.instance(), DryRun=True)


def test_many_instances_start_all_or_none(ecs: Api, stage: Stage) -> None:
    """One that cannot refuses the call."""
    first, second = stage.instance(state="Stopped"), stage.instance()
    with refused("IncorrectInstanceStatus", 403):
        ecs("StartInstances", {"InstanceId.1": first, "InstanceId.2": second})
    assert status(ecs, first) == "Stopped"


def test_success_first_answers_for_each(ecs: Api, stage: Stage) -> None:
    """Those that can do, the others have their code."""
    first, second = stage.instance(state="Stopped"), stage.instance()
    ids = {"InstanceId.1": first, "InstanceId.2": second}
    answers = ecs("StartInstances", ids, BatchOptimization="SuccessFirst")["InstanceResponses"]
    told = [(one["InstanceId"], one["Code"], one["CurrentStatus"]) for one in answers["InstanceResponse"]]
    assert told == [(first, "200", "Starting"), (second, "IncorrectInstanceStatus", "Running")]


@pytest.mark.parametrize("mode", ["StopCharging", "KeepCharging"])
def test_the_mode_of_a_stop_is_shown_once_it_is_stopped(
    cloud: RunningCloud, ecs: Api, stage: Stage, mode: str
) -> None:
    """`Not-applicable` before."""
    instance_id = stage.instance()
    ecs("StopInstance", InstanceId=instance_id, StoppedMode=mode)
    shown = []
    for seconds in (0, 60):
        cloud.clock.forward(seconds)
        found = ecs("DescribeInstances", InstanceIds=json.dumps([instance_id]))["Instances"]["Instance"]
        shown.append(found[0]["StoppedMode"])
    assert shown == ["Not-applicable", mode]


def test_a_crash_of_the_guest_keeps_charging(ecs: Api, stage: Stage) -> None:
    """A stop from inside the guest never gives resources back."""
    instance_id = stage.instance()
    stage("POST", f"instances/{instance_id}/crash")
    found = ecs("DescribeInstances", InstanceIds=json.dumps([instance_id]))["Instances"]["Instance"]
    assert (found[0]["Status"], found[0]["StoppedMode"]) == ("Stopped", "KeepCharging")


def test_an_order_survives_kill_9(cloud_process: Callable[..., Any]) -> None:
    """What was begun goes on in the next process."""
    first = cloud_process()
    instance_id = Stage(first.url).instance(state="Stopped")
    Api(first.url, "ecs", acs_client())("StartInstance", InstanceId=instance_id)
    first.kill()
    second = cloud_process("--fleet-speed", "1000")
    assert status(Api(second.url, "ecs", acs_client()), instance_id) in ("Starting", "Running")
