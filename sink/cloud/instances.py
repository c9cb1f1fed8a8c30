"""Instances as DescribeInstances shows them: one by its id, or all of a region.

Questions for single ones that wait together become one call of up to a hundred ids. Its tags, locks and
network interfaces come along, so that nothing else has to be asked about an instance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import orjson

from sink.action import Instance
from sink.cloud.calls import Answer, Call, Document, milliseconds
from sink.cloud.gate import Gate
from sink.cloud.sharing import Batch, Sharing
from sink.cloud.turn import Turn

_MOST = 100
"""Ids in one call, and instances on one page."""
_NEVER_YEAR = "2099"
"""ECS shows an instance that never expires as one that does at the end of 2099."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An instance, and the network interfaces by which it may serve too."""

    instance: Instance
    interfaces: tuple[str, ...] = ()

    @property
    def aliases(self) -> frozenset[str]:
        """The ids under which balancers may know it."""
        return frozenset({self.instance.instance_id, *self.interfaces})


@dataclass(frozen=True, slots=True)
class _Page:
    seen: Sequence[Seen]
    next_token: str


Key = tuple[str, str]
"""Region and instance id."""


class Instances:
    """DescribeInstances."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._sharing: Sharing[str, Key, Answer[Seen | None]] = Sharing(
            self._read, room=lambda key: key[0], most=_MOST
        )

    async def find(self, instance_id: str, region_id: str, turn: Turn) -> Answer[Seen | None]:
        """The instance as it is now; None if the region has none of this id."""
        return await self._sharing.ask((region_id, instance_id), turn)

    async def all(self, region_id: str, turn: Turn) -> list[Seen]:
        """Every instance of a region."""
        found: list[Seen] = []
        token = ""
        while True:
            paging: dict[str, str | int] = {"MaxResults": _MOST, **({"NextToken": token} if token else {})}
            page = (await self._gate.ask(self._call(region_id, paging), turn)).value
            found += page.seen
            token = page.next_token
            if not token:
                return found

    async def _read(
        self, region_id: str, batch: Batch[Key, Answer[Seen | None]]
    ) -> Mapping[Key, Answer[Seen | None]]:
        def build() -> Call[_Page]:
            ids = [instance_id for _, instance_id in batch.close()]
            wanted: dict[str, str | int] = {"InstanceIds": orjson.dumps(ids).decode(), "MaxResults": _MOST}
            return self._call(region_id, wanted)

        line = self._call(region_id, {}).line
        answer = await self._gate.ask_late(line, batch.turn, build)
        found = {one.instance.instance_id: one for one in answer.value.seen}
        return {key: Answer(found.get(key[1]), answer.api, answer.request_id) for key in batch.close()}

    def _call(self, region_id: str, parameters: Mapping[str, str | int]) -> Call[_Page]:
        parse = partial(_page, self._gate.now_ms())
        return Call("ecs", "DescribeInstances", region_id, parse, parameters)


def _page(read_at_ms: int, document: Document) -> _Page:
    shown = document["Instances"]["Instance"]
    return _Page([_seen(one, read_at_ms) for one in shown], document.get("NextToken") or "")


def _seen(shown: Document, read_at_ms: int) -> Seen:
    interfaces = shown.get("NetworkInterfaces", {}).get("NetworkInterface", [])
    return Seen(_instance(shown, read_at_ms), tuple(one["NetworkInterfaceId"] for one in interfaces))


def _instance(shown: Document, read_at_ms: int) -> Instance:
    tags = shown.get("Tags", {}).get("Tag", [])
    locks = shown.get("OperationLocks", {}).get("LockReason", [])
    expires = shown.get("ExpiredTime", "")
    return Instance(
        instance_id=shown["InstanceId"],
        region_id=shown["RegionId"],
        status=shown["Status"],
        zone_id=shown.get("ZoneId", ""),
        name=shown.get("InstanceName", ""),
        instance_type=shown.get("InstanceType", ""),
        charge_type=shown.get("InstanceChargeType", ""),
        tags={one["TagKey"]: one.get("TagValue", "") for one in tags},
        locks=tuple(one["LockReason"].lower() for one in locks),
        spot_strategy=shown.get("SpotStrategy", "NoSpot"),
        spot_interruption_behavior=shown.get("SpotInterruptionBehavior", ""),
        stopped_mode=shown.get("StoppedMode", ""),
        created_at_ms=milliseconds(shown.get("CreationTime", "")),
        started_at_ms=milliseconds(shown.get("StartTime", "")),
        expires_at_ms=None if expires.startswith(_NEVER_YEAR) else milliseconds(expires),
        auto_release_at_ms=milliseconds(shown.get("AutoReleaseTime", "")),
        read_at_ms=read_at_ms,
    )
