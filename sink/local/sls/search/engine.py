"""Searching and analysing logs: what GetLogs and GetHistograms ask, answered from DuckDB.

The API layer appends logs as its indexer reads them, defines indexes, and asks; `answering.py` has what a
question needs, and is loaded at the first.

Every call has a cursor of its own, so worker threads read while one of them appends. The database may not
touch files other than its own, whatever the SQL says, and a query that takes too long is cancelled as on
the service, which allows 55 seconds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Timer
from types import TracebackType

import duckdb
from duckdb import DuckDBPyConnection

from sink.local.sls.errors import parameter_invalid
from sink.local.sls.logs import StoredLog
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.queries import Bucket, LogAnswer, LogQuery
from sink.local.sls.search.sql.macros import MACROS, ZONE
from sink.local.sls.search.tables import Tables
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
        from sink.local.sls.search.answering import get_logs

        return get_logs(self._tables.store(store_id), query, self._clock(), self._cursor)

    def histogram(
        self, store_id: int, from_: int, to: int, query: str = "", topic: str | None = None
    ) -> list[Bucket]:
        """Answer GetHistograms: buckets that cover [`from_`, `to`). Raises SlsError."""
        from sink.local.sls.search.answering import histogram

        return histogram(self._tables.store(store_id), LogQuery(from_, to, query, topic), self._cursor)

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
