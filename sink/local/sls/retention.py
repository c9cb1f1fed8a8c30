"""Ends the life of logs that have outlived their logstore's `ttl`.

Logs vanish from the shard a `ttl` after they were received, and from the index a `ttl` after their own
time. It is done when somebody calls, at most once a minute by the clock for each logstore: so what has
expired is never shown, and a test that moves the clock need not wait for anything.
"""

from __future__ import annotations

from sink.local.sls.indexer import Indexer
from sink.local.sls.logstores import Logstore
from sink.local.sls.shard_log import ShardLog
from sink.local.wire import Clock

INTERVAL_SECONDS = 60


class Retention:
    """Expires the logs of logstores that are about to be read or written."""

    def __init__(self, shard_log: ShardLog, indexer: Indexer, clock: Clock) -> None:
        self._shard_log = shard_log
        self._indexer = indexer
        self._clock = clock
        self._done: dict[int, int] = {}

    async def apply(self, store: Logstore) -> None:
        """Forget what has outlived `ttl`, unless that was done within the last minute."""
        horizon = store.horizon(self._clock())
        if horizon - self._done.get(store.store_id, 0) < INTERVAL_SECONDS:
            return
        self._done[store.store_id] = horizon
        self._shard_log.expire(store.store_id, horizon)
        await self._indexer.expire(store.store_id, horizon)
