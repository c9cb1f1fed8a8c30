"""What is remembered: never older than what is known, and corrected by what we did. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.action import Backend, Group, GroupState, Instance, ScalingMember
from sink.cloud.balancers import Change
from sink.cloud.cache import Cache
from sink.cloud.instances import Seen

GROUPS = [
    Group("clb", "vserver", "rsp-1", "lb-1", "cn-hangzhou"),
    Group("clb", "vserver", "rsp-2", "lb-1", "cn-hangzhou"),
    Group("alb", "server_group", "sgp-1", "sgp-1", "cn-hangzhou"),
]
SERVERS = ["i-1", "i-2", "i-3"]
group_index = st.integers(0, 2)
backends = st.lists(
    st.builds(Backend, st.sampled_from(SERVERS), st.sampled_from([80, 81]), st.integers(0, 100)),
    unique_by=lambda one: (one.server_id, one.port),
    max_size=5,
)


def seen(instance_id: str, read_at_ms: int = 1, **fields: Any) -> Seen:
    return Seen(Instance(instance_id, "cn-hangzhou", "Running", read_at_ms=read_at_ms, **fields))


def state(group: Group, *servers: Backend, read_at_ms: int = 1) -> GroupState:
    return GroupState(group, servers, read_at_ms)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("read"), group_index, backends),
            st.tuples(st.sampled_from(["weigh", "remove", "add"]), group_index, backends),
            st.tuples(st.just("scan"), group_index, backends),
        ),
        max_size=30,
    )
)
def test_places_are_those_of_the_groups_that_are_known(steps: list[tuple[str, int, list[Backend]]]) -> None:
    """However groups come, change and go: looking up by server finds what reading every group would."""
    cache, now_ms = Cache(), 10
    for kind, index, servers in steps:
        now_ms += 10
        group = GROUPS[index]
        if kind == "read":
            cache.keep_group(state(group, *servers, read_at_ms=now_ms))
        elif kind == "scan":
            cache.keep_groups(
                group.product, "cn-hangzhou", [state(group, *servers, read_at_ms=now_ms)], now_ms
            )
        else:
            change: Change = kind  # type: ignore[assignment]
            cache.correct(change, group, servers, now_ms)

    known = [held for group in GROUPS if (held := cache.group(group)) is not None]
    for server_id in SERVERS:
        expected = {(held.group, one) for held in known for one in held.of(server_id)}
        assert {(place.group, place.backend) for place in cache.places([server_id])} == expected
    assert cache.group_count == len(known)


@pytest.mark.parametrize(
    ("change", "edited", "expected"),
    [
        ("weigh", Backend("i-1", 80, 0), {("i-1", 80): 0, ("i-1", 81): 100, ("i-2", 80): 100}),
        ("weigh", Backend("i-9", 80, 0), {("i-1", 80): 100, ("i-1", 81): 100, ("i-2", 80): 100}),
        ("remove", Backend("i-1", 81, 0), {("i-1", 80): 100, ("i-2", 80): 100}),
        (
            "add",
            Backend("i-3", 80, 7),
            {("i-1", 80): 100, ("i-1", 81): 100, ("i-2", 80): 100, ("i-3", 80): 7},
        ),
        ("add", Backend("i-1", 80, 7), {("i-1", 80): 100, ("i-1", 81): 100, ("i-2", 80): 100}),
    ],
)
def test_an_edit_of_ours_corrects_what_is_known(
    change: Change, edited: Backend, expected: dict[tuple[str, int], int]
) -> None:
    """As the product does it: what is not in the group is passed over, what is there already stays."""
    cache = Cache()
    cache.keep_group(
        state(GROUPS[0], Backend("i-1", 80, 100), Backend("i-1", 81, 100), Backend("i-2", 80, 100))
    )

    cache.correct(change, GROUPS[0], [edited], 5)

    known = cache.group(GROUPS[0])
    assert known is not None
    assert {(one.server_id, one.port): one.weight for one in known.backends} == expected


def test_a_reading_from_before_an_edit_does_not_undo_it() -> None:
    """The background had read the group, and brings it late."""
    cache = Cache()
    cache.keep_group(state(GROUPS[0], Backend("i-1", 80, 100), read_at_ms=10))
    cache.correct("weigh", GROUPS[0], [Backend("i-1", 80, 0)], 20)

    cache.keep_groups("clb", "cn-hangzhou", [state(GROUPS[0], Backend("i-1", 80, 100), read_at_ms=15)], 12)
    before = cache.places(["i-1"])[0].backend.weight
    cache.keep_groups("clb", "cn-hangzhou", [state(GROUPS[0], Backend("i-1", 80, 60), read_at_ms=25)], 22)

    assert (before, cache.places(["i-1"])[0].backend.weight) == (0, 60)


def test_a_group_that_is_gone_is_forgotten_and_one_that_just_came_is_not() -> None:
    """A scan shows all groups of its product and region, but none that was made after it began."""
    cache = Cache()
    cache.keep_group(state(GROUPS[0], Backend("i-1", 80, 1), read_at_ms=5))
    cache.keep_group(state(GROUPS[1], Backend("i-1", 80, 2), read_at_ms=15))
    cache.keep_group(state(GROUPS[2], Backend("i-1", 80, 3), read_at_ms=5))

    cache.keep_groups("clb", "cn-hangzhou", [], 10)

    assert [place.group for place in cache.places(["i-1"])] == [GROUPS[2], GROUPS[1]]


def test_weights_that_ess_changes_are_doubted_until_they_are_read() -> None:
    """Membership is known still; the weights are not."""
    cache = Cache()
    cache.keep_group(state(GROUPS[0], Backend("i-1", 80, 100), read_at_ms=10))
    cache.keep_group(state(GROUPS[1], Backend("i-2", 80, 100), read_at_ms=10))

    cache.doubt(["i-1"], 20)

    assert cache.group(GROUPS[0]) is None
    assert cache.group(GROUPS[1]) is not None
    assert len(cache.places(["i-1"])) == 1

    cache.keep_group(state(GROUPS[0], Backend("i-1", 80, 0), read_at_ms=15))
    assert cache.group(GROUPS[0]) is None
    cache.keep_group(state(GROUPS[0], Backend("i-1", 80, 0), read_at_ms=25))
    assert cache.group(GROUPS[0]) is not None


def test_instances_of_the_first_reading_were_always_there() -> None:
    """Later ones are as old as the reading that first showed them."""
    cache = Cache()
    cache.keep_instances("cn-hangzhou", [seen("i-1")], 100)
    cache.keep_instances("cn-hangzhou", [seen("i-1"), seen("i-2")], 200)
    cache.keep_instances("cn-hangzhou", [seen("i-1"), seen("i-2")], 300)

    assert [cache.known_since_ms(one) for one in ("i-1", "i-2", "i-3")] == [0, 200, None]


def test_a_released_instance_is_forgotten() -> None:
    """In its own region; another region's reading says nothing of it."""
    cache = Cache()
    cache.keep_instances("cn-hangzhou", [seen("i-1")], 100)
    cache.keep_instances("cn-beijing", [], 150)
    kept = cache.instance("i-1")
    cache.keep_instances("cn-hangzhou", [], 200)

    assert kept is not None
    assert cache.instance("i-1") is None
    assert cache.known_since_ms("i-1") is None


def test_a_newer_reading_of_an_instance_stays() -> None:
    """A page of the background that was read before brings nothing new."""
    cache = Cache()
    cache.keep_instances("cn-hangzhou", [seen("i-1", 10)], 5)
    newer = seen("i-1", 30)
    cache.keep_instance(replace(newer, instance=replace(newer.instance, status="Stopped")))
    cache.keep_instances("cn-hangzhou", [seen("i-1", 20)], 15)

    known = cache.instance("i-1")
    assert known is not None
    assert known.instance.status == "Stopped"


def test_an_instance_that_no_reading_showed_is_not_remembered() -> None:
    """Else every instance that was ever asked about would stay for ever."""
    cache = Cache()
    cache.keep_instance(seen("i-1"))

    assert cache.instance("i-1") is None
    assert cache.instance_count == 0


def test_a_member_that_we_moved_is_where_we_moved_it() -> None:
    """Until the next reading says otherwise."""
    cache = Cache()
    cache.keep_members("cn-hangzhou", {"i-1": ScalingMember("asg-1", "InService")})
    cache.keep_member("cn-hangzhou", "i-1", ScalingMember("asg-1", "Standby"))
    moved = cache.member("i-1")
    cache.keep_members("cn-hangzhou", {})

    assert moved == ScalingMember("asg-1", "Standby")
    assert cache.member("i-1") is None
