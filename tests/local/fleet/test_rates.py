"""Acceleration turns the whole table, and nothing else."""

from __future__ import annotations

from dataclasses import fields

import pytest

from sink.local.fleet.behaviour import CHANCES
from sink.local.fleet.rates import Rates


def test_at_speed_frequencies_grow_and_durations_shrink() -> None:
    """Sixty times as fast, a notice of five minutes is one of five seconds."""
    usual, fast = Rates(), Rates().at_speed(60)
    assert (usual.reboots_per_hour * 60, 5.0) == (fast.reboots_per_hour, fast.notice_seconds)


def test_speed_one_is_life_as_it_is() -> None:
    """No speed, no change."""
    assert Rates() == Rates().at_speed(1)


@pytest.mark.parametrize("speed", [0, -1])
def test_time_neither_stands_nor_runs_backwards(speed: float) -> None:
    """Such a speed is refused with its value."""
    with pytest.raises(ValueError, match=f"above 0, not {speed}"):
        Rates().at_speed(speed)


def test_every_frequency_is_that_of_a_chance() -> None:
    """No rate without an effect, no chance without a rate."""
    frequencies = {one.name for one in fields(Rates) if one.name.endswith("_per_hour")}
    assert {f"{name}_per_hour" for name in CHANCES} == frequencies


def test_every_name_ends_in_its_unit() -> None:
    """`at_speed` goes by the unit."""
    assert [one.name for one in fields(Rates) if not one.name.endswith(("_per_hour", "_seconds"))] == []
