"""Things of an account are kept with its fleet, by type and id."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from sink.local.fleet.state import FleetState
from tests.local.fleet.test_instances import an_instance


@dataclass(frozen=True)
class Box:
    label: str
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Crate:
    label: str


@pytest.fixture
def state() -> Iterator[FleetState]:
    with closing(FleetState(":memory:")) as opened:
        yield opened


def test_a_thing_comes_back_as_it_was(tmp_path: Path) -> None:
    """In the next process, too."""
    with closing(FleetState(tmp_path / "fleet")) as first:
        first.shelf(Box).keep("1", Box("中文", ("a", "b")))
        first.commit()
    with closing(FleetState(tmp_path / "fleet")) as second:
        assert second.shelf(Box).find("1") == Box("中文", ("a", "b"))


def test_types_do_not_mix(state: FleetState) -> None:
    """The same id may stand for one thing of each."""
    state.shelf(Box).keep("1", Box("box"))
    assert (state.shelf(Crate).find("1"), state.shelf(Crate).all()) == (None, [])


def test_a_changed_thing_keeps_its_place(state: FleetState) -> None:
    """Listings are in the order of making."""
    for name in ("b", "a", "b"):
        state.shelf(Box).keep(name, Box(name))
    assert [one.label for one in state.shelf(Box).all()] == ["b", "a"]


def test_a_dropped_thing_is_gone(state: FleetState) -> None:
    """And dropping it again is nothing."""
    state.shelf(Box).keep("1", Box("box"))
    for _ in range(2):
        state.shelf(Box).drop("1")
    assert state.shelf(Box).find("1") is None


def test_things_are_found_by_what_they_mention(state: FleetState) -> None:
    """An id anywhere in them."""
    state.shelf(Box).keep("1", Box("one", ("i-a", "i-b")))
    state.shelf(Box).keep("2", Box("two", ("i-c",)))
    assert [one.label for one in state.shelf(Box).mentioning("i-b")] == ["one"]


def test_what_is_rolled_back_has_not_happened(state: FleetState) -> None:
    """Neither to things nor to instances."""
    instance = an_instance()
    state.keep(instance)
    state.commit()
    state.shelf(Box).keep("1", Box("box"))
    state.keep(instance.lock("financial"))
    state.roll_back()
    assert (state.shelf(Box).find("1"), dict(state.instances)) == (None, {instance.instance_id: instance})
