"""Whatever an event is wrapped in, the same event comes out."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.events import Event, Unreadable, parse_body
from sink.events.envelope import decode_body, read_time_ms
from tests import samples

EXPECTED = {
    "flat.state-change.json": ("flat", "Instance:StateChange", "", "Running", "i-sample0001"),
    "flat.interruption.json": ("flat", "Instance:PreemptibleInstanceInterruption", "", "", "i-sample0002"),
    "flat.maintenance.json": ("flat", "Instance:SystemMaintenance.Reboot", "Scheduled", "", "i-sample0003"),
    "flat.disk.json": ("flat", "Disk:Stalled", "Executing", "", "i-sample0004"),
    "debug.state-change.json": ("flat", "Instance:StateChange", "Normal", "Ru***ng", "i-s***001"),
    "eventbridge.state-change.json": ("eventbridge", "Instance:StateChange", "", "Stopped", "i-sample0005"),
    "subscription.state-change.json": (
        "subscription",
        "Instance:StateChange",
        "Normal",
        "Stopping",
        "i-sample0006",
    ),
    "subscription-form.state-change.json": (
        "subscription",
        "Instance:StateChange",
        "Normal",
        "Stopping",
        "i-sample0006",
    ),
    "attribute.interruption.json": (
        "attribute",
        "Instance:PreemptibleInstanceInterruption",
        "Normal",
        "",
        "i-sample0007",
    ),
    "topic.state-change.json": ("topic/flat", "Instance:StateChange", "", "Deleted", "i-sample0008"),
}


def parse(body: str) -> Event:
    event = parse_body(body)
    assert isinstance(event, Event), event
    return event


def refused(body: str) -> str:
    event = parse_body(body)
    assert isinstance(event, Unreadable), event
    return event.reason


@pytest.mark.parametrize("path", samples.paths(), ids=lambda path: path.name)
def test_every_envelope_gives_its_event(path: Path) -> None:
    """One reading for the shapes of all years and channels."""
    event = parse(path.read_text(encoding="utf-8"))

    assert (event.envelope, event.kind, event.status, event.state, event.instance_id) == EXPECTED[path.name]


@pytest.mark.parametrize("path", samples.paths(), ids=lambda path: path.name)
def test_base64_changes_nothing(path: Path) -> None:
    """Raw, base64, base64 with line ends and base64 of base64 are the same event with the same body."""
    text = path.read_text(encoding="utf-8")
    once = b64encode(text.encode()).decode()
    lines = "\n".join(once[at : at + 76] for at in range(0, len(once), 76))
    twice = b64encode(once.encode()).decode()

    assert [parse_body(body) for body in (once, lines, twice)] == [parse_body(text)] * 3


def test_an_account_and_region_are_found_in_every_envelope() -> None:
    """An event of another account must be told apart, whichever way it came."""
    events = [parse(path.read_text(encoding="utf-8")) for path in samples.paths()]

    assert {event.account_id for event in events} == {"1000000000000001"}
    assert {event.region_id for event in events} == {"cn-beijing"}


def test_a_true_form_is_read_like_its_json() -> None:
    """The webhook's form is URL-encoded, each part a text."""
    fields = json.loads((samples.FOLDER / "subscription-form.state-change.json").read_text(encoding="utf-8"))

    event = parse(urlencode(fields))

    assert (event.envelope, event.state, event.instance_name) == ("subscription", "Stopping", "web")


def test_a_topic_may_write_xml_and_its_publisher_base64() -> None:
    """XML is a topic's default format, and a publisher may have encoded the message by itself."""
    inner = b64encode(samples.state_change("Stopped").encode()).decode()
    plain = escape(samples.state_change("Stopped"))
    form = "<Notification xlmns='x'><TopicName>t</TopicName><Message>{}</Message></Notification>"

    assert parse(form.format(inner)).state == "Stopped"
    assert parse(form.format(plain)).envelope == "topic/flat"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("[]", "JSON, but a list and not an object"),
        ("{}", "no event name"),
        ('{"name": ""}', "no event name"),
        ('{"name": null, "content": {}}', "no event name"),
        ('{"alert": 7}', "a subscription whose alert is not an object"),
        (
            '{"SystemEvents": {"SystemEvent": []}}',
            "a query's answer with 0 events: send each as a message of its own",
        ),
        ("<a><b></a>", "not XML: mismatched tag: line 1, column 8"),
        ("<!DOCTYPE x []><x/>", "XML with a document type"),
        (
            b64encode(b"\xff\xfe\x00").decode(),
            "not JSON: unexpected character, expected a JSON value: line 1 column 1 (char 0)",
        ),
    ],
)
def test_what_holds_no_event_says_why(body: str, reason: str) -> None:
    """The reason stands in the quarantine record."""
    assert refused(body) == reason


def test_the_body_of_what_is_refused_stays_as_it_came() -> None:
    """Nothing is decoded away from what could not be understood."""
    body = b64encode(b"plain words").decode()

    event = parse_body(body)

    assert (type(event), event.body) == (Unreadable, body)


def test_wrappings_without_end_are_refused() -> None:
    """A message that was built to keep us busy does not."""
    body = samples.state_change()
    for _ in range(9):
        body = json.dumps({"TopicName": "t", "Message": body})

    assert refused(body) == "wrapped deeper than any service does"


@given(
    st.text("Yg+/= \n-_\u0438", min_size=1, max_size=12).filter(str.strip)
    | st.binary(min_size=1).map(lambda raw: b64encode(raw).decode())
)
def test_base64_is_what_the_standard_library_takes_for_it(text: str) -> None:
    """Alphabet, length and padding all right, but for blanks."""
    try:
        expected = b64decode("".join(text.split()), validate=True).decode()
    except ValueError:
        expected = text

    assert decode_body(text) in (expected.encode(), decode_body(expected))


def test_words_that_are_base64_by_accident_stay_words() -> None:
    """`abcd` decodes to bytes that are no text."""
    assert decode_body("abcd") == b"abcd"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20181226T220114.058+0800", 1545832874058),
        ("20181226T220114+0800", 1545832874000),
        ("20181226T140114.058Z", 1545832874058),
        ("2018-12-26T22:01:14.058+08:00", 1545832874058),
        ("2019-11-11T11:00Z", 1573470000000),
        ("20181226T220114.058", 1545861674058),
        ("1574064244000", 1574064244000),
        ("1574064244", 1574064244000),
        (" 1574064244000 ", 1574064244000),
        ("1574064244.5", 1574064244000),
        ("19650101T000000+0000", -157766400000),
        ("20181226T220114.058-0130", 1545867074058),
        ("20181226T220114.058+08x0", None),
        ("20181226T2201+08:00+0800", None),
        ("0001-01-01T00:00:00+14:00", -62135647200000),
        ("00010101T000000.000+1400", -62135647200000),
        ("yesterday", None),
        ("", None),
        ("true", None),
    ],
)
def test_times_are_read_in_every_way_they_are_written(text: str, expected: int | None) -> None:
    """With and without milliseconds, seconds, zone and colon; a bare time is in the zone given."""
    assert read_time_ms(text, UTC) == expected


@given(
    st.datetimes(),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["seconds", "milliseconds"]),
    st.booleans(),
    st.sampled_from(["", " "]),
)
def test_a_time_is_read_to_its_millisecond(
    moment: datetime, offset: int, unit: str, compact: bool, blank: str
) -> None:
    """By the quick way and by the one for all else: those with a blank, and those of other lengths."""
    bare = moment.isoformat(timespec=unit)
    written = bare.replace("-", "").replace(":", "") if compact else bare
    hours, minutes = divmod(abs(offset), 60)
    text = f"{written}{'-' if offset < 0 else '+'}{hours:02}{minutes:02}{blank}"
    milliseconds = (datetime.fromisoformat(bare) - datetime(1970, 1, 1)) // timedelta(milliseconds=1)

    assert read_time_ms(text, UTC) == milliseconds - offset * 60_000
