"""Bodies have the shape that CloudMonitor gives them."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.local.fleet.events import (
    CATALOGUE,
    Envelope,
    Notice,
    event_time,
    queue_body,
    state_change,
    utc_minute,
    utc_time,
)
from sink.local.fleet.fleet import history
from sink.local.fleet.instances import State
from sink.local.fleet.rates import LIVELY
from tests.local.fleet.test_instances import an_instance

SAMPLES = Path(__file__).parents[4] / "shared" / "events"
AT = 1_700_000_000.058
ENVELOPE = Envelope("1000000000000001", "cn-hangzhou")
ID = UUID(int=7)


def written(notice: Notice) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(ENVELOPE.body(notice, AT, ID))
    return body


def test_an_event_time_is_beijing_time_with_milliseconds() -> None:
    """`eventTime` is yyyyMMddTHHmmss.SSS+0800."""
    assert event_time(AT) == "20231115T061320.058+0800"


@given(st.floats(min_value=0, max_value=4e9))
def test_an_event_time_names_the_moment_to_the_millisecond(at: float) -> None:
    """Whatever the fraction, the text reads back as the same millisecond."""
    read = datetime.strptime(event_time(at), "%Y%m%dT%H%M%S.%f%z")
    assert round(at * 1000) == round(read.timestamp() * 1000)


def test_times_inside_the_content_are_utc() -> None:
    """O&M events and snapshots have whole seconds and a Z; credits have no seconds."""
    assert (utc_time(AT), utc_minute(AT)) == ("2023-11-14T22:13:20Z", "2023-11-14T22:13Z")


def test_a_state_change_calls_the_instance_resource_id() -> None:
    """`content.resourceId`, plain, beside the ARN at the top."""
    instance = an_instance(State.RUNNING)
    body = written(state_change(instance))
    arn = f"acs:ecs:cn-hangzhou:1000000000000001:instance/{instance.instance_id}"
    assert (arn, instance.instance_id) == (body["resourceId"], body["content"]["resourceId"])


def test_an_operation_s_status_is_the_suffix_of_its_name() -> None:
    """`Instance:SystemFailure.Reboot:Executing`, with the status at the top too."""
    body = written(Notice("Instance:SystemFailure.Reboot", "instance/i-1", {}, status="Executing"))
    assert (body["name"], body["status"]) == ("Instance:SystemFailure.Reboot:Executing", "Executing")


def test_an_event_without_statuses_is_normal() -> None:
    """All others are `Normal`."""
    assert written(state_change(an_instance()))["status"] == "Normal"


def test_chinese_is_written_as_it_is() -> None:
    """UTF-8, not escapes."""
    notice = Notice("Instance:StateChange", "instance/i-1", {}, "订单服务-0001")
    assert "订单服务-0001".encode() in ENVELOPE.body(notice, AT, ID)


def test_a_queue_body_is_base64_of_the_json() -> None:
    """That is how CloudMonitor sends."""
    body = ENVELOPE.body(state_change(an_instance()), AT, ID)
    assert body == base64.b64decode(queue_body(body), validate=True)


@pytest.fixture(scope="module")
def some_days() -> list[dict[str, Any]]:
    impatient = replace(LIVELY, disk_errors_per_hour=0.1, arrears_per_hour=0.05, payment_seconds=86_400.0)
    return [json.loads(body) for _, body in history(11, 20, AT, AT + 6 * 86_400, impatient)]


def test_a_fleet_tells_events_of_every_kind(some_days: list[dict[str, Any]]) -> None:
    """Nothing in the catalogue is there for show."""
    kinds = {":".join(one["name"].split(":")[:2]) for one in some_days}
    assert set(CATALOGUE) == kinds


def test_resource_ids_end_in_the_id_that_the_content_is_about(some_days: list[dict[str, Any]]) -> None:
    """ARN and content agree, except for the one event whose vendor page has it otherwise."""
    telling = ("resourceId", "instanceId", "diskId", "snapshotId", "eniId", "vmName")
    astray = {
        one["name"]
        for one in some_days
        if one["resourceId"].partition("/")[2] not in [one["content"].get(name) for name in telling]
    }
    assert {"Instance:VSwitchChanged"} == astray


def test_no_two_events_share_an_id(some_days: list[dict[str, Any]]) -> None:
    """Ids tell events apart."""
    ids = [one["id"] for one in some_days]
    assert len(ids) == len(set(ids))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the documented samples are not beside this checkout")
def test_contents_have_the_keys_of_the_documented_samples(some_days: list[dict[str, Any]]) -> None:
    """For every name that is sampled, each documented key of `content` is there."""
    documented = {one["name"]: set(one["content"]) for one in map(_sample, SAMPLES.glob("*.json"))}
    missing = {
        (one["name"], key)
        for one in some_days
        for key in documented.get(one["name"], set()) - set(one["content"])
    }
    assert {("Instance:LiveMigrationAcrossDDH", "endTime")} >= missing


def _sample(path: Path) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads(path.read_text())
    return sample
