"""What was last seen of instances, groups and scaling groups, so that the first call is the useful one.

`membership.py` fills it by reading everything now and then; what is read or edited in between corrects it at
once. It does not judge whether what it knows is fresh enough, and makes no call.

A reading that began before an edit was answered may show the group as it was before: it is passed over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sink.action import Backend, Group, GroupState, Place, ScalingMember
from sink.action.cloud import Product
from sink.cloud.balancers import Change
from sink.cloud.instances import Seen


@dataclass(slots=True)
class _Held:
    """A group as it was last seen."""

    state: GroupState
    corrected_at_ms: int = 0
    """When something was changed in it by us: an older reading does not count."""
    is_stale: bool = False
    """Whether its weights are others by now, and nobody here knows which."""


class Cache:
    """What was last seen. Times are ms of the wall clock."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self._known: dict[str, tuple[str, int]] = {}
        self._read_regions: set[str] = set()
        self._groups: dict[Group, _Held] = {}
        self._by_server: dict[str, set[Group]] = {}
        self._members: dict[str, Mapping[str, ScalingMember]] = {}

    @property
    def instance_count(self) -> int:
        """How many instances are known."""
        return len(self._known)

    @property
    def group_count(self) -> int:
        """How many groups are known."""
        return len(self._groups)

    def instance(self, instance_id: str) -> Seen | None:
        """An instance as it was last seen."""
        return self._seen.get(instance_id)

    def known_since_ms(self, instance_id: str) -> int | None:
        """When the reading of its region began that first showed it; None if none did.

        0 for the first reading of all: of an instance that was there before the sink nothing is younger.
        """
        known = self._known.get(instance_id)
        return known[1] if known is not None else None

    def member(self, instance_id: str) -> ScalingMember | None:
        """An instance's place in a scaling group."""
        found = (members.get(instance_id) for members in self._members.values())
        return next((one for one in found if one is not None), None)

    def group(self, group: Group) -> GroupState | None:
        """A group as it was last seen, unless it is known to be otherwise by now."""
        held = self._groups.get(group)
        return held.state if held is not None and not held.is_stale else None

    def places(self, server_ids: Iterable[str]) -> tuple[Place, ...]:
        """Every backend that is one of these servers, in an order that does not change."""
        wanted = set(server_ids)
        groups = {group for one in wanted for group in self._by_server.get(one, ())}
        places = [
            Place(group, backend)
            for group in groups
            for backend in self._groups[group].state.backends
            if backend.server_id in wanted
        ]
        return tuple(sorted(places, key=_order))

    def keep_instances(self, region_id: str, seen: Sequence[Seen], began_ms: int) -> None:
        """Take over a reading of all instances of a region."""
        since_ms = began_ms if region_id in self._read_regions else 0
        self._read_regions.add(region_id)
        shown = {one.instance.instance_id for one in seen}
        gone = [one for one, (region, _) in self._known.items() if region == region_id and one not in shown]
        for instance_id in gone:
            del self._known[instance_id]
            self._seen.pop(instance_id, None)
        for one in seen:
            self._known.setdefault(one.instance.instance_id, (region_id, since_ms))
            self.keep_instance(one)

    def keep_instance(self, seen: Seen) -> None:
        """Take over one that was read by itself. One that no reading of its region showed is not kept."""
        instance_id = seen.instance.instance_id
        before = self._seen.get(instance_id)
        is_newer = before is None or before.instance.read_at_ms <= seen.instance.read_at_ms
        if instance_id in self._known and is_newer:
            self._seen[instance_id] = seen

    def forget_instance(self, instance_id: str) -> None:
        """Its state is another by now."""
        self._seen.pop(instance_id, None)

    def keep_groups(
        self, product: Product, region_id: str, states: Sequence[GroupState], began_ms: int
    ) -> None:
        """Take over a reading of all groups of a product in a region."""
        shown = {one.group for one in states}
        for group, held in list(self._groups.items()):
            is_gone = (group.product, group.region_id) == (product, region_id) and group not in shown
            if is_gone and held.state.read_at_ms < began_ms:
                self._unindex(held.state)
                del self._groups[group]
        for state in states:
            self.keep_group(state)

    def keep_group(self, state: GroupState) -> None:
        """Take over a reading of a group, unless what is known is newer."""
        held = self._groups.get(state.group)
        if held is None:
            self._put(_Held(state))
        elif state.read_at_ms >= max(held.corrected_at_ms, held.state.read_at_ms):
            self._put(_Held(state, held.corrected_at_ms))

    def keep_members(self, region_id: str, members: Mapping[str, ScalingMember]) -> None:
        """Take over a reading of all members of scaling groups in a region."""
        self._members[region_id] = members

    def keep_member(self, region_id: str, instance_id: str, member: ScalingMember) -> None:
        """Take over a change of ours."""
        self._members[region_id] = {**self._members.get(region_id, {}), instance_id: member}

    def correct(self, change: Change, group: Group, backends: Sequence[Backend], now_ms: int) -> None:
        """Take over an edit of ours that was answered."""
        held = self._groups.get(group)
        if held is not None:
            state = replace(held.state, backends=_changed(change, held.state.backends, backends))
            self._put(_Held(state, now_ms, held.is_stale))

    def doubt(self, server_ids: Iterable[str], now_ms: int) -> None:
        """Somebody has changed the weights of these servers."""
        for group in {group for one in server_ids for group in self._by_server.get(one, ())}:
            self._groups[group] = _Held(self._groups[group].state, now_ms, is_stale=True)

    def _put(self, held: _Held) -> None:
        before = self._groups.get(held.state.group)
        if before is not None:
            self._unindex(before.state)
        self._groups[held.state.group] = held
        for server_id in held.state.servers:
            self._by_server.setdefault(server_id, set()).add(held.state.group)

    def _unindex(self, state: GroupState) -> None:
        for server_id in state.servers:
            groups = self._by_server[server_id]
            groups.discard(state.group)
            if not groups:
                del self._by_server[server_id]


def _changed(change: Change, before: Sequence[Backend], edited: Sequence[Backend]) -> tuple[Backend, ...]:
    """The servers of a group after an edit of some of them. What it does not hold cannot be edited."""
    edits = {(one.server_id, one.port): one for one in edited}
    if change == "remove":
        return tuple(one for one in before if (one.server_id, one.port) not in edits)
    if change == "weigh":
        return tuple(replace(one, weight=edits.get((one.server_id, one.port), one).weight) for one in before)
    known = {(one.server_id, one.port) for one in before}
    return (*before, *(one for place, one in edits.items() if place not in known))


def _order(place: Place) -> tuple[str, str, str, int]:
    return (place.group.product, place.group.group_id, place.backend.server_id, place.backend.port)
