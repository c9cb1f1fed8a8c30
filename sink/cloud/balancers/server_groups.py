"""Server groups of ALB and NLB, whose APIs differ in little but their name.

Edits are asynchronous: the answer comes at once, and the group is busy until its servers have settled. An
edit that names a server which is not in the group is refused as a whole, so after such a refusal the group
is read and the rest is named again; and an edit repeated with its ClientToken is the same edit, whether its
answer was lost or not. These APIs tell no health of a server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar
from uuid import UUID

from sink.action import Backend, Group, GroupState
from sink.backoff import Backoff
from sink.cloud.balancers.edits import Change
from sink.cloud.calls import Answer, Call, Document
from sink.cloud.gate import Gate
from sink.cloud.sharing import Batch, Sharing
from sink.cloud.turn import Turn
from sink.errors import Missing, Unreachable

T = TypeVar("T")

_PAGE = 100
_SERVERS = 40
"""Servers in one edit: the API takes 200, but they travel in the URL, which has to stay below 8 KB."""
_SETTLED = "Available"
_EDIT_ACTIONS: Mapping[Change, str] = {
    "weigh": "UpdateServerGroupServersAttribute",
    "remove": "RemoveServersFromServerGroup",
    "add": "AddServersToServerGroup",
}


@dataclass(frozen=True, slots=True)
class _Server:
    backend: Backend
    status: str


@dataclass(frozen=True, slots=True)
class _Page:
    servers: Sequence[_Server]
    next_token: str


class ServerGroups:
    """Reads and edits of one of the two products, for `Balancers`."""

    servers_per_edit = _SERVERS

    def __init__(self, product: Literal["alb", "nlb"], gate: Gate, *, pace: float, random: Random) -> None:
        self._product = product
        self._gate = gate
        self._pace = pace
        self._random = random
        self._groups: Sharing[Group, Group, Answer[tuple[int, Sequence[_Server]]]] = Sharing(
            self._read, room=lambda group: group
        )

    async def read(self, group: Group, turn: Turn) -> Answer[GroupState]:
        """A group as it is now. A server that is on its way out is shown as not healthy."""
        answer = await self._groups.ask(group, turn)
        read_at_ms, servers = answer.value
        return Answer(_state(group, servers, read_at_ms), answer.api, answer.request_id)

    async def scan(self, region_id: str, turn: Turn) -> list[GroupState]:
        """Every group of a region. Groups that go meanwhile are left out."""
        ids: list[str] = []
        token = ""
        while True:
            call = self._call("ListServerGroups", region_id, _group_ids, _paging(token))
            found, token = (await self._gate.ask(call, turn)).value
            ids += found
            if not token:
                break
        groups = [Group(self._product, "server_group", one, one, region_id) for one in ids]
        states = await asyncio.gather(*(self._scan_group(one, turn) for one in groups))
        return [one for one in states if one is not None]

    def edit_call(self, change: Change, group: Group, backends: Sequence[Backend]) -> Call[None]:
        """The call of an edit."""
        parameters: dict[str, str | int] = {"ServerGroupId": group.group_id, "ClientToken": self._token()}
        for number, one in enumerate(backends, 1):
            parameters |= _entry(f"Servers.{number}", one, weighing=change != "remove")
        return self._call(_EDIT_ACTIONS[change], group.region_id, lambda document: None, parameters)

    async def settle(
        self, change: Change, group: Group, backends: Sequence[Backend], turn: Turn
    ) -> GroupState | None:
        """Wait until an edit has taken effect. Raises Unreachable where it does not in time."""
        places = {_place(one) for one in backends}
        pauses = Backoff(0.3 / self._pace, 3.0 / self._pace, self._random)
        began_ms = self._gate.now_ms()
        while True:
            read_at_ms, servers = (await self._groups.ask(group, turn)).value
            concerned = [one for one in servers if _place(one.backend) in places]
            if all(one.status == _SETTLED for one in concerned) and not (change == "remove" and concerned):
                return _state(group, servers, read_at_ms)
            pause = pauses.next_seconds()
            if self._gate.is_over(turn, began_ms, pause):
                statuses = ", ".join(sorted({one.status for one in concerned}))
                raise Unreachable(
                    self._product.upper(), "NotSettled", f"{group.group_id} still has servers {statuses}"
                )
            await asyncio.sleep(pause)

    async def _read(
        self, group: Group, batch: Batch[Group, Answer[tuple[int, Sequence[_Server]]]]
    ) -> Mapping[Group, Answer[tuple[int, Sequence[_Server]]]]:
        read_at_ms = 0

        def build() -> Call[_Page]:
            nonlocal read_at_ms
            batch.close()
            read_at_ms = self._gate.now_ms()
            return self._servers_call(group)

        answer = await self._gate.ask_late(self._servers_call(group).line, batch.turn, build)
        servers = list(answer.value.servers)
        token = answer.value.next_token
        while token:
            page = (await self._gate.ask(self._servers_call(group, token), batch.turn)).value
            servers += page.servers
            token = page.next_token
        return {group: Answer((read_at_ms, servers), answer.api, answer.request_id)}

    async def _scan_group(self, group: Group, turn: Turn) -> GroupState | None:
        try:
            return (await self.read(group, turn)).value
        except Missing:
            return None

    def _servers_call(self, group: Group, token: str = "") -> Call[_Page]:
        parameters = {"ServerGroupId": group.group_id, **_paging(token)}
        return self._call("ListServerGroupServers", group.region_id, _servers, parameters)

    def _call(
        self,
        action: str,
        region_id: str,
        parse: Callable[[Document], T],
        parameters: Mapping[str, str | int],
    ) -> Call[T]:
        return Call(self._product, action, region_id, parse, parameters)

    def _token(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))


def _paging(token: str) -> dict[str, str | int]:
    return {"MaxResults": _PAGE, **({"NextToken": token} if token else {})}


def _group_ids(document: Document) -> tuple[list[str], str]:
    ids = [one["ServerGroupId"] for one in document["ServerGroups"]]
    return ids, document.get("NextToken") or ""


def _servers(document: Document) -> _Page:
    return _Page([_server(one) for one in document["Servers"]], document.get("NextToken") or "")


def _server(shown: Document) -> _Server:
    kind = shown["ServerType"]
    backend = Backend(
        server_id=shown["ServerId"],
        port=int(shown.get("Port") or 0),
        weight=int(shown.get("Weight") or 0),
        healthy=shown["Status"] != "Removing",
        type=kind,
        address=(shown.get("ServerIp") or "") if kind != "Ecs" else "",
    )
    return _Server(backend, shown["Status"])


def _state(group: Group, servers: Sequence[_Server], read_at_ms: int) -> GroupState:
    return GroupState(group, tuple(one.backend for one in servers), read_at_ms)


def _place(backend: Backend) -> tuple[str, int]:
    return (backend.server_id, backend.port)


def _entry(name: str, backend: Backend, *, weighing: bool) -> dict[str, str | int]:
    """A server as the API names it, exactly as it was read."""
    entry: dict[str, str | int] = {
        f"{name}.ServerId": backend.server_id,
        f"{name}.ServerType": backend.type,
        f"{name}.Port": backend.port,
    }
    if weighing:
        entry[f"{name}.Weight"] = backend.weight
    if backend.address:
        entry[f"{name}.ServerIp"] = backend.address
    return entry
