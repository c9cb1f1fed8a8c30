"""The stages of an event are those of the sink, and each of them does its work."""

from __future__ import annotations

import time
from typing import Any, cast

from benchmarks.stages import least_microseconds, stages, table


def test_each_stage_handles_every_event() -> None:
    """Else its time would be of something else."""
    work, events = stages(time.time())
    answered, parsed, recorded, _, _ = (cast(list[Any], do()) for do in work.values())

    assert sum(len(each.messages) for each in answered) == len(parsed) == len(recorded) == events
    assert all(record.topic == "event" for record in recorded)


def test_the_table_has_each_stage_and_their_sum() -> None:
    """The least of the rounds counts."""
    slow_at_first = iter([0.01, 0.0])
    least = least_microseconds({"a": lambda: time.sleep(next(slow_at_first)), "b": lambda: None}, 10, 2)

    assert least["a"] < 1000
    assert [row[0] for row in table(least).rows] == ["a", "b", "all of them"]
