"""What no action gets past: the rules that keep one from doing harm.

`dispatch` asks in this order, and the first refusal ends the run with a record that says why:

    before anything is read       kill switch, whose event it is, what its instance is called
    once the instance is known    opt-in tag, protect tag
    in the ledger's transaction   actions within the window, share of each server group, the last that serves

Circuits stand beside them: `dispatch` opens one where a module fails again and again or too many instances
call for it at once. The rules are on by default, and pure: what they go by is handed to them, so
`sink replay` asks the same ones about the past.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import floor
from pathlib import Path

from sink.action import Group, GroupState, Instance, Plan
from sink.config import Limits
from sink.events import Event


@dataclass(frozen=True, slots=True)
class Refusal:
    """A guard's no: which one, and why, for people."""

    guard: str
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a module has used up within its window."""

    actions: int
    """Runs carried out."""
    taken: Mapping[str, frozenset[str]]
    """Servers taken out of each group, by group id, whether they are back by now or not."""


@dataclass(frozen=True, slots=True)
class Guard:
    """The rules for one module."""

    limits: Limits = field(default_factory=Limits)
    regions: frozenset[str] = frozenset()
    """Regions whose events are acted on; empty for any."""
    account: str = ""
    """The account whose events are acted on; empty where it is not known."""
    kill_switch: Path | None = None

    def check_switch(self) -> Refusal | None:
        """Refuse everything while the kill-switch file is there."""
        if self.kill_switch is not None and self.kill_switch.exists():
            return Refusal("kill switch", f"{self.kill_switch} is there: remove it to act again")
        return None

    def check_event(self, event: Event) -> Refusal | None:
        """Refuse what may be forged, foreign, or a test: messages in a queue are not signed."""
        return self._check_origin(event) or _check_names(event)

    def check_tags(self, instance: Instance) -> Refusal | None:
        """Refuse an instance that its owner did not opt in, or protects."""
        limits = self.limits
        if limits.protect_tag in instance.tags:
            return Refusal("protect tag", f"{instance.instance_id} has the tag {limits.protect_tag}")
        if instance.tags.get(limits.tag) != limits.tag_value:
            return Refusal("tag", f"{instance.instance_id} has no tag {limits.tag} = {limits.tag_value}")
        return None

    def check_window(self, usage: Usage) -> Refusal | None:
        """Refuse once the module has acted as often as it may."""
        most, minutes = self.limits.max_actions, self.limits.window_minutes
        if usage.actions >= most:
            return Refusal(
                "window", f"{usage.actions} actions within {minutes:g} minutes, and {most} are allowed"
            )
        return None

    def narrow(
        self, plan: Plan, groups: Sequence[GroupState], usage: Usage
    ) -> tuple[Plan, Sequence[Refusal]]:
        """Strike out the places in groups that would lose too much; tell which, and why."""
        refusals = {
            state.group.group_id: refusal
            for state in groups
            if (refusal := self._check_group(state, servers_of(plan, state.group), usage)) is not None
        }
        left = tuple(one for one in plan.places if one.group.group_id not in refusals)
        return replace(plan, places=left), list(refusals.values())

    def _check_origin(self, event: Event) -> Refusal | None:
        if self.account and event.account_id != self.account:
            named = event.account_id or "no account"
            return Refusal("account", f"suspicious: it names {named}, and this is account {self.account}")
        if self.regions and event.region_id not in self.regions:
            allowed = ", ".join(sorted(self.regions))
            return Refusal("region", f"region {event.region_id or 'unknown'} is not among {allowed}")
        return None

    def _check_group(self, state: GroupState, servers: frozenset[str], usage: Usage) -> Refusal | None:
        """Refuse to take servers out of a group that would be left with too few."""
        group_id = state.group.group_id
        others = usage.taken.get(group_id, frozenset()) - servers
        size = len(state.servers | others | servers)
        most = max(1, floor(size * self.limits.max_group_share))
        if servers & state.serving and not state.serving - others - servers:
            return Refusal("last backend", f"no other server of {group_id} serves")
        if len(others) + 1 > most:
            text = f"{len(others)} of {group_id}'s {size} servers were taken out, and {most} are allowed"
            return Refusal("group share", f"{text} within {self.limits.window_minutes:g} minutes")
        return None


def servers_of(plan: Plan, group: Group) -> frozenset[str]:
    """What a plan takes out of a group: an instance's own id there, or those of its network interfaces."""
    return frozenset(place.backend.server_id for place in plan.places if place.group == group)


def is_near_its_end(state: GroupState, servers: frozenset[str]) -> bool:
    """Tell whether one server more or less decides: then a cached state is not good enough."""
    return len(state.serving - servers) < 2


def _check_names(event: Event) -> Refusal | None:
    """Refuse masked and placeholder ids, and an event that names two instances or accounts."""
    if not event.has_instance:
        return Refusal("instance id", f"{event.instance_id or 'nothing'!r} is no instance id: a test event?")
    arn = event.resource_arn.split(":")
    if event.resource_type == "instance" and event.resource_id != event.instance_id:
        return Refusal("instance id", f"suspicious: it names {event.instance_id} and {event.resource_arn}")
    if len(arn) > 3 and arn[3].isdigit() and event.account_id not in ("", arn[3]):
        return Refusal("account", f"suspicious: it names account {event.account_id} and {event.resource_arn}")
    return None
