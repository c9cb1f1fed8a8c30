"""Carries logs from the shards into the search index, a moment after they were received.

The shard log is the truth and the index is derived from it: PutLogs is answered once the shard has the
group, and this task indexes it `latency_seconds` later, in batches, in a thread of its own. So a query
right after PutLogs misses its logs, as on the real service. Every batch is written together with the
position of its last group; after a kill -9 work goes on behind that mark, with nothing lost or doubled.

All writing to the search engine goes through that one thread, in the order in which the event loop asks
for it: an append to a logstore can therefore not follow its deletion.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sink.local.sls.logstores import Logstores
from sink.local.sls.protobuf import LogGroups
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.engine import SearchEngine
from sink.local.sls.shard_log import Received, ShardLog

BATCH_BYTES = 16 * 1024 * 1024


class Indexer:
    """Feeds a search engine from a shard log. `latency_seconds` is the vendor's index latency."""

    def __init__(
        self,
        engine: SearchEngine,
        logstores: Logstores,
        shard_log: ShardLog,
        log_groups: LogGroups,
        latency_seconds: float,
    ) -> None:
        self._engine = engine
        self._logstores = logstores
        self._shard_log = shard_log
        self._log_groups = log_groups
        self._latency_seconds = latency_seconds
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sls-index")
        self._behind: set[int] = set()
        self._received = asyncio.Event()
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        """Index for ever, beginning with what an earlier process left behind."""
        for store in self._logstores.all():
            await self.define(store.store_id)
        while True:
            await self._received.wait()
            await asyncio.sleep(self._latency_seconds)
            self._received.clear()
            while self._behind:
                async with self._reading:
                    await self._catch_up(self._behind.pop())

    def received(self, store_id: int) -> None:
        """Tell that a logstore has new groups."""
        self._behind.add(store_id)
        self._received.set()

    async def define(self, store_id: int) -> None:
        """Bring the index in line with the logstore's configuration, for the logs to come.

        What came before is indexed as it was configured then: an index works forward only.
        """
        async with self._reading:
            await self._catch_up(store_id)
            store = self._logstores.by_id(store_id)
            if store is not None:
                config = None if store.index is None else IndexConfig.from_json(store.index)
                await self._write(self._engine.define, store_id, config)

    async def expire(self, store_id: int, before: int) -> None:
        """Forget the logs older than `before`, in seconds since the epoch."""
        await self._write(self._engine.expire, store_id, before)

    async def drop(self, store_id: int) -> None:
        """Forget a logstore that has been deleted."""
        await self._write(self._engine.drop, store_id)

    def close(self) -> None:
        """Finish the batch in hand and end the thread."""
        self._writer.shutdown()

    async def _catch_up(self, store_id: int) -> None:
        position = await self._write(self._engine.position, store_id)
        while batch := self._shard_log.after(store_id, position, BATCH_BYTES):
            position = batch[-1].position
            await self._write(self._append, store_id, batch)

    def _append(self, store_id: int, batch: list[Received]) -> None:
        logs = [log for received in batch for log in self._log_groups.logs(received.group)]
        self._engine.append(store_id, logs, batch[-1].position)

    async def _write(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._writer, operation, *arguments)
