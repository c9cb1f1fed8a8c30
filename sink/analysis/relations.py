"""Every source as one relation of text columns that DuckDB reads in a single pass.

`loading.py` calls this. Stored records and CloudMonitor's flat bodies, nearly all there is, are read by
DuckDB itself. A body in another envelope, base64, or odd in any way gets the lane `reread` and goes through
the sink's own `parse_body`, so that the analysis understands exactly what the sink understands.

Lanes: `event` for what was understood, `reread`, `unreadable`, and `quarantined by the sink`. Records of
other topics are left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

import duckdb
import orjson
import pandas as pd

from sink.analysis.frames import FrameError
from sink.analysis.logstore import Logstore, fetch_records
from sink.events import INTERRUPTION, STATE_CHANGE, Event, Unreadable, parse_body

Source = str | Path | Iterable[Mapping[str, object]] | Logstore

_FIELDS = (
    "event_ref product kind status state region_id instance_id instance_type zone_id event_time_ms "
    "received_at_ms lane body"
).split()

_RECORD = (
    "event_key event_id product kind status state region_id instance_id instance_type zone_id event_time_ms "
    "received_at_ms action_id snapshot_id"
).split()
"""Fields of stored records; the last two betray other topics."""

_FLAT = {
    "name": "name",
    "id": "id",
    "product": "product",
    "stamp": "eventTime",
    "arn": "resourceId",
    "region_id": "regionId",
    "flat_status": "status",
    "content_instance": "content.instanceId",
    "ecs_instance": "content.ecsInstanceId",
    "content_resource": "content.resourceId",
    "resource_kind": "content.resourceType",
    "state": "content.state",
    "event_status": "content.eventStatus",
    "content_status": "content.status",
    "instance_type": "content.instanceType",
    "content_zone": "content.zoneId",
    "content_azone": "content.azone",
}
"""Keys of a flat body, by the names they go by here."""


def event_relation(
    database: duckdb.DuckDBPyConnection, source: Source, within: tuple[int | None, int | None]
) -> str:
    """The events of a source, as SQL with the columns of `_FIELDS`."""
    if not isinstance(source, str | Path):
        records = _records(source, ("event", "quarantine"), _RECORD, within)
        return _register(database, "events_at_hand", map(_event_row, records), _FIELDS)
    path = _existing(str(source))
    if path.endswith((".csv", ".csv.gz", ".parquet")):
        table = _table(path)
        held = _columns(database, table, ["instance_id", "event_time_ms", "kind"])
        return _EVENTS_OF_RECORDS.format(f"SELECT NULL AS line, {_present(held, _RECORD)} FROM {table}")
    query, keys = _lane_query(database, path)
    return query.format(_read_json(path, keys))


def record_relation(
    database: duckdb.DuckDBPyConnection,
    source: Source,
    topic: str,
    fields: Sequence[str],
    within: tuple[int | None, int | None],
) -> str:
    """The records of another topic as SQL with the named columns as text; those of others lack them."""
    if not isinstance(source, str | Path):
        return _register(database, "records_at_hand", _records(source, (topic,), fields, within), fields)
    path = _existing(str(source))
    if path.endswith((".csv", ".csv.gz", ".parquet")):
        held = _columns(database, _table(path), fields[:1])
        return f"SELECT {_present(held, fields)} FROM {_table(path)}"
    return _read_json(path, {name: name for name in fields})


def reread_relation(database: duckdb.DuckDBPyConnection, source: Source, expected: int) -> str:
    """The lines of a file with lane `reread`, through `parse_body`. Raises FrameError if any is not found."""
    lines: list[str] = []
    if expected:
        query, keys = _lane_query(database, str(source))
        found = f"SELECT body FROM ({query.format(_read_lines(str(source), keys))}) WHERE lane = 'reread'"
        lines = [line for (line,) in database.execute(found).fetchall()]
    if len(lines) != expected:
        hint = "Look for lines that are not UTF-8, or are larger than 2 MB"
        raise FrameError(f"{source}: of {expected} unusual lines {len(lines)} can be read", hint)
    return _register(database, "lines_reread", filter(None, map(_line_row, lines)), _FIELDS)


def _lane_query(database: duckdb.DuckDBPyConnection, path: str) -> tuple[str, Mapping[str, str]]:
    """How to read JSON lines, by the first of them: as stored records or as bodies, and the keys for that."""
    first = database.execute(f"SELECT line FROM {_lines(path)} WHERE trim(line) <> '' LIMIT 1").fetchone()
    if first and "schema_version" in _object(first[0]):
        return _EVENTS_OF_RECORDS, {name: name for name in _RECORD}
    return _EVENTS_OF_BODIES, _FLAT


def _object(line: str) -> Mapping[str, object]:
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _line_row(line: str) -> Mapping[str, object] | None:
    """A line that is not as the first: a stored record among bodies, or a body in any envelope."""
    record = _object(line)
    if "schema_version" not in record:
        return _parsed(parse_body(line))
    return _event_row(record) if "event_key" in record and "action_id" not in record else None


def _records(
    source: Iterable[Mapping[str, object]] | Logstore,
    topics: Sequence[str],
    fields: Sequence[str],
    within: tuple[int | None, int | None],
) -> Iterable[Mapping[str, object]]:
    if isinstance(source, Logstore):
        return chain.from_iterable(fetch_records(source, topic, fields, within) for topic in topics)
    return (record for record in source if record.get("__topic__", topics[0]) in topics)


def _event_row(record: Mapping[str, object]) -> Mapping[str, object]:
    """A stored record, or a body that is not yet one, as a row of `_FIELDS`."""
    if record.get("event_key") is None:
        return _parsed(parse_body(str(record.get("body", ""))))
    lane = "event" if record.get("kind") else "quarantined by the sink"
    return {**record, "event_ref": record.get("event_id") or record["event_key"], "lane": lane}


def _parsed(event: Event | Unreadable) -> Mapping[str, object]:
    if isinstance(event, Unreadable):
        return {"lane": "unreadable"}
    fields = {name: getattr(event, name, None) or None for name in _FIELDS if name != "body"}
    time_ms = event.event_time_ms
    return {
        **fields,
        "event_ref": event.event_id or event.event_key,
        "event_time_ms": time_ms,
        "lane": "event",
    }


def _register(
    database: duckdb.DuckDBPyConnection,
    name: str,
    rows: Iterable[Mapping[str, object]],
    fields: Sequence[str],
) -> str:
    """Make rows at hand a relation of text columns."""
    texts = ([_text(row.get(field)) for field in fields] for row in rows)
    database.register(name, pd.DataFrame(texts, columns=list(fields), dtype="object"))
    return "SELECT " + ", ".join(f"{field}::VARCHAR AS {field}" for field in fields) + f" FROM {name}"


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)


def _existing(path: str) -> str:
    """A path or glob that leads to a file. Raises FrameError."""
    if not any(chain(Path().glob(path) if not Path(path).is_absolute() else Path("/").glob(path[1:]))):
        raise FrameError(f"There is no file {path}", "Name a file of JSON lines, CSV or Parquet")
    return path.replace("'", "''")


def _table(path: str) -> str:
    return (
        f"read_parquet('{path}')" if path.endswith(".parquet") else f"read_csv('{path}', all_varchar = true)"
    )


def _columns(database: duckdb.DuckDBPyConnection, table: str, needed: Sequence[str]) -> set[str]:
    """The columns of a CSV or Parquet file. Raises FrameError where one that is needed is missing."""
    held = {cast(str, row[0]) for row in database.execute(f"DESCRIBE FROM {table}").fetchall()}
    for name in needed:
        if name not in held:
            hint = "Export the logstore's fields under their own names, or give JSON lines"
            raise FrameError(f"{table} has no column {name!r}", hint)
    return held


def _present(held: set[str], fields: Sequence[str]) -> str:
    return ", ".join(f"{f}::VARCHAR AS {f}" if f in held else f"NULL::VARCHAR AS {f}" for f in fields)


def _read_json(path: str, keys: Mapping[str, str]) -> str:
    """JSON lines as text columns, in DuckDB's fastest way; a line it cannot read has none of them."""
    columns = ", ".join(f"'{key}': '{_kind(kind)}'" for key, kind in _shape(keys).items())
    options = "format = 'newline_delimited', ignore_errors = true"
    return (
        f"SELECT NULL AS line, {_chosen(keys)} FROM read_json('{path}', {options}, columns = {{{columns}}})"
    )


def _read_lines(path: str, keys: Mapping[str, str]) -> str:
    """The same, slower, with each `line` as it came."""
    read = (
        f"SELECT line, try(json_transform(line, '{json.dumps(_shape(keys))}')) AS found FROM {_lines(path)}"
    )
    return f"SELECT line, {_chosen(keys, 'found.')} FROM ({read}) WHERE trim(line) <> ''"


def _lines(path: str) -> str:
    options = "delim = chr(1), quote = '', escape = '', header = false, auto_detect = false"
    return f"read_csv('{path}', columns = {{line: 'VARCHAR'}}, {options})"


def _shape(keys: Mapping[str, str]) -> dict[str, str | dict[str, str]]:
    """Top keys and their types: text, and an object of texts for the content."""
    inner = {key.removeprefix("content."): "VARCHAR" for key in keys.values() if key.startswith("content.")}
    top: dict[str, str | dict[str, str]] = {key: "VARCHAR" for key in keys.values() if "." not in key}
    return top | ({"content": inner} if inner else {})


def _kind(shape: str | dict[str, str]) -> str:
    """A shape as a type of SQL."""
    return shape if isinstance(shape, str) else f"STRUCT({', '.join(f'{k} {v}' for k, v in shape.items())})"


def _chosen(keys: Mapping[str, str], row: str = "") -> str:
    return ", ".join(f"nullif({row}{key}, '') AS {name}" for name, key in keys.items())


_EVENTS_OF_RECORDS = """
SELECT coalesce(event_id, event_key) AS event_ref, product, kind, status, state, region_id, instance_id,
       instance_type, zone_id, event_time_ms, received_at_ms, line AS body,
       CASE WHEN event_key IS NULL THEN 'reread'
            WHEN kind IS NULL THEN 'quarantined by the sink'
            ELSE 'event' END AS lane
FROM ({}) WHERE action_id IS NULL AND snapshot_id IS NULL
"""

_PLAIN = f"name IN ('{STATE_CHANGE}', '{INTERRUPTION}')"

_EVENTS_OF_BODIES = f"""
SELECT id AS event_ref, product, region_id, state, instance_type, flat_ms AS event_time_ms,
       NULL AS received_at_ms, line AS body, coalesce(content_zone, content_azone) AS zone_id,
       CASE WHEN {_PLAIN} THEN name
            ELSE split_part(name, ':', 1) || ':' || split_part(name, ':', 2) END AS kind,
       CASE WHEN {_PLAIN} THEN NULL
            ELSE coalesce(nullif(split_part(name, ':', 3), ''), event_status, content_status, flat_status)
            END AS status,
       coalesce(content_instance, ecs_instance, CASE
           WHEN resource_kind = 'ALIYUN::ECS::Instance' THEN content_resource
           WHEN contains(arn, ':instance/') THEN split_part(arn, '/', 2) END) AS instance_id,
       CASE WHEN id IS NULL OR flat_ms IS NULL THEN 'reread'
            WHEN {_PLAIN} AND (content_instance IS NOT NULL
                OR resource_kind = 'ALIYUN::ECS::Instance' AND content_resource IS NOT NULL) THEN 'event'
            WHEN {_PLAIN} OR coalesce(content_instance, ecs_instance, content_resource, resource_kind,
                event_status, content_status, state, instance_type) IS NULL THEN 'reread'
            WHEN regexp_full_match(name, '[a-zA-Z]+(:[a-zA-Z.]+){{{{1,2}}}}')
                AND regexp_full_match(arn, 'acs:ecs:[^:/]*:[^:/]*:[a-z]+/[^:/]+')
                AND (resource_kind IS NULL OR content_resource IS NOT NULL) THEN 'event'
            ELSE 'reread' END AS lane
FROM (SELECT *, epoch_ms(try_strptime(stamp, '%Y%m%dT%H%M%S.%g%z')) AS flat_ms FROM ({{}}))
"""
