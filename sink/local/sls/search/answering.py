"""Questions to the indexed logs, answered: what GetLogs and GetHistograms ask.

A query is a search part and, behind the first `|`, SQL: `syntax.py` and `predicate.py` make the one a
predicate over the logstore's table, `sql/` rewrites the other from Presto to DuckDB over the logs that the
predicate keeps. `engine.py` imports this at the first question: the parsers take a while to load, and a cloud
that is asked nothing needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

from duckdb import DuckDBPyConnection

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.search.config import IndexConfig
from sink.local.sls.search.histogram import bucket_width, buckets
from sink.local.sls.search.predicate import Predicate, search_terms
from sink.local.sls.search.queries import Bucket, LogAnswer, LogQuery
from sink.local.sls.search.rows import search_row
from sink.local.sls.search.sql.analysis import Analysis, LogColumn
from sink.local.sls.search.syntax import parse_search, split_query
from sink.local.sls.search.tables import Store

LINE_LIMIT = 100

Cursor = Callable[[], AbstractContextManager[DuckDBPyConnection]]
"""Opens a cursor whose query is cancelled when its time is up."""


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


def get_logs(store: Store, query: LogQuery, now: float, cursor: Cursor) -> LogAnswer:
    """Answer GetLogs. Raises SlsError, as the vendor would."""
    _refuse_broken_text(query.query, query.topic)
    search, sql = split_query(query.query)
    config = _index_of(store)
    tree = parse_search(search)
    selection = _selection(store, Predicate(tree, config, store), query)
    analysis = None if sql is None else Analysis(sql, _log_columns(store, config), now)
    with cursor() as opened:
        answer = (
            _searched(opened, selection, query)
            if analysis is None
            else _analysed(opened, selection, analysis)
        )
    return replace(answer, where_query=search, agg_query=sql or "", terms=list(search_terms(tree)))


def histogram(store: Store, query: LogQuery, cursor: Cursor) -> list[Bucket]:
    """Answer GetHistograms: buckets that cover the query's range. Raises SlsError.

    Of a query with SQL, the search part counts, as on the service.
    """
    _refuse_broken_text(query.query, query.topic)
    search, _ = split_query(query.query)
    selection = _selection(store, Predicate(parse_search(search), _index_of(store), store), query)
    width = bucket_width(query.from_, query.to)
    with cursor() as opened:
        counts = opened.execute(
            f"SELECT time // $width, count(*) FROM {selection.logs} GROUP BY 1",
            {**selection.parameters, "width": width},
        ).fetchall()
    return buckets(query.from_, query.to, width, dict(counts))


def _index_of(store: Store) -> IndexConfig:
    if store.config is None:
        raise SlsError(
            400,
            "IndexConfigNotExist",
            "logstore without index config; create an index (CreateIndex): it applies to logs to come",
        )
    return store.config


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
    """The rows to show are found first: their contents are most of the table, and read for them alone."""
    direction = "DESC" if query.reverse else "ASC"
    order = f"time {direction}, coalesce(time_ns, 0) {direction}, rowid {direction}"
    shown = f"SELECT rowid FROM {selection.logs} ORDER BY {order} LIMIT $line OFFSET $offset"
    return (
        f"SELECT time, time_ns, topic, source, contents FROM {selection.store.table}"
        f" WHERE rowid IN ({shown}) ORDER BY {order}",
        {**selection.parameters, "line": min(query.line, LINE_LIMIT), "offset": query.offset},
    )


def _count(cursor: DuckDBPyConnection, selection: Selection) -> int:
    counted = cursor.execute(f"SELECT count(*) FROM {selection.logs}", selection.parameters).fetchone()
    return int(counted[0]) if counted else 0
