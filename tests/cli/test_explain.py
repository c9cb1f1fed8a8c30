"""A timeline of records: each once, in order, with what is missing between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from sink.cli.explain.decisions import headline, notice_bar, shown, timing
from sink.cli.explain.timeline import Entry, timeline
from sink.events import Event
from tests import samples


def event(state: str, at_ms: int, **fields: str) -> dict[str, str]:
    """The record of a StateChange."""
    return {
        "__topic__": "event",
        "event_key": f"{state} {at_ms}",
        "kind": "Instance:StateChange",
        "state": state,
        "event_time_ms": str(at_ms),
        "received_at_ms": str(at_ms + 1000),
        "body": samples.state_change(state),
        **fields,
    }


def action(event_key: str, at_ms: int, **fields: str) -> dict[str, str]:
    """The record of a decision."""
    return {
        "__topic__": "action",
        "action_id": f"restart {event_key}",
        "event_key": event_key,
        "module": "restart",
        "status": "skipped",
        "reason": "deliberate: StopInstance by ops",
        "started_at_ms": str(at_ms),
        "finished_at_ms": str(at_ms + 2500),
        "sink_id": "sink-1",
        **fields,
    }


def nobody(event: Event) -> Sequence[str]:
    return ()


def restart_wants_stops(event: Event) -> Sequence[str]:
    return ["restart"] if event.state == "Stopped" else []


def notes(entries: Sequence[Entry]) -> list[str]:
    return [note for one in entries for note in one.notes]


def steps(*told: dict[str, Any]) -> str:
    return json.dumps(told)


def test_what_happened_stands_in_the_order_of_time() -> None:
    """However it was stored; of one moment the event comes before what was decided about it."""
    rows = [action("Stopped 5000", 5000), event("Starting", 9000), event("Stopped", 5000)]

    assert [(one.topic, one.at_ms) for one in timeline(rows, nobody)] == [
        ("event", 5000),
        ("action", 5000),
        ("event", 9000),
    ]


def test_a_record_that_is_stored_several_times_is_told_once() -> None:
    """And how often it is there; another is not taken for it."""
    stopped, starting = event("Stopped", 5000), event("Starting", 9000)

    entries = timeline([stopped, starting, stopped, stopped], nobody)

    assert [(one.state, one.copies) for one in entries] == [("Stopped", 3), ("Starting", 1)]


@pytest.mark.parametrize(
    "states",
    [
        ("Pending", "Created", "Starting", "Running", "Stopping", "Stopped", "Deleted"),
        ("Running", "Stopping", "Starting", "Running"),
        ("Running", "Stopped", "Starting", "Running"),
    ],
    ids=["a whole life", "a reboot", "a crash"],
)
def test_a_life_that_is_whole_has_no_gap(states: Sequence[str]) -> None:
    """Every sequence that CloudMonitor documents."""
    rows = [event(state, 1000 * number) for number, state in enumerate(states, 1)]

    assert notes(timeline(rows, nobody)) == []


def test_a_state_that_cannot_follow_is_a_gap() -> None:
    """Something happened of which there is no event."""
    rows = [event("Running", 1000), event("Stopped", 2000), event("Running", 3000)]

    assert notes(timeline(rows, nobody)) == ["a gap: no event tells how it came from Stopped to Running"]


def test_an_event_that_came_late_says_so() -> None:
    """A decision cannot be earlier than what it answers was received."""
    rows = [event("Stopped", 1000, received_at_ms="601000"), event("Deleted", 2000, received_at_ms="62000")]

    assert notes(timeline(rows, nobody)) == ["received 10 min after it happened"]


def test_an_event_without_a_decision_says_why_there_may_be_none() -> None:
    """Of those only that an enabled action handles, and where there is no record."""
    rows = [
        event("Running", 1000),
        event("Stopped", 2000),
        action("Stopped 2000", 2000),
        event("Starting", 3000),
        event("Stopped", 4000),
    ]

    (note,) = notes(timeline(rows, restart_wants_stops))

    assert note.startswith("no action, because nothing is recorded of restart")


def test_snapshots_are_told_where_something_changed() -> None:
    """Not each time that nothing did."""
    rows = [
        {"__topic__": "inventory", "snapshot_id": str(n), "status": status, "observed_at_ms": str(n)}
        for n, status in enumerate(["Running", "Running", "Stopped", "Stopped"])
    ]

    assert [(one.at_ms, one.record["status"]) for one in timeline(rows, nobody)] == [
        (0, "Running"),
        (2, "Stopped"),
    ]


def test_what_could_not_be_read_has_its_place() -> None:
    """By when it was received."""
    rows = [{"__topic__": "quarantine", "event_key": "k", "reason": "no JSON", "received_at_ms": "7"}]

    (entry,) = timeline(rows, restart_wants_stops)

    assert (entry.at_ms, entry.notes) == (7, ())


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("done", "restart: done: R"),
        ("skipped", "restart: no action, because R"),
        ("refused", "restart: no action, because R"),
        ("failed", "restart: failed: R"),
        ("shadow", "restart: would have acted: R"),
    ],
)
def test_every_status_is_put_into_words(status: str, words: str) -> None:
    """Whoever reads it need not know ours."""
    assert headline({"module": "restart", "status": status, "reason": "R"}) == words


def test_a_later_attempt_is_told() -> None:
    """With how long it took in all, and which sink it was."""
    assert timing(action("k", 1000, attempt="3")) == "took 2.5 s, attempt 3, by sink-1"
    assert timing(action("k", 1000, attempt="1")) == "took 2.5 s, by sink-1"


def test_polls_become_one_line() -> None:
    """From the first answer to the last; others stay apart, and the instance's own id is left out."""
    told = steps(
        {"step": "connections i-1", "result": 91, "api": "DescribeMetricLast", "ms": 3},
        {"step": "connections i-1", "result": 40, "api": "DescribeMetricLast", "ms": 4},
        {"step": "connections i-1", "result": 2, "api": "DescribeMetricLast", "ms": 5},
        {"step": "remove rsp-1 i-1", "result": [{"server_id": "i-1"}], "api": "Remove", "ms": 6},
    )

    lines = shown({"instance_id": "i-1", "steps": told})

    assert [(one.step, one.result, one.took_ms, one.is_order) for one in lines] == [
        ("connections", "91 → 2, asked 3 times", 12, False),
        ("remove rsp-1", "", 6, True),
    ]


def test_a_notice_is_shown_with_the_moment_of_each_order() -> None:
    """What is read needs no mark, nor does an order after the end."""
    told = steps(
        {"step": "group rsp-1", "used_ms": 5_000},
        {"step": "weigh 0 rsp-1 i-1", "used_ms": 30_000},
        {"step": "remove rsp-1 i-1", "used_ms": 150_000},
        {"step": "remove rsp-2 i-1", "used_ms": 310_000},
    )

    bar, marks, legend = notice_bar({"notice_ms": "300000", "budget_used_ms": "150000", "steps": told})

    assert bar == "█" * 20 + "░" * 20 + "  2 min 30 s of 5 min used"
    assert [place for place, mark in enumerate(marks) if mark == "▲"] == [4, 20]
    assert legend == "30 s weigh 0 · 2 min 30 s remove"


@pytest.mark.parametrize("cut", ["[{", "{}", "", '["text"]'])
def test_steps_that_were_cut_off_are_left_out(cut: str) -> None:
    """SLS cuts a long field: the rest of the record is still told."""
    assert shown({"instance_id": "i-1", "steps": cut or "[]"}) == []
    assert notice_bar({"steps": cut or "[]"}) == []
