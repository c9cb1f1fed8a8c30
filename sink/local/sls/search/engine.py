"""Searching and analysing logs: what GetLogs and GetHistograms ask, answered from DuckDB.

The API layer appends logs as its indexer reads them, defines indexes, and asks. A query is a search part
and, behind the first `|`, SQL: `syntax.py` and `predicate.py` make the one a predicate over the logstore's
table, `sql/` rewrites the other from Presto to DuckDB over the logs that the predicate keeps.

Every call has a cursor of its own, so worker threads read while one of them appends. The database may not
touch files other than its own, whatever the SQL says, and a query that takes too long is cancelled as on
the service, which allows 55 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.histogram import bucket_width, buckets
from sink.local.sls.search.predicate import Predicate, search_terms
from sink.local.sls.search.queries import Bucket, LogAnswer, LogQuery
from sink.local.sls.search.rows import search_row
from sink.local.sls.search.sql.analysis import Analysis, LogColumn
from sink.local.sls.search.sql.macros import MACROS, ZONE
from sink.local.sls.search.syntax import parse_search, split_query
from sink.local.sls.search.tables import Store, Tables
from sink.local.wire import Clock

__all__ = ["Bucket", "LogAnswer", "LogQuery", "SearchEngine"]

SETTINGS: Mapping[str, str | bool | int] = {
    "threads": "2",
    "memory_limit": "1GB",
    "enable_external_access": False,
    "checkpoint_threshold": "256MB",
    "max_vacuum_tasks": 0,
}
"""A checkpoint costs as much as indexing the logs that it writes, so there are few. It shall not merge old
row groups as well, which rewrites the whole table: logs expire oldest first, by whole row groups."""
LINE_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Selection:
    """The logs that the search part of a query keeps, as a WHERE clause over `store`'s table."""

    store: Store
    where: str
    parameters: Mapping[str, Any]

    @property
    def logs(self) -> str:
        """The selected logs as a FROM clause says it."""
        return f"{self.store.table} WHERE {self.where}"


class SearchEngine:
    """Indexed logs of every logstore, in one DuckDB file.

    Safe to call from several threads at once. What `append` returned from is there after a kill -9.
    """

    def __init__(self, path: Path, clock: Clock = time.time, timeout_seconds: float = 55.0) -> None:
        self._connection = duckdb.connect(str(path), config=dict(SETTINGS))
        self._connection.execute(f"SET GLOBAL TimeZone = '{ZONE}'")
        self._connection.execute(MACROS)
        self._tables = Tables(self._connection)
        self._clock = clock
        self._timeout_seconds = timeout_seconds

    def __enter__(self) -> SearchEngine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Write the database back and release the file."""
        self._connection.close()

    def define(self, store_id: int, config: IndexConfig | None) -> None:
        """Create, change or (None) delete the index of a logstore; logs appended earlier stay as indexed."""
        self._tables.define(store_id, config)

    def append(self, store_id: int, logs: Sequence[StoredLog], position: int) -> None:
        """Index `logs` and remember `position`, in one transaction."""
        self._tables.append(store_id, logs, position)

    def position(self, store_id: int) -> int:
        """The position that came with the last append; 0 before the first."""
        return self._tables.store(store_id).position

    def expire(self, store_id: int, before: int) -> None:
        """Forget the logs older than `before`, in seconds since the epoch."""
        self._tables.expire(store_id, before)

    def drop(self, store_id: int) -> None:
        """Forget a logstore: logs, index and position."""
        self._tables.drop(store_id)

    def get_logs(self, store_id: int, query: LogQuery) -> LogAnswer:
        """Answer GetLogs. Raises SlsError, as the vendor would."""
        _refuse_broken_text(query.query, query.topic)
        search, sql = split_query(query.query)
        store, config = self._indexed(store_id)
        tree = parse_search(search)
        predicate = Predicate(tree, config, store)
        selection = _selection(store, predicate, query)
        analysis = None if sql is None else Analysis(sql, _log_columns(store, config), self._clock())
        with self._cursor() as cursor:
            answer = (
                _searched(cursor, selection, query)
                if analysis is None
                else _analysed(cursor, selection, analysis)
            )
        return replace(answer, where_query=search, agg_query=sql or "", terms=list(search_terms(tree)))

    def histogram(
        self, store_id: int, from_: int, to: int, query: str = "", topic: str | None = None
    ) -> list[Bucket]:
        """Answer GetHistograms: buckets that cover [`from_`, `to`). Raises SlsError.

        Of a query with SQL, the search part counts, as on the service.
        """
        _refuse_broken_text(query, topic)
        search, _ = split_query(query)
        store, config = self._indexed(store_id)
        predicate = Predicate(parse_search(search), config, store)
        selection = _selection(store, predicate, LogQuery(from_, to, search, topic))
        width = bucket_width(from_, to)
        with self._cursor() as cursor:
            counts = cursor.execute(
                f"SELECT time // $width, count(*) FROM {selection.logs} GROUP BY 1",
                {**selection.parameters, "width": width},
            ).fetchall()
        return buckets(from_, to, width, dict(counts))

    def _indexed(self, store_id: int) -> tuple[Store, IndexConfig]:
        store = self._tables.store(store_id)
        if store.config is None:
            raise SlsError(
                400,
                "IndexConfigNotExist",
                "logstore without index config; create an index (CreateIndex): it applies to logs to come",
            )
        return store, store.config

    @contextmanager
    def _cursor(self) -> Iterator[DuckDBPyConnection]:
        """A cursor whose query is cancelled when its time is up."""
        with self._connection.cursor() as cursor:
            alarm = Timer(self._timeout_seconds, cursor.interrupt)
            alarm.start()
            try:
                yield cursor
            except duckdb.InterruptException as fault:
                raise parameter_invalid(
                    f"Query exceeded maximum time limit of {self._timeout_seconds:g}s; narrow its time range"
                ) from fault
            finally:
                alarm.cancel()


def _refuse_broken_text(*texts: str | None) -> None:
    """JSON can bring half a character, a lone surrogate, which is no UTF-8."""
    for text in filter(None, texts):
        if any("\ud800" <= mark <= "\udfff" for mark in text):
            raise parameter_invalid("the query is not valid UTF-8: it holds half of a surrogate pair")


def _selection(store: Store, predicate: Predicate | None, query: LogQuery) -> Selection:
    """The logs of the query's time range and topic; with a predicate, those that it keeps."""
    if (query.from_, query.from_ns) >= (query.to, query.to_ns):
        raise SlsError(400, "InvalidTimeRange", f"from ({query.from_}) must be less than to ({query.to})")
    where = [
        "time >= $from AND NOT (time = $from AND coalesce(time_ns, 0) < $from_ns)",
        "time <= $to AND NOT (time = $to AND coalesce(time_ns, 0) >= $to_ns)",
    ]
    parameters: dict[str, Any] = {
        "from": query.from_, "from_ns": query.from_ns, "to": query.to, "to_ns": query.to_ns
    }  # fmt: skip
    if query.topic:
        where.append("topic = $topic")
        parameters["topic"] = query.topic
    if predicate is not None:
        where.append(f"({predicate.sql})")
        parameters |= predicate.parameters
    return Selection(store, " AND ".join(where), parameters)


def _log_columns(store: Store, config: IndexConfig) -> Iterator[LogColumn]:
    """What `log` shows to SQL: the keys with doc_value, by name and alias, and what every log has."""
    for key in config.analysed():
        for name in filter(None, dict.fromkeys((key.name, key.alias))):
            yield LogColumn(name, store.value(key), key.numeric)
    yield LogColumn("__topic__", "topic")
    yield LogColumn("__source__", "source")
    yield LogColumn("__time__", "time", numeric=True)


def _searched(cursor: DuckDBPyConnection, selection: Selection, query: LogQuery) -> LogAnswer:
    rows = cursor.execute(*_page(selection, query)).fetchall()
    looked_at = _count(cursor, _selection(selection.store, None, query))
    return LogAnswer([search_row(*row) for row in rows], processed_rows=looked_at)


def _analysed(cursor: DuckDBPyConnection, selection: Selection, analysis: Analysis) -> LogAnswer:
    table = analysis.run(cursor, selection.logs, selection.parameters)
    return LogAnswer(
        [dict(zip(table.keys, row, strict=True)) for row in table.rows],
        has_sql=True,
        keys=table.keys,
        column_types=table.column_types,
        processed_rows=_count(cursor, selection),
        limited=analysis.limit,
    )


def _page(selection: Selection, query: LogQuery) -> tuple[str, dict[str, Any]]:
    order = "DESC" if query.reverse else "ASC"
    return (
        f"SELECT time, time_ns, topic, source, contents FROM {selection.logs}"
        f" ORDER BY time {order}, coalesce(time_ns, 0) {order}, rowid {order} LIMIT $line OFFSET $offset",
        {**selection.parameters, "line": min(query.line, LINE_LIMIT), "offset": query.offset},
    )


def _count(cursor: DuckDBPyConnection, selection: Selection) -> int:
    counted = cursor.execute(f"SELECT count(*) FROM {selection.logs}", selection.parameters).fetchone()
    return int(counted[0]) if counted else 0
