"""CLB, the classic load balancer: its groups, where servers stand in them, and the calls that edit them.

A balancer has a default group, VServer groups and master/slave groups; an instance may be in any of them, in
a VServer group with several ports. No call tells the groups of an instance (`DescribeLoadBalancers` by
ServerId does not look into VServer groups), so a region is scanned balancer by balancer. Health is told per
listener of a balancer, and shared by the groups that are read at the same time.

Edits name exact entries as they were read: a pair of server and port that is not in the group is passed over
by the API without a word. Master/slave groups can be read only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from sink.action import Backend, Group, GroupState
from sink.cloud.balancers.edits import Change
from sink.cloud.calls import Answer, Call, Document
from sink.cloud.gate import Gate
from sink.cloud.sharing import Batch, Sharing
from sink.cloud.turn import Turn
from sink.errors import Missing, Rejected

_PAGE = 100
_SERVERS = 20
"""Servers that one edit takes."""

Health = Mapping[tuple[str, int], bool]
"""Whether the checks of a server on a port pass, by its id and port; and by its id and 0, on all ports."""
_BalancerKey = tuple[str, str]
"""Region and balancer id."""


class ClassicBalancers:
    """Reads and edits of CLB, for `Balancers`."""

    servers_per_edit = _SERVERS

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._groups: Sharing[Group, Group, Answer[GroupState]] = Sharing(
            self._read, room=lambda group: group
        )
        self._health: Sharing[_BalancerKey, _BalancerKey, Health] = Sharing(
            self._read_health, room=lambda key: key
        )

    async def read(self, group: Group, turn: Turn) -> Answer[GroupState]:
        """A group as it is now."""
        return await self._groups.ask(group, turn)

    async def scan(self, region_id: str, turn: Turn) -> list[GroupState]:
        """Every group of a region. Balancers that go meanwhile are left out."""
        ids = await self._balancer_ids(region_id, turn)
        found = await asyncio.gather(*(self._scan_balancer(region_id, one, turn) for one in ids))
        return [state for states in found for state in states]

    def edit_call(self, change: Change, group: Group, backends: Sequence[Backend]) -> Call[None]:
        """The call of an edit. Raises Rejected for a master/slave group."""
        entries = [_entry(one, group, weighing=change != "remove") for one in backends]
        parameters = {_id_name(group): group.group_id, "BackendServers": orjson.dumps(entries).decode()}
        return Call("slb", _action(change, group), group.region_id, lambda document: None, parameters)

    async def settle(
        self, change: Change, group: Group, backends: Sequence[Backend], turn: Turn
    ) -> GroupState | None:
        """CLB has taken an edit when it answers."""
        return None

    async def _read(
        self, group: Group, batch: Batch[Group, Answer[GroupState]]
    ) -> Mapping[Group, Answer[GroupState]]:
        def build() -> Call[tuple[int, Sequence[Backend]]]:
            batch.close()
            return _group_call(group, self._gate.now_ms())

        line = _group_call(group, 0).line
        answer = await self._gate.ask_late(line, batch.turn, build)
        health = await self._health.ask((group.region_id, group.balancer_id), batch.turn)
        read_at_ms, backends = answer.value
        state = GroupState(group, _checked(backends, health), read_at_ms)
        return {group: Answer(state, answer.api, answer.request_id)}

    async def _read_health(
        self, key: _BalancerKey, batch: Batch[_BalancerKey, Health]
    ) -> Mapping[_BalancerKey, Health]:
        region_id, balancer_id = key
        call = Call("slb", "DescribeHealthStatus", region_id, _health, {"LoadBalancerId": balancer_id})

        def build() -> Call[Health]:
            batch.close()
            return call

        try:
            return {key: (await self._gate.ask_late(call.line, batch.turn, build)).value}
        except (Rejected, Missing):
            # A balancer without listeners tells no health, and one that is gone needs none.
            return {key: {}}

    async def _balancer_ids(self, region_id: str, turn: Turn) -> list[str]:
        found: list[str] = []
        page = 1
        while True:
            paging: dict[str, str | int] = {"PageNumber": page, "PageSize": _PAGE}
            call = Call("slb", "DescribeLoadBalancers", region_id, _balancers, paging)
            ids, total = (await self._gate.ask(call, turn)).value
            found += ids
            if not ids or page * _PAGE >= total:
                return found
            page += 1

    async def _scan_balancer(self, region_id: str, balancer_id: str, turn: Turn) -> list[GroupState]:
        try:
            groups = await self._groups_of(region_id, balancer_id, turn)
            health = await self._health.ask((region_id, balancer_id), turn)
            return await asyncio.gather(*(self._scan_group(one, health, turn) for one in groups))
        except Missing:
            return []

    async def _scan_group(self, group: Group, health: Health, turn: Turn) -> GroupState:
        read_at_ms, backends = (await self._gate.ask(_group_call(group, self._gate.now_ms()), turn)).value
        return GroupState(group, _checked(backends, health), read_at_ms)

    async def _groups_of(self, region_id: str, balancer_id: str, turn: Turn) -> list[Group]:
        named = {"LoadBalancerId": balancer_id}
        vservers, pairs = await asyncio.gather(
            self._gate.ask(Call("slb", "DescribeVServerGroups", region_id, _vservers, named), turn),
            self._gate.ask(Call("slb", "DescribeMasterSlaveServerGroups", region_id, _pairs, named), turn),
        )
        return [
            Group("clb", "default", balancer_id, balancer_id, region_id),
            *(Group("clb", "vserver", one, balancer_id, region_id) for one in vservers.value),
            *(Group("clb", "master_slave", one, balancer_id, region_id) for one in pairs.value),
        ]


def _group_call(group: Group, now_ms: int) -> Call[tuple[int, Sequence[Backend]]]:
    """The call that reads a group's servers, and when it was made."""
    action = {
        "default": "DescribeLoadBalancerAttribute",
        "vserver": "DescribeVServerGroupAttribute",
        "master_slave": "DescribeMasterSlaveServerGroupAttribute",
    }[group.kind]
    outer = "MasterSlaveBackend" if group.kind == "master_slave" else "Backend"

    def parse(document: Document) -> tuple[int, Sequence[Backend]]:
        shown = document[f"{outer}Servers"][f"{outer}Server"]
        return now_ms, [_backend(one, group) for one in shown]

    return Call("slb", action, group.region_id, parse, {_id_name(group): group.group_id})


def _id_name(group: Group) -> str:
    names = {
        "default": "LoadBalancerId",
        "vserver": "VServerGroupId",
        "master_slave": "MasterSlaveServerGroupId",
    }
    return names[group.kind]


def _action(change: Change, group: Group) -> str:
    """The API of an edit. Raises Rejected where there is none."""
    if group.kind == "master_slave":
        raise Rejected(
            "SLB", "UnsupportedOperation", f"{group.group_id} is a master/slave group, which cannot be edited"
        )
    if group.kind == "vserver":
        return {
            "weigh": "SetVServerGroupAttribute",
            "remove": "RemoveVServerGroupBackendServers",
            "add": "AddVServerGroupBackendServers",
        }[change]
    return {"weigh": "SetBackendServers", "remove": "RemoveBackendServers", "add": "AddBackendServers"}[
        change
    ]


def _entry(backend: Backend, group: Group, *, weighing: bool) -> dict[str, Any]:
    """A server as the API names it: with its port where the group has ports."""
    entry: dict[str, Any] = {"ServerId": backend.server_id, "Type": backend.type}
    if group.kind != "default":
        entry["Port"] = backend.port
    if weighing:
        entry["Weight"] = backend.weight
    return {**entry, "ServerIp": backend.address} if backend.address else entry


def _backend(shown: Document, group: Group) -> Backend:
    kind = shown.get("Type") or "ecs"
    return Backend(
        server_id=shown["ServerId"],
        port=0 if group.kind == "default" else int(shown["Port"]),
        weight=int(shown["Weight"]),
        type=kind,
        address=shown.get("ServerIp", "") if kind != "ecs" else "",
    )


def _checked(backends: Sequence[Backend], health: Health) -> tuple[Backend, ...]:
    return tuple(replace(one, healthy=health.get((one.server_id, one.port), True)) for one in backends)


def _health(document: Document) -> Health:
    """Unhealthy is what fails the check of any listener; what no check tells of counts as healthy."""
    found: dict[tuple[str, int], bool] = {}
    for one in document["BackendServers"]["BackendServer"]:
        passes = one["ServerHealthStatus"] != "abnormal"
        for port in (int(one.get("Port", 0)), 0):
            key = (one["ServerId"], port)
            found[key] = found.get(key, True) and passes
    return found


def _balancers(document: Document) -> tuple[list[str], int]:
    shown = document["LoadBalancers"]["LoadBalancer"]
    return [one["LoadBalancerId"] for one in shown], int(document["TotalCount"])


def _vservers(document: Document) -> list[str]:
    return [one["VServerGroupId"] for one in document["VServerGroups"]["VServerGroup"]]


def _pairs(document: Document) -> list[str]:
    shown = document["MasterSlaveServerGroups"]["MasterSlaveServerGroup"]
    return [one["MasterSlaveServerGroupId"] for one in shown]
