"""What no action gets past, each rule from both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from sink.action import Backend, Group, GroupState, Instance, Place, Plan
from sink.config import Limits
from sink.events import Event, parse_body
from sink.guard import Guard, Usage, is_near_its_end
from tests import samples

GROUP = Group("clb", "vserver", "rsp-1", "lb-1", "cn-hangzhou")
UNUSED = Usage(0, {})


def stopped(**outside: object) -> Event:
    event = parse_body(samples.state_change(**outside))  # type: ignore[arg-type]
    assert isinstance(event, Event)
    return event


def group(*weights: int, healthy: bool = True) -> GroupState:
    """A group of the servers i-0, i-1, … with these weights."""
    backends = tuple(Backend(f"i-{number}", 80, weight, healthy) for number, weight in enumerate(weights))
    return GroupState(GROUP, backends, 0)


def plan_for(server_id: str) -> Plan:
    return Plan("why", (Place(GROUP, Backend(server_id, 80, 100)),))


def refused_by(guard: Guard, state: GroupState, server_id: str, *taken: str) -> str:
    """The guard that strikes the server's place out, or nothing."""
    usage = Usage(0, {"rsp-1": frozenset(taken)})
    left, refusals = guard.narrow(plan_for(server_id), [state], usage)
    assert bool(left.places) is not bool(refusals)
    return refusals[0].guard if refusals else ""


def test_the_kill_switch_stops_everything_while_it_is_there(tmp_path: Path) -> None:
    """A file, so that anybody can make one."""
    switch = tmp_path / "STOP"
    guard = Guard(kill_switch=switch)
    assert guard.check_switch() is None

    switch.touch()
    refusal = guard.check_switch()
    assert refusal is not None
    assert str(switch) in refusal.reason

    switch.unlink()
    assert guard.check_switch() is None


@pytest.mark.parametrize("instance", ["i-b***2", "<resource-id>", "", "I-BP1", "i-", "bp1sample", "i-bp1;x"])
def test_what_is_no_instance_id_is_refused(instance: str) -> None:
    """Debug events are masked; messages are not signed."""
    refusal = Guard().check_event(stopped(instance=instance))
    assert refusal is not None
    assert refusal.guard == "instance id"


def test_an_event_of_the_account_and_region_passes() -> None:
    """As do those of any, where nothing is set."""
    event = stopped()
    assert Guard().check_event(event) is None
    assert Guard(account=event.account_id, regions=frozenset({event.region_id})).check_event(event) is None


def test_an_event_of_another_account_is_suspicious() -> None:
    """It is stored all the same; nothing is done for it."""
    refusal = Guard(account="2000000000000002").check_event(stopped())
    assert refusal is not None
    assert (refusal.guard, refusal.reason.split(":")[0]) == ("account", "suspicious")


def test_an_event_of_another_region_is_refused() -> None:
    """Only allowed regions are acted in."""
    refusal = Guard(regions=frozenset({"cn-hangzhou"})).check_event(stopped())
    assert refusal is not None
    assert refusal.guard == "region"


@pytest.mark.parametrize(
    ("fields", "guard"),
    [
        ({"resource_id": "i-other"}, "instance id"),
        ({"account_id": "2000000000000002"}, "account"),
    ],
)
def test_an_event_that_contradicts_itself_is_suspicious(fields: dict[str, Any], guard: str) -> None:
    """The ARN and the fields have to name the same instance and account."""
    refusal = Guard().check_event(structs.replace(stopped(), **fields))
    assert refusal is not None
    assert refusal.guard == guard


@pytest.mark.parametrize(
    ("tags", "guard"),
    [
        ({"ecs-event-sink/managed": "true"}, ""),
        ({}, "tag"),
        ({"ecs-event-sink/managed": "false"}, "tag"),
        ({"ecs-event-sink/managed": "true", "ecs-event-sink/protect": ""}, "protect tag"),
    ],
)
def test_only_what_is_opted_in_and_not_protected_is_touched(tags: dict[str, str], guard: str) -> None:
    """The owner's word, by tags; protection wins whatever its value."""
    refusal = Guard().check_tags(Instance("i-1", "cn-hangzhou", "Running", tags=tags))
    assert (refusal.guard if refusal else "") == guard


def test_the_window_has_room_for_so_many_and_no_more() -> None:
    """max_actions within window_minutes."""
    guard = Guard(Limits(max_actions=3))
    assert guard.check_window(Usage(2, {})) is None
    refusal = guard.check_window(Usage(3, {}))
    assert refusal is not None
    assert refusal.guard == "window"


def test_the_last_that_serves_stays() -> None:
    """Others of weight 0, unhealthy or just taken do not count."""
    guard = Guard(Limits(max_group_share=1))
    assert refused_by(guard, group(100), "i-0") == "last backend"
    assert refused_by(guard, group(100, 0), "i-0") == "last backend"
    assert refused_by(guard, group(100, 100), "i-0", "i-1") == "last backend"
    sick = GroupState(GROUP, (Backend("i-0", 80, 100), Backend("i-1", 80, 100, healthy=False)), 0)
    assert refused_by(guard, sick, "i-0") == "last backend"


def test_the_last_that_serves_stays_by_whatever_name_it_is_known() -> None:
    """A group may know an instance by its network interface."""
    interface = Backend("eni-1", 80, 100, type="eni", address="10.0.0.1")
    state = GroupState(GROUP, (interface,), 0)
    left, refusals = Guard().narrow(Plan("why", (Place(GROUP, interface),)), [state], UNUSED)
    assert (left.places, [one.guard for one in refusals]) == ((), ["last backend"])


def test_one_that_does_not_serve_can_always_go() -> None:
    """To take it out takes nothing from the group."""
    assert refused_by(Guard(), group(0, 0), "i-0") == ""


def test_a_group_loses_at_most_its_share_within_the_window() -> None:
    """Of the size that it had: taken servers count, whether they are still listed or gone."""
    guard = Guard(Limits(max_group_share=0.5))
    assert refused_by(guard, group(100, 100, 100, 100), "i-0", "i-1") == ""
    assert refused_by(guard, group(100, 100, 100, 100), "i-0", "i-1", "i-2") == "group share"
    assert refused_by(guard, group(100, 100), "i-0", "i-8", "i-9") == "group share"


def test_a_run_that_goes_on_is_not_in_its_own_way() -> None:
    """What it has taken itself is not counted twice."""
    assert refused_by(Guard(), group(0, 100), "i-0", "i-0") == ""


def test_of_a_pair_one_may_go() -> None:
    """A share is at least one server, else small groups could never be helped."""
    assert refused_by(Guard(Limits(max_group_share=0.1)), group(100, 100), "i-0") == ""


def test_only_the_groups_that_would_suffer_are_struck_out() -> None:
    """The others are still served."""
    other = replace(GROUP, group_id="rsp-2")
    places = tuple(Place(one, Backend("i-0", 80, 100)) for one in (GROUP, other))
    states = [group(100), GroupState(other, (Backend("i-0", 80, 100), Backend("i-1", 80, 100)), 0)]

    left, refusals = Guard().narrow(Plan("why", places), states, UNUSED)

    assert [one.group.group_id for one in left.places] == ["rsp-2"]
    assert [one.guard for one in refusals] == ["last backend"]


@given(st.lists(st.sampled_from([0, 100]), min_size=1, max_size=8), st.randoms(), st.floats(0.01, 1))
def test_however_many_ask_a_group_is_never_emptied(weights: list[int], random: object, share: float) -> None:
    """Every server asks in turn, and those admitted are taken: one that serves is left if any did."""
    guard, state = Guard(Limits(max_group_share=share)), group(*weights)
    taken: set[str] = set()
    servers = sorted(state.servers)
    random.shuffle(servers)  # type: ignore[attr-defined]
    for server_id in servers:
        if not refused_by(guard, state, server_id, *taken):
            taken.add(server_id)

    assert bool(state.serving - taken) == bool(state.serving)
    assert len(taken) <= max(1, share * len(weights))


def test_where_one_server_decides_a_cached_state_is_not_enough() -> None:
    """With two others left to serve, it is."""
    assert is_near_its_end(group(100, 100), frozenset({"i-0"}))
    assert not is_near_its_end(group(100, 100, 100), frozenset({"i-0"}))
