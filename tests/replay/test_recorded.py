"""The cloud as a record has it."""

from __future__ import annotations

import json

import pytest

from sink.errors import PermanentError
from sink.replay.recorded import Answers


def answers(*steps: tuple[str, str]) -> Answers:
    return Answers.of({"steps": json.dumps([{"step": step, "result": result} for step, result in steps])})


def test_a_question_asked_more_often_than_then_gets_its_last_answer_again() -> None:
    """A slow machine asked twice where the clock of then has time for three."""
    recorded = answers(("instance i-1", "Stopping"), ("instance i-1", "Stopped"))

    assert [recorded.next("instance i-1") for _ in range(3)] == ["Stopping", "Stopped", "Stopped"]


def test_what_the_action_did_itself_is_no_answer_to_its_plan() -> None:
    """Else a start would be decided again by the start, and called off."""
    recorded = answers(
        ("instance i-1", "Stopped"),
        ("admitted", "crash"),
        ("StartInstance", "done"),
        ("instance i-1", "Starting"),
    )

    assert [recorded.next("instance i-1") for _ in range(2)] == ["Stopped", "Stopped"]
    with pytest.raises(PermanentError):
        recorded.next("StartInstance")
