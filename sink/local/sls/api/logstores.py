"""CreateLogStore to DeleteLogStore, and the index of a logstore ("Logstore related APIs").

SDKs insist on every attribute that GetLogStore shows, and refuse an index without its `lastModifyTime`.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sink.local.sls.api.call import Call, Route, answer, done, page
from sink.local.sls.errors import SlsError
from sink.local.sls.indexer import Indexer
from sink.local.sls.logstores import Logstore, Logstores
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.shards import Shards
from sink.local.wire import Response


class LogstoreOperations:
    """Answers the operations on logstores and their indexes."""

    def __init__(
        self, database: sqlite3.Connection, logstores: Logstores, shards: Shards, indexer: Indexer
    ) -> None:
        self._database = database
        self._logstores = logstores
        self._shards = shards
        self._indexer = indexer

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        store, index = "/logstores/{logstore}", "/logstores/{logstore}/index"
        return [
            Route("POST", "/logstores", "CreateLogStore", self.create),
            Route("GET", "/logstores", "ListLogStores", self.list),
            Route("GET", store, "GetLogStore", self.get, ("type", "")),
            Route("PUT", store, "UpdateLogStore", self.update),
            Route("DELETE", store, "DeleteLogStore", self.delete),
            Route("POST", index, "CreateIndex", self.create_index),
            Route("GET", index, "GetIndex", self.get_index, ("type", "")),
            Route("PUT", index, "UpdateIndex", self.update_index),
            Route("DELETE", index, "DeleteIndex", self.delete_index),
        ]

    async def create(self, call: Call) -> Response:
        """CreateLogStore."""
        document = call.document()
        with self._database:
            store_id = self._logstores.create(call.project_id, document)
            self._shards.create(store_id, document["shardCount"])
        return done()

    async def list(self, call: Call) -> Response:
        """ListLogStores."""
        part = call.parameters.get("logstoreName", "")
        names = [store.name for store in self._logstores.of(call.project_id) if part in store.name]
        return page(call, names, "logstores")

    async def get(self, call: Call) -> Response:
        """GetLogStore."""
        store = self._find(call)
        document = {
            **store.attributes,
            "logstoreName": store.name,
            "shardCount": self._writable_shards(store),
            "createTime": store.created_at,
            "lastModifyTime": store.modified_at,
        }
        return answer(document)

    async def update(self, call: Call) -> Response:
        """UpdateLogStore. `shardCount` is ignored, as by the real service: shards are split and merged."""
        self._logstores.update(self._find(call), call.document())
        return done()

    async def delete(self, call: Call) -> Response:
        """DeleteLogStore."""
        store = self._find(call)
        self._logstores.delete(store)
        await self._indexer.drop(store.store_id)
        return done()

    async def create_index(self, call: Call) -> Response:
        """CreateIndex."""
        store = self._find(call)
        if store.index is not None:
            raise SlsError(400, "IndexAlreadyExist", "Logstore index is already created.")
        await self._set_index(store, IndexConfig.from_json(call.document()).to_json())
        return done()

    async def get_index(self, call: Call) -> Response:
        """GetIndex."""
        store = self._indexed(call)
        fixed = {
            "index_mode": "v2",
            "ttl": store.attributes["ttl"],
            "storage": "pg",
            "lastModifyTime": store.index_modified_at,
        }
        return answer({**fixed, **(store.index or {})})

    async def update_index(self, call: Call) -> Response:
        """UpdateIndex."""
        store = self._indexed(call)
        await self._set_index(store, IndexConfig.from_json(call.document()).to_json())
        return done()

    async def delete_index(self, call: Call) -> Response:
        """DeleteIndex."""
        await self._set_index(self._indexed(call), None)
        return done()

    async def _set_index(self, store: Logstore, index: dict[str, Any] | None) -> None:
        self._logstores.set_index(store, index)
        await self._indexer.define(store.store_id)

    def _find(self, call: Call) -> Logstore:
        return self._logstores.find(call.project_id, call.names["logstore"])

    def _indexed(self, call: Call) -> Logstore:
        store = self._find(call)
        if store.index is None:
            raise SlsError(400, "IndexConfigNotExist", "index config doesn't exist.")
        return store

    def _writable_shards(self, store: Logstore) -> int:
        return sum(shard.writable for shard in self._shards.of(store.store_id))
