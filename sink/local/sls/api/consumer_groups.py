"""CreateConsumerGroup to GetCheckPoint ("Consumer group interfaces" of the API reference)."""

from __future__ import annotations

from sink.local.sls.api.call import Call, Route, answer, done
from sink.local.sls.consumer_groups import ConsumerGroup, ConsumerGroups
from sink.local.sls.errors import post_body_invalid
from sink.local.sls.logstores import Logstores
from sink.local.sls.shards import Shards
from sink.local.wire import Response


class ConsumerGroupOperations:
    """Answers the operations on consumer groups."""

    def __init__(self, logstores: Logstores, shards: Shards, groups: ConsumerGroups) -> None:
        self._logstores = logstores
        self._shards = shards
        self._groups = groups

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        groups = "/logstores/{logstore}/consumergroups"
        group = groups + "/{group}"
        return [
            Route("POST", groups, "CreateConsumerGroup", self.create),
            Route("GET", groups, "ListConsumerGroup", self.list),
            Route("PUT", group, "UpdateConsumerGroup", self.update),
            Route("DELETE", group, "DeleteConsumerGroup", self.delete),
            Route("GET", group, "GetCheckPoint", self.get_checkpoint),
            Route("POST", group, "ConsumerGroupHeartBeat", self.heartbeat, ("type", "heartbeat")),
            Route(
                "POST", group, "ConsumerGroupUpdateCheckPoint", self.set_checkpoint, ("type", "checkpoint")
            ),
        ]

    async def create(self, call: Call) -> Response:
        """CreateConsumerGroup."""
        self._groups.create(self._store_id(call), call.document())
        return done()

    async def list(self, call: Call) -> Response:
        """ListConsumerGroup."""
        groups = self._groups.of(self._store_id(call))
        return answer([{"name": g.name, "timeout": g.timeout_seconds, "order": g.in_order} for g in groups])

    async def update(self, call: Call) -> Response:
        """UpdateConsumerGroup."""
        self._groups.update(self._group(call), call.document())
        return done()

    async def delete(self, call: Call) -> Response:
        """DeleteConsumerGroup."""
        self._groups.delete(self._group(call))
        return done()

    async def heartbeat(self, call: Call) -> Response:
        """HeartBeat: the shards in hand come in, the shards to work on go out."""
        group, reported = self._group(call), call.json()
        if not isinstance(reported, list) or not all(type(shard) is int for shard in reported):
            raise post_body_invalid("The request body is not a list of shard ids.")
        shards = self._shards.of(self._store_id(call))
        return answer(self._groups.heartbeat(group, call.required("consumer"), reported, shards))

    async def set_checkpoint(self, call: Call) -> Response:
        """UpdateCheckPoint."""
        group, document = self._group(call), call.document()
        shard = self._shards.find(self._store_id(call), str(document.get("shard")))
        force = call.parameters.get("forceSuccess", "").lower() == "true"
        consumer = call.parameters.get("consumer", "")
        self._groups.set_checkpoint(group, shard.shard_id, str(document.get("checkpoint")), consumer, force)
        return done()

    async def get_checkpoint(self, call: Call) -> Response:
        """GetCheckPoint: of one shard, or of all; nothing for a shard that does not exist."""
        wanted = call.parameters.get("shard") or None
        shards = self._shards.of(self._store_id(call))
        chosen = [shard for shard in shards if wanted in (None, str(shard.shard_id))]
        return answer(self._groups.checkpoints(self._group(call), chosen))

    def _store_id(self, call: Call) -> int:
        return self._logstores.find(call.project_id, call.names["logstore"]).store_id

    def _group(self, call: Call) -> ConsumerGroup:
        return self._groups.find(self._store_id(call), call.names["group"])
