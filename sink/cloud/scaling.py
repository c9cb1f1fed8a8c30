"""Scaling groups of ESS: who is in one, and standby.

ESS refuses every change while an activity of the group goes on; that passes, and is waited out. Standby is no
activity, so a call whose answer was lost may have had its effect: then the member itself says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sink.action import ScalingMember
from sink.cloud.calls import Answer, Call, Document, numbered
from sink.cloud.gate import Gate
from sink.cloud.sharing import Batch, Sharing
from sink.cloud.turn import Turn
from sink.errors import Rejected

_PAGE = 50
_IDS = 20
"""Instances that DescribeScalingInstances takes in one question."""
_STANDBY = "Standby"

Key = tuple[str, str]
"""Region and instance id."""


@dataclass(frozen=True, slots=True)
class _Page:
    members: Mapping[str, ScalingMember]
    total: int


class Scaling:
    """DescribeScalingInstances, EnterStandby and ExitStandby."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._sharing: Sharing[str, Key, Answer[ScalingMember | None]] = Sharing(
            self._read, room=lambda key: key[0], most=_IDS
        )

    async def find(self, instance_id: str, region_id: str, turn: Turn) -> Answer[ScalingMember | None]:
        """Its place in a scaling group, if it has one."""
        return await self._sharing.ask((region_id, instance_id), turn)

    async def all(self, region_id: str, turn: Turn) -> dict[str, ScalingMember]:
        """Every member of every scaling group of a region, by instance."""
        found: dict[str, ScalingMember] = {}
        page = 1
        while True:
            paging = {"PageNumber": page, "PageSize": _PAGE}
            shown = (await self._gate.ask(_members_call(region_id, paging), turn)).value
            found |= shown.members
            if not shown.members or page * _PAGE >= shown.total:
                return found
            page += 1

    async def enter_standby(
        self, member: ScalingMember, instance_id: str, region_id: str, turn: Turn
    ) -> Answer[None]:
        """Put it on standby; it may be there already."""
        return await self._move("EnterStandby", member, instance_id, region_id, turn)

    async def exit_standby(
        self, member: ScalingMember, instance_id: str, region_id: str, turn: Turn
    ) -> Answer[None]:
        """Take it back into service; it may be there already."""
        return await self._move("ExitStandby", member, instance_id, region_id, turn)

    async def _move(
        self, action: str, member: ScalingMember, instance_id: str, region_id: str, turn: Turn
    ) -> Answer[None]:
        parameters = {"ScalingGroupId": member.scaling_group_id, **numbered("InstanceId", [instance_id])}
        call: Call[None] = Call("ess", action, region_id, lambda document: None, parameters)
        try:
            return await self._gate.ask(call, turn)
        except Rejected as error:
            found = await self.find(instance_id, region_id, turn)
            is_standby = found.value is not None and found.value.lifecycle_state == _STANDBY
            if found.value is None or is_standby != (action == "EnterStandby"):
                raise
            return Answer(None, action, error.request_id)

    async def _read(
        self, region_id: str, batch: Batch[Key, Answer[ScalingMember | None]]
    ) -> Mapping[Key, Answer[ScalingMember | None]]:
        def build() -> Call[_Page]:
            ids = [instance_id for _, instance_id in batch.close()]
            return _members_call(region_id, {"PageSize": _PAGE, **numbered("InstanceId", ids)})

        answer = await self._gate.ask_late(_members_call(region_id, {}).line, batch.turn, build)
        members = answer.value.members
        return {key: Answer(members.get(key[1]), answer.api, answer.request_id) for key in batch.close()}


def _members_call(region_id: str, parameters: Mapping[str, str | int]) -> Call[_Page]:
    return Call("ess", "DescribeScalingInstances", region_id, _page, parameters)


def _page(document: Document) -> _Page:
    shown: Sequence[Document] = document["ScalingInstances"]["ScalingInstance"]
    members = {
        one["InstanceId"]: ScalingMember(one["ScalingGroupId"], one["LifecycleState"]) for one in shown
    }
    return _Page(members, int(document["TotalCount"]))
