"""Every logstore's indexed logs, in one DuckDB file.

A logstore has a table of its own: the columns of `rows.py`, and one more for each key that an index ever
had, by key and type. DuckDB's column names ignore case and SLS's keys do not, so the columns are numbered
and the catalogue tells which is whose. A column that is added later is null in older rows: an index applies
to logs that come after it, as on the service. Logs that come while there is no index leave no row.

What `append` wrote and the position that came with it are one transaction, so that after a kill -9 the
caller goes on exactly where the table ends. One lock keeps writers apart; readers never wait for it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock

from duckdb import DuckDBPyConnection

from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig, KeyIndex
from sink.local.sls.search.rows import COLUMN_TYPES, DOCUMENT, DUCKDB_TYPES, FIXED_COLUMNS, rows_of

CATALOGUE = """
CREATE TABLE IF NOT EXISTS stores (store_id BIGINT, position BIGINT, config VARCHAR);
CREATE TABLE IF NOT EXISTS columns (store_id BIGINT, key VARCHAR, type VARCHAR, number INTEGER);
"""
TABLE = f"""CREATE TABLE {{name}} (
    time BIGINT, time_ns BIGINT, topic VARCHAR, source VARCHAR, line BOOLEAN, contents {DOCUMENT})"""


@dataclass(frozen=True, slots=True)
class Store:
    """A logstore: its index, its position, and which column holds which key."""

    store_id: int
    config: IndexConfig | None = None
    position: int = 0
    columns: Mapping[tuple[str, str], int] = field(default_factory=dict)

    @property
    def table(self) -> str:
        """The name of its table."""
        return f"store_{self.store_id}"

    def value(self, key: KeyIndex) -> str:
        """The SQL that gives the value of a key in the type that it has now."""
        if not key.parent:
            return f"c{self.columns[key.name, key.type]}"
        column = f"c{self.columns[key.parent, 'json']}"
        pointer = "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in key.path)
        scalar = f"json_value(CASE WHEN json_valid({column}) THEN {column} END, {quoted(pointer)}) ->> '$'"
        return f"TRY_CAST({scalar} AS {DUCKDB_TYPES[key.type]})"


class Tables:
    """The catalogue and the tables behind it. Safe to call from several threads at once."""

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        self._writing = Lock()
        connection.execute(CATALOGUE)
        self._stores = {store.store_id: store for store in _read_catalogue(connection)}

    def store(self, store_id: int) -> Store:
        """What is known of a logstore; without an index if it never had one."""
        return self._stores.get(store_id) or Store(store_id)

    def define(self, store_id: int, config: IndexConfig | None) -> None:
        """Set or (None) delete the index of a logstore."""
        with self._writing:
            with self._transaction() as cursor:
                store = replace(self._created(cursor, store_id), config=config)
                text = None if config is None else json.dumps(config.to_json())
                cursor.execute("UPDATE stores SET config = ? WHERE store_id = ?", [text, store_id])
                store = _with_columns(cursor, store)
            self._stores[store_id] = store

    def append(self, store_id: int, logs: Sequence[StoredLog], position: int) -> None:
        """Write `logs` and `position` together."""
        with self._writing:
            with self._transaction() as cursor:
                store = self._created(cursor, store_id)
                if store.config is not None and logs:
                    _append(cursor, store, store.config, logs)
                cursor.execute("UPDATE stores SET position = ? WHERE store_id = ?", [position, store_id])
            self._stores[store_id] = replace(store, position=position)

    def expire(self, store_id: int, before: int) -> None:
        """Delete the logs older than `before`."""
        if store_id in self._stores:
            with self._writing, self._transaction() as cursor:
                cursor.execute(f"DELETE FROM {self.store(store_id).table} WHERE time < ?", [before])

    def drop(self, store_id: int) -> None:
        """Delete a logstore with everything that is known of it."""
        with self._writing:
            with self._transaction() as cursor:
                cursor.execute(f"DROP TABLE IF EXISTS {self.store(store_id).table}")
                cursor.execute("DELETE FROM stores WHERE store_id = ?", [store_id])
                cursor.execute("DELETE FROM columns WHERE store_id = ?", [store_id])
            self._stores.pop(store_id, None)

    @contextmanager
    def _transaction(self) -> Iterator[DuckDBPyConnection]:
        """Commit, or leave everything as it was. `_stores` follows only what is committed."""
        with self._connection.cursor() as cursor:
            cursor.begin()
            try:
                yield cursor
            except BaseException:
                cursor.rollback()
                raise
            cursor.commit()

    def _created(self, cursor: DuckDBPyConnection, store_id: int) -> Store:
        store = self.store(store_id)
        if store_id not in self._stores:
            cursor.execute("INSERT INTO stores VALUES (?, 0, NULL)", [store_id])
            cursor.execute(TABLE.format(name=store.table))
        return store


def quoted(text: str) -> str:
    """`text` as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def _append(cursor: DuckDBPyConnection, store: Store, config: IndexConfig, logs: Sequence[StoredLog]) -> None:
    columns = [*FIXED_COLUMNS, *map(store.value, config.keys.values())]
    appender = cursor.appender(store.table, columns=columns)
    try:
        appender.append_rows(rows_of(logs, config))
        appender.flush()
    finally:
        appender.clear()


def _with_columns(cursor: DuckDBPyConnection, store: Store) -> Store:
    """Add the columns that the index of `store` needs and its table does not have."""
    columns = dict(store.columns)
    for key in store.config.keys.values() if store.config else ():
        if (key.name, key.type) not in columns:
            number = columns[key.name, key.type] = len(columns)
            cursor.execute(f"ALTER TABLE {store.table} ADD COLUMN c{number} {COLUMN_TYPES[key.type]}")
            cursor.execute(
                "INSERT INTO columns VALUES (?, ?, ?, ?)", [store.store_id, key.name, key.type, number]
            )
    return replace(store, columns=columns)


def _read_catalogue(connection: DuckDBPyConnection) -> Iterator[Store]:
    stores = connection.execute("SELECT store_id, position, config FROM stores").fetchall()
    columns = connection.execute("SELECT store_id, key, type, number FROM columns").fetchall()
    for store_id, position, config in stores:
        own = {(key, type_): number for owner, key, type_, number in columns if owner == store_id}
        index = None if config is None else IndexConfig.from_json(json.loads(config))
        yield Store(store_id, index, position, own)
