"""An instance takes one legal step at a time."""

from __future__ import annotations

import re
from random import Random

import pytest

from sink.local.fleet.instances import (
    MANAGED_TAG,
    PROTECT_TAG,
    IllegalTransition,
    Instance,
    State,
    consent,
    launch,
)

DOCUMENTED_SEQUENCES = {
    "create": "Created Starting Running",
    "create, as older pages have it": "Pending Created Starting Running",
    "stop": "Running Stopping Stopped",
    "reboot": "Running Stopping Starting Running",
    "release": "Running Stopping Stopped Deleted",
    "a guest that goes down": "Running Stopped",
    "failed creation": "Created Stopped Deleted",
    "start": "Stopped Starting Running",
}


def an_instance(state: State = State.CREATED) -> Instance:
    return launch(Random(1), 1_700_000_000.0, "cn-hangzhou", state)


@pytest.mark.parametrize("cause", DOCUMENTED_SEQUENCES)
def test_an_instance_can_take_every_documented_way(cause: str) -> None:
    """The sequences of states that CloudMonitor's documentation implies are all possible."""
    first, *others = (State(name) for name in DOCUMENTED_SEQUENCES[cause].split())
    instance = an_instance(first)
    for state in others:
        instance = instance.enter(state, 0.0)
    assert others[-1] == instance.state


@pytest.mark.parametrize("state", list(State))
def test_a_deleted_instance_stays_deleted(state: State) -> None:
    """Nothing follows Deleted."""
    with pytest.raises(IllegalTransition, match=f"is Deleted and cannot become {state}"):
        an_instance(State.DELETED).enter(state, 0.0)


@pytest.mark.parametrize("state", list(State))
def test_no_state_follows_itself(state: State) -> None:
    """A StateChange tells of a change."""
    with pytest.raises(IllegalTransition):
        an_instance(state).enter(state, 0.0)


def test_a_running_instance_is_not_deleted_without_being_stopped() -> None:
    """Release goes by way of Stopped."""
    with pytest.raises(IllegalTransition):
        an_instance(State.RUNNING).enter(State.DELETED, 0.0)


def test_entering_a_state_leaves_the_old_value_as_it_was() -> None:
    """An instance is a value."""
    created = an_instance()
    created.enter(State.STARTING, 0.0)
    assert created.state == State.CREATED


def test_an_instance_knows_when_it_was_last_started() -> None:
    """From its first Starting on, and at every later one anew; no other state changes that."""
    states = [State.STARTING, State.RUNNING, State.STOPPING, State.STARTING, State.RUNNING, State.STOPPED]
    instance, started = an_instance(), [an_instance().started_time]
    for at, state in enumerate(states, 100):
        instance = instance.enter(state, float(at))
        started.append(instance.started_time)
    assert started == [None, 100.0, 100.0, 100.0, 103.0, 103.0, 103.0]


def test_a_locked_instance_does_not_serve() -> None:
    """An instance that is about to be taken away is left alone by everything else."""
    running = an_instance(State.RUNNING)
    assert (running.is_serving, running.lock("Recycling").is_serving) == (True, False)


def test_unlocking_takes_every_lock_away() -> None:
    """After `unlock` the instance serves again."""
    locked = an_instance(State.RUNNING).lock("Recycling").lock("financial")
    assert locked.unlock().is_serving


def test_instance_ids_look_like_those_of_ecs() -> None:
    """Readers require `i-` and lower-case letters or digits before they act."""
    ids = [launch(Random(seed), 0.0, "cn-hangzhou", State.CREATED).instance_id for seed in range(50)]
    assert [one for one in ids if not re.fullmatch(r"i-[0-9a-z]{20}", one)] == []


def test_some_instances_have_chinese_names() -> None:
    """The owners of a real fleet write Chinese."""
    names = [launch(Random(seed), 0.0, "cn-hangzhou", State.CREATED).instance_name for seed in range(50)]
    assert {True, False} == {name.isascii() for name in names}


def test_most_owners_let_the_sink_act_and_some_protect_theirs() -> None:
    """So a first run shows actions and refusals alike. A protected one was opted in before."""
    launched = [launch(Random(seed), 0.0, "cn-hangzhou", State.CREATED) for seed in range(2000)]
    managed = [one for one in launched if one.tags.get(MANAGED_TAG) == "true"]
    protected = [one for one in launched if PROTECT_TAG in one.tags]
    assert 0.77 < len(managed) / 2000 < 0.83
    assert 0.035 < len(protected) / 2000 < 0.065
    assert [one for one in protected if one not in managed] == []


def test_consent_hangs_on_the_instance_alone() -> None:
    """Chance elsewhere in the fleet goes on as it would without it: the same seed tells the same past."""
    instance = an_instance()
    assert consent(instance.instance_id).items() <= instance.tags.items()
    assert consent(instance.instance_id) == consent(instance.instance_id)
