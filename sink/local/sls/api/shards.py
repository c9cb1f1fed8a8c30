"""ListShards, SplitShard and MergeShard ("Logstore related APIs" of the API reference)."""

from __future__ import annotations

from sink.local.sls.api.call import Call, Route, answer
from sink.local.sls.logstores import Logstores
from sink.local.sls.shards import Shard, Shards
from sink.local.wire import Response


class ShardOperations:
    """Answers the operations on shards."""

    def __init__(self, logstores: Logstores, shards: Shards) -> None:
        self._logstores = logstores
        self._shards = shards

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        shard = "/logstores/{logstore}/shards/{shard}"
        return [
            Route("GET", "/logstores/{logstore}/shards", "ListShards", self.list),
            Route("POST", shard, "SplitShard", self.split, ("action", "split")),
            Route("POST", shard, "MergeShard", self.merge, ("action", "merge")),
        ]

    async def list(self, call: Call) -> Response:
        """ListShards."""
        return _answer(self._shards.of(self._store_id(call)))

    async def split(self, call: Call) -> Response:
        """SplitShard."""
        shard = self._shards.find(self._store_id(call), call.names["shard"])
        count = call.number("shardCount", 2, range(2, 65))
        return _answer(self._shards.split(shard, call.parameters.get("key", ""), count))

    async def merge(self, call: Call) -> Response:
        """MergeShard."""
        return _answer(self._shards.merge(self._shards.find(self._store_id(call), call.names["shard"])))

    def _store_id(self, call: Call) -> int:
        return self._logstores.find(call.project_id, call.names["logstore"]).store_id


def _answer(shards: list[Shard]) -> Response:
    return answer([shard.document() for shard in shards])
