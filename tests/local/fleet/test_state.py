"""What the fleet remembers survives; what was not finished has not happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from sink.local.fleet.instances import State
from sink.local.fleet.state import FleetState, Step
from tests.local.fleet.test_instances import an_instance


@pytest.fixture
def state() -> Iterator[FleetState]:
    with closing(FleetState(":memory:")) as opened:
        yield opened


def test_an_instance_comes_back_as_it_was(tmp_path: Path) -> None:
    """State, tags and locks included."""
    instance = an_instance(State.RUNNING).lock("Recycling")
    with closing(FleetState(tmp_path / "fleet")) as first:
        first.keep(instance)
        first.commit()
    with closing(FleetState(tmp_path / "fleet")) as second:
        assert {instance.instance_id: instance} == dict(second.instances)


def test_a_deleted_instance_is_forgotten(state: FleetState) -> None:
    """As DescribeInstances forgets it."""
    state.keep(an_instance(State.STOPPED))
    state.keep(an_instance(State.DELETED))
    assert dict(state.instances) == {}


def test_steps_are_taken_in_the_order_they_are_due(state: FleetState) -> None:
    """The earliest first; of two at the same time, the one that was scheduled first."""
    for due, action in ((3.0, "c"), (1.0, "a"), (1.0, "b")):
        state.schedule(Step(due, action))
    assert [step.action for step in iter(lambda: state.take(3.0), None)] == ["a", "b", "c"]


def test_a_step_of_the_future_is_left(state: FleetState) -> None:
    """What is due later stays, and `next_due` tells when."""
    state.schedule(Step(5.0, "later"))
    assert (state.take(4.9), state.next_due()) == (None, 5.0)


def test_a_step_comes_back_with_what_it_needs_to_know(state: FleetState) -> None:
    """Instance and details are kept."""
    step = Step(1.0, "move", "i-1", {"origin": "Running", "target": "停止"})
    state.schedule(step)
    assert step == state.take(1.0)


def test_canceled_actions_do_not_happen(state: FleetState) -> None:
    """Only the named ones are canceled."""
    for action in ("chance", "scale", "move"):
        state.schedule(Step(1.0, action))
    state.cancel("chance", "scale")
    assert [step.action for step in iter(lambda: state.take(1.0), None)] == ["move"]


def test_an_event_stays_in_the_outbox_until_it_is_struck_out(state: FleetState) -> None:
    """Oldest first, each once."""
    state.post(1.0, b"first")
    state.post(2.0, b"second")
    state.strike_out(state.undelivered()[0])
    assert [one.body for one in state.undelivered()] == [b"second"]


def test_what_was_not_committed_has_not_happened(tmp_path: Path) -> None:
    """A crash in the middle of a step leaves the step to be done."""
    with closing(FleetState(tmp_path / "fleet")) as first:
        first.schedule(Step(1.0, "move"))
        first.commit()
        first.take(1.0)
        first.post(1.0, b"event")
    with closing(FleetState(tmp_path / "fleet")) as second:
        assert (Step(1.0, "move"), []) == (second.take(1.0), second.undelivered())
