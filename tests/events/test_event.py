"""What is read from an event, and what its record holds."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sink.events import Event, Receipt, Unreadable, parse_body
from tests import samples

RECEIPT = Receipt("ecs-events", 1_795_305_600_500, "sink-1")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["name", "content", "id", "resourceId", "eventTime", "status", "userId", "alert", "specversion", "type",
     "data", "SystemEvents", "TopicName", "Message", "level", "regionId", "instanceName"]
)  # fmt: skip
CONTENT = st.sampled_from(
    ["state", "status", "eventStatus", "instanceId", "ecsInstanceId", "resourceId", "resourceType",
     "instanceName", "instanceType", "zoneId", "azone", "else"]
)  # fmt: skip


def parse(body: str) -> Event:
    event = parse_body(body)
    assert isinstance(event, Event), event
    return event


@given(st.text() | st.binary().map(lambda raw: b64encode(raw).decode()))
def test_no_text_whatever_raises(body: str) -> None:
    """A body nobody thought of is quarantined, not a crash."""
    assert parse_body(body).record(RECEIPT, "MID-1", 3).fields["mns_message_id"] == "MID-1"


@given(st.dictionaries(FIELDS, JSON, max_size=8))
def test_no_json_object_raises_and_its_body_is_kept(fields: dict[str, Any]) -> None:
    """Whatever stands under the known keys, the message is stored whole."""
    body = json.dumps(fields)

    assert parse_body(body).record(RECEIPT, "MID-1", 3).fields["body"] == body


@given(st.dictionaries(FIELDS, JSON, max_size=8))
def test_records_hold_text_only_and_nothing_empty(fields: dict[str, Any]) -> None:
    """SLS takes text; what is unknown is absent rather than "None"."""
    record = parse_body(json.dumps({"name": "x"} | fields)).record(RECEIPT, "MID-1", 3)

    assert all(isinstance(value, str) for value in record.fields.values())
    assert "None" not in {record.fields.get(name) for name in ("state", "status", "level", "instance_id")}


@given(
    st.dictionaries(FIELDS, JSON, max_size=8),
    st.dictionaries(CONTENT, st.none() | st.text() | JSON, max_size=6),
)
def test_the_usual_way_and_the_one_for_all_else_read_the_same(
    fields: dict[str, Any], content: dict[str, Any]
) -> None:
    """A byte order mark is unusual, and says nothing."""
    body = json.dumps({"name": "Instance:StateChange", "content": content} | fields)
    usual, other = parse_body(body), parse_body("\ufeff" + body)

    if isinstance(usual, Event) and isinstance(other, Event):
        assert other.content == usual.content
        assert replace(other, body_utf8=body.encode(), content_utf8=usual.content_utf8) == usual
    else:
        assert type(usual) is type(other)


@pytest.mark.parametrize("content", ["[" * n + "]" * n for n in (200, 900, 100_000)] + ["1e999", "-1e999"])
@pytest.mark.parametrize("event_id", ["1", ""])
def test_values_at_the_edge_of_json_are_stored(content: str, event_id: str) -> None:
    """Nested deeper than parsers go, or larger than a number can be."""
    body = f'{{"name": "Instance:StateChange", "id": "{event_id}", "content": {{"deep": {content}}}}}'

    assert parse_body(body).record(RECEIPT, "MID-1", 3).fields["body"] == body


def test_a_record_has_the_public_schema() -> None:
    """Users' queries rest on these names."""
    record = parse(samples.state_change("Running", instanceName="web")).record(RECEIPT, "MID-1", 3)

    assert (record.topic, record.time) == ("event", 1795305600)
    assert set(record.fields) == {
        "schema_version", "event_key", "event_id", "product", "name", "kind", "state", "level", "region_id",
        "account_id", "resource_arn", "resource_type", "resource_id", "instance_id", "instance_name",
        "event_time", "event_time_ms", "received_at_ms", "envelope", "content", "body", "mns_queue",
        "mns_message_id", "dequeue_count", "sink_id",
    }  # fmt: skip
    assert record.fields["event_time_ms"] == "1795305600123"
    assert record.fields["dequeue_count"] == "3"


@pytest.mark.parametrize("odd", ["\u7f51\u5173", "x" * 200, "%b", ""])
@pytest.mark.parametrize(
    ("name", "field"), [("id", "event_id"), ("eventTime", "event_time"), ("resourceId", "resource_arn")]
)
def test_an_id_or_time_of_any_kind_is_stored_as_it_is(name: str, field: str, odd: str) -> None:
    """Neither ASCII nor short, as they usually are."""
    record = parse(samples.state_change(**{name: odd})).record(RECEIPT, odd or "MID-1", 3)

    assert record.fields.get(field, "") == odd
    assert record.fields["mns_message_id"] == (odd or "MID-1")
    assert len(record.fields["event_key"]) == 32


def test_a_quarantine_record_has_the_public_schema() -> None:
    """What could not be read is searchable by its reason."""
    record = parse_body("{").record(RECEIPT, "MID-1", 3)

    assert (record.topic, record.time) == ("quarantine", 1795305600)
    assert set(record.fields) == {
        "schema_version", "event_key", "reason", "body", "received_at_ms", "mns_queue", "mns_message_id",
        "dequeue_count", "sink_id",
    }  # fmt: skip


def test_an_event_without_a_time_is_stored_at_its_receipt() -> None:
    """A debug event names none."""
    event = parse(samples.state_change(eventTime=None))

    assert event.record(RECEIPT, "MID-1", 3).time == 1795305600
    assert "event_time_ms" not in event.record(RECEIPT, "MID-1", 3).fields


def test_the_key_is_the_same_on_every_delivery() -> None:
    """Duplicates collapse by it, whichever way they were encoded."""
    body = samples.state_change()

    assert parse(body).event_key == parse(b64encode(body.encode()).decode()).event_key


def test_the_key_tells_states_and_statuses_of_one_id_apart() -> None:
    """The vendor's pages reuse one id through the statuses of a maintenance."""
    names = [
        f"Instance:SystemMaintenance.Reboot:{status}" for status in ("Scheduled", "Executing", "Executed")
    ]
    keys = {parse(samples.state_change(id="same", name=name)).event_key for name in names}
    keys |= {parse(samples.state_change(state, id="same")).event_key for state in ("Stopping", "Stopped")}

    assert len(keys) == 5


def test_without_an_id_the_key_is_made_of_what_happened_to_what_and_when() -> None:
    """Debug events have no id; two different ones must not collapse."""
    first = parse(samples.state_change(id=None))
    same = parse(samples.state_change(id=None, level="WARN"))
    later = parse(samples.state_change(id=None, eventTime="20261122T080001.000+0800"))

    assert first.event_key == same.event_key
    assert first.event_key != later.event_key


@pytest.mark.parametrize(
    ("name", "content", "status", "expected"),
    [
        ("Disk:Stalled:Executed", {"eventStatus": "Executing"}, "Normal", ("Disk:Stalled", "Executed")),
        ("Disk:Stalled", {"eventStatus": "Executing"}, "Normal", ("Disk:Stalled", "Executing")),
        ("Disk:Stalled", {}, "Normal", ("Disk:Stalled", "Normal")),
        ("Instance: StateChange", {}, "", ("Instance:StateChange", "")),
        (
            "Instance:LiveMigrationAcrossDDH",
            {"status": "started"},
            "",
            ("Instance:LiveMigrationAcrossDDH", "started"),
        ),
        ("Agent_Status_Stopped", {}, "stopped", ("Agent_Status_Stopped", "stopped")),
        ("a:b:c:d", {}, "", ("a:b", "c:d")),
    ],
)
def test_the_status_stands_in_one_of_four_places(
    name: str, content: dict[str, str], status: str, expected: tuple[str, str]
) -> None:
    """Behind the name, in the content under two names, or in the envelope: the first that is there."""
    event = parse(json.dumps({"name": name, "content": content, "status": status}))

    assert (event.kind, event.status) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [("Stopped", "Stopped"), ("stopped", "Stopped"), ("Hibernated", "Hibernated"), ("", "")],
)
def test_states_are_canonical_and_unknown_ones_pass(state: str, expected: str) -> None:
    """A state of tomorrow is stored as it came."""
    assert parse(samples.state_change(state)).state == expected


def test_only_a_state_change_has_a_state() -> None:
    """A field of that name in another event means something else."""
    assert parse(json.dumps({"name": "Disk:Stalled", "content": {"state": "Running"}})).state == ""


@pytest.mark.parametrize(
    ("name", "content", "arn", "expected"),
    [
        ("Instance:x", {"instanceId": "i-1"}, "acs:ecs:r:1:eni/eni-1", "i-1"),
        ("Disk:x", {"ecsInstanceId": "i-2"}, "acs:ecs:r:1:disk/d-1", "i-2"),
        ("x:y", {"resourceId": "i-3", "resourceType": "ALIYUN::ECS::Instance"}, "", "i-3"),
        ("Instance:StateChange", {"resourceId": "i-4"}, "", "i-4"),
        ("Instance:StateChange", {}, "acs:ecs:r:1:instance/i-5", "i-5"),
        ("CloudAssistant:x", {"vmName": "i-6"}, "acs:ecs:r:1:instance/i-6", "i-6"),
        ("Disk:x", {"diskId": "d-1"}, "acs:ecs:r:1:disk/d-1", ""),
        ("Disk:x", {"resourceId": "d-1"}, "acs:ecs:r:1:disk/d-1", ""),
        ("x", {}, "", ""),
    ],
)
def test_the_instance_is_found_where_each_kind_puts_it(
    name: str, content: dict[str, str], arn: str, expected: str
) -> None:
    """Four keys hold it, by the kind of event; other resources have none."""
    assert parse(json.dumps({"name": name, "content": content, "resourceId": arn})).instance_id == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"state": "Stopped"}', {"state": "Stopped"}),
        ("just words", {"text": "just words"}),
        ([1], {"value": [1]}),
        (None, {}),
        ("", {}),
    ],
)
def test_content_of_any_type_is_kept(content: object, expected: dict[str, object]) -> None:
    """One of the vendor's pages calls it a string; others leave it out."""
    event = parse(json.dumps({"name": "Instance:StateChange", "content": content}))

    assert event.content == expected
    assert json.loads(event.record(RECEIPT, "MID-1", 3).fields["content"]) == expected


def test_a_refused_record_can_be_stored_in_quarantine() -> None:
    """It keeps its key, its body and how it came, and says why."""
    record = parse(samples.state_change()).record(RECEIPT, "MID-1", 3).quarantined("too large")

    assert record.topic == "quarantine"
    assert record.fields["reason"] == "too large"
    assert record.fields["body"] == samples.state_change()
    assert set(record.fields) == set(Unreadable("k", "b", "r").record(RECEIPT, "MID-1", 3).fields)


def test_a_body_of_64_kb_is_kept_whole() -> None:
    """MNS's largest message."""
    body = samples.state_change(padding="x" * 64_000)

    assert parse(body).record(RECEIPT, "MID-1", 3).fields["body"] == body
