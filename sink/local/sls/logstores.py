"""Logstores: their attributes, their life, and the index configuration that each may have.

Attributes are kept as CreateLogStore gave them and shown whole, because SDKs insist on all of them
("Logstore related APIs" of the API reference). The number of shards is only ever the shards' to say.
An index is configuration here; what it does is `search/`'s business. `ttl` is in days, 3650 for ever.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sink.local.sls.errors import SlsError, logstore_not_exist, parameter_invalid
from sink.local.sls.names import is_logstore_name
from sink.local.wire import Clock

FOREVER_DAYS = 3650
SECONDS_PER_DAY = 86_400
_DEFAULTS: dict[str, Any] = {
    "enable_tracking": False,
    "autoSplit": False,
    "maxSplitShard": 0,
    "appendMeta": False,
    "telemetryType": "",
    "mode": "standard",
}
_OPTIONAL = ("hot_ttl", "infrequentAccessTTL", "encrypt_conf", "enableModify", "productType")
_SHARDS = range(1, 101)
_MAX_SPLIT = range(1, 257)


@dataclass(frozen=True, slots=True)
class Logstore:
    """A logstore as found. `index` is the configuration of its index, None without one."""

    store_id: int
    name: str
    attributes: dict[str, Any]
    created_at: int
    modified_at: int
    index: dict[str, Any] | None
    index_modified_at: int

    def horizon(self, now: float) -> int:
        """Seconds since the epoch before which logs have outlived `ttl`; 0 where they never do."""
        days = self.attributes["ttl"]
        return 0 if days >= FOREVER_DAYS else int(now) - days * SECONDS_PER_DAY


class Logstores:
    """The logstores of all projects."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, project_id: int, document: Mapping[str, Any]) -> int:
        """Insert a logstore, inside the caller's transaction, and return its number.

        Raises `SlsError`: LogStoreInfoInvalid, LogstoreAlreadyExist, ParameterInvalid for metrics.
        """
        name, now = document.get("logstoreName"), int(self._clock())
        if not is_logstore_name(name):
            raise _invalid(f"logstore name {name} is invalid")
        if document.get("telemetryType") not in (None, "", "None"):
            text = f"telemetryType {document['telemetryType']} is not emulated by the embedded cloud"
            raise parameter_invalid(text)
        if document.get("shardCount") not in _SHARDS:
            raise _invalid(f"shardCount {document.get('shardCount')} is invalid: 1 to {_SHARDS[-1]}")
        attributes = orjson.dumps(_attributes(_DEFAULTS, document)).decode()
        try:
            cursor = self._database.execute(
                "insert into logstore (project_id, name, attributes, created_at, modified_at)"
                " values (?, ?, ?, ?, ?)",
                (project_id, name, attributes, now, now),
            )
        except sqlite3.IntegrityError as error:
            raise SlsError(400, "LogstoreAlreadyExist", f"logstore {name} already exists") from error
        return int(cursor.lastrowid or 0)

    def find(self, project_id: int, name: str) -> Logstore:
        """Raises `SlsError`: LogStoreNotExist."""
        row = self._database.execute(
            "select * from logstore where project_id = ? and name = ?", (project_id, name)
        ).fetchone()
        if row is None:
            raise logstore_not_exist(name)
        return _logstore(row)

    def by_id(self, store_id: int) -> Logstore | None:
        """The logstore of this number, None if it has been deleted."""
        row = self._database.execute("select * from logstore where id = ?", (store_id,)).fetchone()
        return None if row is None else _logstore(row)

    def of(self, project_id: int) -> list[Logstore]:
        """The logstores of a project, by name."""
        rows = self._database.execute(
            "select * from logstore where project_id = ? order by name", (project_id,)
        )
        return [_logstore(row) for row in rows]

    def all(self) -> list[Logstore]:
        """The logstores of all projects, oldest first."""
        return [_logstore(row) for row in self._database.execute("select * from logstore order by id")]

    def update(self, store: Logstore, document: Mapping[str, Any]) -> None:
        """UpdateLogStore; attributes that are not given stay. Raises `SlsError`: LogStoreInfoInvalid."""
        attributes = orjson.dumps(_attributes(store.attributes, document)).decode()
        with self._database:
            self._database.execute(
                "update logstore set attributes = ?, modified_at = ? where id = ?",
                (attributes, int(self._clock()), store.store_id),
            )

    def delete(self, store: Logstore) -> None:
        """DeleteLogStore, with its shards, logs and consumer groups."""
        with self._database:
            self._database.execute("delete from logstore where id = ?", (store.store_id,))

    def set_index(self, store: Logstore, index: Mapping[str, Any] | None) -> None:
        """Keep (or with None forget) the configuration of the index."""
        text = None if index is None else orjson.dumps(index).decode()
        with self._database:
            self._database.execute(
                "update logstore set index_config = ?, index_modified_at = ? where id = ?",
                (text, int(self._clock()), store.store_id),
            )


def _attributes(known: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    names = ("ttl", *_DEFAULTS, *_OPTIONAL)
    given = {name: document[name] for name in names if document.get(name) is not None}
    attributes = {**known, **given}
    ttl = attributes.get("ttl")
    if type(ttl) is not int or not 1 <= ttl <= FOREVER_DAYS:
        raise _invalid(f"ttl {ttl} is invalid: 1 to {FOREVER_DAYS} days")
    if attributes["autoSplit"] and attributes["maxSplitShard"] not in _MAX_SPLIT:
        raise _invalid(f"maxSplitShard must be within range [{_MAX_SPLIT[0]}, {_MAX_SPLIT[-1]}]")
    return attributes


def _logstore(row: sqlite3.Row) -> Logstore:
    return Logstore(
        store_id=row["id"],
        name=row["name"],
        attributes=orjson.loads(row["attributes"]),
        created_at=row["created_at"],
        modified_at=row["modified_at"],
        index=None if row["index_config"] is None else orjson.loads(row["index_config"]),
        index_modified_at=row["index_modified_at"] or 0,
    )


def _invalid(text: str) -> SlsError:
    return SlsError(400, "LogStoreInfoInvalid", text)
