"""Logs in by PutLogs, and out again by cursor ("Logstore related APIs": PutLogs, GetCursor, PullLogs).

Both ends work on the shard log alone; the index hears of new logs and follows by itself.
"""

from __future__ import annotations

from sink.local.sls.api.call import Call, Route, answer, done
from sink.local.sls.compression import COMPRESS_TYPES, compress
from sink.local.sls.errors import parameter_invalid
from sink.local.sls.indexer import Indexer
from sink.local.sls.logstores import Logstore, Logstores
from sink.local.sls.protobuf import LogGroups, group_list
from sink.local.sls.put_logs import PutLogsLimits, read_log_group
from sink.local.sls.retention import Retention
from sink.local.sls.shard_log import ShardLog
from sink.local.sls.shards import Shard, Shards
from sink.local.wire import Clock, Response


class LogOperations:
    """Answers the operations that write logs and read them by cursor."""

    def __init__(
        self,
        logstores: Logstores,
        shards: Shards,
        shard_log: ShardLog,
        retention: Retention,
        indexer: Indexer,
        log_groups: LogGroups,
        clock: Clock,
    ) -> None:
        self._logstores = logstores
        self._shards = shards
        self._shard_log = shard_log
        self._retention = retention
        self._indexer = indexer
        self._log_groups = log_groups
        self._limits = PutLogsLimits()
        self._clock = clock

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        shards, shard = "/logstores/{logstore}/shards", "/logstores/{logstore}/shards/{shard}"
        return [
            Route("POST", f"{shards}/lb", "PostLogStoreLogs", self.put_balanced),
            Route("POST", f"{shards}/route", "PostLogStoreLogs", self.put_routed),
            Route("GET", shard, "PullLogs", self.pull, ("type", "log", "logs")),
            Route("GET", shard, "GetCursor", self.get_cursor, ("type", "cursor")),
            Route("GET", shard, "GetCursorTime", self.get_cursor_time, ("type", "cursor_time")),
        ]

    async def put_balanced(self, call: Call) -> Response:
        """PutLogs into a shard of the service's choice."""
        store = await self._store(call)
        return self._put(call, self._shards.balance(store.store_id))

    async def put_routed(self, call: Call) -> Response:
        """PutLogs into the shard of a hash key; without a key, as `put_balanced`."""
        key = call.parameters.get("key")
        if not key:
            return await self.put_balanced(call)
        store = await self._store(call)
        return self._put(call, self._shards.route(store.store_id, key))

    async def pull(self, call: Call) -> Response:
        """PullLogs: encoded log groups, compressed if the client can read that."""
        if call.parameters.get("query") or call.parameters.get("processor"):
            text = "PullLogs with a query or a processor (SPL) is not emulated by the embedded cloud."
            raise parameter_invalid(text)
        shard = await self._shard(call)
        count = call.number("count", 1000, range(1001))
        end = call.parameters.get("end_cursor") or None
        pulled = self._shard_log.pull(shard, call.required("cursor"), count, end)
        headers = {"x-log-count": str(len(pulled.groups)), "x-log-cursor": pulled.next_cursor}
        return _protobuf(call, group_list(pulled.groups), headers)

    async def get_cursor(self, call: Call) -> Response:
        """GetCursor."""
        shard = await self._shard(call)
        return answer({"cursor": self._shard_log.cursor(shard, call.required("from"))})

    async def get_cursor_time(self, call: Call) -> Response:
        """GetCursorTime."""
        shard = await self._shard(call)
        return answer({"cursor_time": self._shard_log.cursor_time(shard, call.required("cursor"))})

    def _put(self, call: Call, shard: Shard) -> Response:
        headers, body = call.request.headers, call.request.body
        group, count = read_log_group(headers, body, self._log_groups, self._limits, self._clock())
        if count:
            self._shard_log.append(shard, group)
            self._indexer.received(shard.store_id)
        return done()

    async def _store(self, call: Call) -> Logstore:
        store = self._logstores.find(call.project_id, call.names["logstore"])
        await self._retention.apply(store)
        return store

    async def _shard(self, call: Call) -> Shard:
        store = await self._store(call)
        return self._shards.find(store.store_id, call.names["shard"])


def _protobuf(call: Call, raw: bytes, headers: dict[str, str]) -> Response:
    headers |= {"content-type": "application/x-protobuf", "x-log-bodyrawsize": str(len(raw))}
    accepted = call.request.headers.get("accept-encoding", "")
    chosen = next((name for name in COMPRESS_TYPES if name in accepted), None)
    if raw and chosen:
        return Response(200, {**headers, "x-log-compresstype": chosen}, compress(chosen, raw))
    return Response(200, headers, raw)
