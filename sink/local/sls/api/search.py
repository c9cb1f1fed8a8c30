"""GetLogs in its two shapes, and GetHistograms ("Logstore related APIs" of the API reference).

The older shape is a GET that answers with an array and puts the rest into headers; the newer (GetLogsV2
of other SDKs) is a POST that answers `{"meta", "data"}`. Both ask the search engine the same question,
in a worker thread, so that a long query holds up nobody else.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any

from sink.local.sls.api.call import Call, Route, answer
from sink.local.sls.errors import parameter_invalid
from sink.local.sls.logstores import Logstore, Logstores
from sink.local.sls.retention import Retention
from sink.local.sls.search.engine import LogAnswer, LogQuery, SearchEngine
from sink.local.wire import Response

LINES = 100
_TRUE = ("true", "1")


class SearchOperations:
    """Answers the operations that search logs."""

    def __init__(self, logstores: Logstores, retention: Retention, engine: SearchEngine) -> None:
        self._logstores = logstores
        self._retention = retention
        self._engine = engine

    def routes(self) -> list[Route]:
        """The operations that this object answers."""
        store = "/logstores/{logstore}"
        return [
            Route("POST", f"{store}/logs", "GetLogs", self.get_logs_v2),
            Route("GET", store, "GetLogs", self.get_logs, ("type", "log")),
            Route("GET", store, "GetHistograms", self.get_histograms, ("type", "histogram")),
            Route("GET", f"{store}/index", "GetHistograms", self.get_histograms, ("type", "histogram")),
        ]

    async def get_logs_v2(self, call: Call) -> Response:
        """GetLogs by POST."""
        found, milliseconds = await self._search(call, call.document())
        meta = {
            "progress": found.progress,
            "count": len(found.rows),
            "hasSQL": found.has_sql,
            "processedRows": found.processed_rows,
            "elapsedMillisecond": milliseconds,
            "whereQuery": found.where_query,
            "aggQuery": found.agg_query,
            "keys": found.keys,
            "columnTypes": found.column_types,
            "terms": [{"key": key, "term": term} for key, term in found.terms],
            "limited": str(found.limited),
            "mode": 0,
            "isAccurate": True,
            "processedBytes": 0,
            "cpuSec": 0.0,
            "cpuCores": 0,
            "telementryType": "",
            "powerSql": False,
            "insertedSQL": "",
            "marker": "",
            "highlights": [],
            "scanBytes": 0,
        }
        return answer({"meta": meta, "data": found.rows})

    async def get_logs(self, call: Call) -> Response:
        """GetLogs by GET."""
        found, milliseconds = await self._search(call, call.parameters)
        headers = {
            "x-log-progress": found.progress,
            "x-log-count": str(len(found.rows)),
            "x-log-processed-rows": str(found.processed_rows),
            "x-log-elapsed-millisecond": str(milliseconds),
            "x-log-has-sql": str(found.has_sql).lower(),
            "x-log-where-query": _header(found.where_query),
            "x-log-agg-query": _header(found.agg_query),
            "x-log-cpu-sec": "0",
            "x-log-cpu-cores": "0",
        }
        return answer(found.rows, headers)

    async def get_histograms(self, call: Call) -> Response:
        """GetHistograms."""
        store, query = await self._store(call), _query(call.parameters)
        buckets = await asyncio.to_thread(
            self._engine.histogram, store.store_id, query.from_, query.to, query.query, query.topic
        )
        bars = [{"from": b.from_, "to": b.to, "count": b.count, "progress": "Complete"} for b in buckets]
        headers = {"x-log-progress": "Complete", "x-log-count": str(sum(b.count for b in buckets))}
        return answer(bars, headers)

    async def _search(self, call: Call, given: Mapping[str, Any]) -> tuple[LogAnswer, int]:
        store, query = await self._store(call), _query(given)
        started = time.perf_counter()
        found = await asyncio.to_thread(self._engine.get_logs, store.store_id, query)
        return found, round((time.perf_counter() - started) * 1000)

    async def _store(self, call: Call) -> Logstore:
        store = self._logstores.find(call.project_id, call.names["logstore"])
        await self._retention.apply(store)
        return store


def _query(given: Mapping[str, Any]) -> LogQuery:
    line = _number(given, "line", LINES)
    offset = _number(given, "offset", 0)
    if offset < 0:
        raise parameter_invalid("limit expression is required")
    return LogQuery(
        from_=_time(given, "from"),
        to=_time(given, "to"),
        query=str(given.get("query") or ""),
        topic=str(given.get("topic") or ""),
        line=LINES if line < 0 else line,  # -1, "all", comes from Python's client along with SQL
        offset=offset,
        reverse=str(given.get("reverse", "")).lower() in _TRUE,
        from_ns=_number(given, "fromNs", 0),
        to_ns=_number(given, "toNs", 0),
    )


def _time(given: Mapping[str, Any], name: str) -> int:
    seconds = _number(given, name, -1)
    if seconds < 0:
        raise parameter_invalid(f"The parameter {name} must be a positive integer")
    return seconds


def _number(given: Mapping[str, Any], name: str, default: int) -> int:
    value = given.get(name)
    if value in (None, ""):
        return default
    if not re.fullmatch(r"-?[0-9]{1,15}", str(value)):
        raise parameter_invalid(f"{name} : {value} pair is invalid, it has to be a whole number.")
    return int(str(value))


def _header(text: str) -> str:
    # Header lines are Latin-1 and end at a line feed; what does not fit is shown as an escape.
    return text.encode("ascii", "backslashreplace").decode().replace("\r", " ").replace("\n", " ")
