"""A policy allows what it says, and every product denies the rest in its own words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aliyun.log import LogClient, LogException
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta

from sink.local.options import parse_options
from sink.local.ram.policy import parse_policy
from tests.local.conftest import CloudProcess
from tests.local.pop_client import Api, Stage, acs_client, refused

ARN = "acs:ecs:cn-hangzhou:1:instance/i-1"


def statement(effect: str, action: Any, resource: Any = "*") -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource}


DECISIONS = [
    ([statement("Allow", "ecs:StartInstance")], True),
    ([statement("Allow", "ECS:startinstance")], True),
    ([statement("Allow", ["ecs:Describe*", "ecs:Start*"])], True),
    ([statement("Allow", "ecs:Describe*")], False),
    ([statement("Allow", "*")], True),
    ([], False),
    ([statement("Allow", "*"), statement("Deny", "ecs:Start*")], False),
    ([statement("Deny", "ecs:Start*"), statement("Allow", "*")], False),
    ([statement("Allow", "ecs:*", "acs:ecs:*:*:instance/i-1")], True),
    ([statement("Allow", "ecs:*", "acs:ecs:*:*:instance/i-?")], True),
    ([statement("Allow", "ecs:*", ["acs:ecs:*:*:instance/i-2"])], False),
    ([statement("Allow", "ecs:*", "acs:ecs:*:*:instance/I-1")], False),
]


@pytest.mark.parametrize(("statements", "allowed"), DECISIONS)
def test_a_policy_decides_as_ram_does(statements: list[dict[str, Any]], allowed: bool) -> None:
    """Nothing is allowed by default, Deny beats Allow, patterns have `*` and `?`."""
    policy = parse_policy({"Version": "1", "Statement": statements})
    assert policy.allows("ecs:StartInstance", ARN) is allowed


UNREADABLE: list[Any] = [
    {},
    {"Statement": [{**statement("Allow", "*"), "Condition": {}}]},
    {"Statement": [{"Effect": "Allow", "NotAction": "*", "Resource": "*"}]},
    {"Statement": [statement("Maybe", "*")]},
    {"Statement": [statement("Allow", 7)]},
    {"Statement": [statement("Allow", [])]},
]


@pytest.mark.parametrize("document", UNREADABLE)
def test_what_is_not_emulated_is_refused_at_once(document: Any) -> None:
    """A policy half understood would let through what the real one stops."""
    with pytest.raises(ValueError, match=r"."):
        parse_policy(document)


@pytest.mark.parametrize("option", ["local", "local=missing.json", "other={}"])
def test_a_faulty_policy_option_is_a_usage_error(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file, no key, a key that nobody has."""
    (tmp_path / "policy.json").write_text(json.dumps({"Statement": []}))
    with pytest.raises(SystemExit) as left:
        parse_options(["--policy", option.replace("{}", str(tmp_path / "policy.json"))])
    assert left.value.code == 64
    assert "policy" in capsys.readouterr().err


@pytest.fixture
def limited(cloud_process: Callable[..., CloudProcess], tmp_path: Path) -> str:
    """The address of a cloud whose only key may read ECS, start one instance, and no more."""
    statements = [
        statement("Allow", ["ecs:Describe*", "slb:Describe*"]),
        statement("Allow", "ecs:StartInstance", "acs:ecs:*:*:instance/i-mine"),
        statement("Allow", "mns:CreateQueue"),
    ]
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Version": "1", "Statement": statements}))
    return cloud_process("--policy", f"local={policy}").url


def test_what_is_allowed_is_done(limited: str) -> None:
    """Reading, and an order to the one instance."""
    instance_id = Stage(limited).instance(instance_id="i-mine", state="Stopped")
    ecs = Api(limited, "ecs", acs_client())
    ecs("StartInstance", InstanceId=instance_id)
    assert ecs("DescribeInstances")["TotalCount"] == 1


def test_what_is_not_allowed_is_forbidden(limited: str) -> None:
    """403 Forbidden.RAM, for another instance and another product alike."""
    instance_id = Stage(limited).instance(instance_id="i-other", state="Stopped")
    with refused("Forbidden.RAM", 403):
        Api(limited, "ecs", acs_client())("StartInstance", InstanceId=instance_id)
    with refused("Forbidden.RAM", 403):
        Api(limited, "slb", acs_client())("CreateLoadBalancer")


@pytest.mark.parametrize(("action", "is_enough"), [("QueryMetricLast", True), ("DescribeMetricLast", False)])
def test_cloudmonitor_is_allowed_by_the_name_that_ram_has(
    action: str, is_enough: bool, cloud_process: Callable[..., CloudProcess], tmp_path: Path
) -> None:
    """RAM knows its questions by the names of an older API."""
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps({"Version": "1", "Statement": [statement("Allow", f"cms:{action}")]}))
    cms = Api(cloud_process("--policy", f"local={policy}").url, "cms", acs_client())
    metric = {"Namespace": "acs_ecs_dashboard", "MetricName": "net_tcpconnection"}
    if is_enough:
        assert cms("DescribeMetricLast", metric)["Success"]
    else:
        with refused("Forbidden.RAM", 403):
            cms("DescribeMetricLast", metric)


def test_mns_denies_access(limited: str, mns_account: Callable[[str], Account]) -> None:
    """403 AccessDenied, for what is not allowed only."""
    queue = mns_account(limited).get_queue("q")
    queue.create(QueueMeta())
    with pytest.raises(MNSServerException) as denied:
        queue.receive_message(1)
    assert denied.value.type == "AccessDenied"


def test_sls_denies_access(limited: str, log_client: Callable[[str], LogClient]) -> None:
    """401 Unauthorized."""
    with pytest.raises(LogException) as denied:
        log_client(limited).create_project("project", "")
    assert (denied.value.get_error_code(), denied.value.resp_status) == ("Unauthorized", 401)
