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
import pandas as pd

from sink.analysis.frames import FrameError
from sink.analysis.logstore import Logstore, fetch_records
from sink.events import Event, Unreadable, parse_body

Source = str | Path | Iterable[Mapping[str, object]] | Logstore

_FIELDS = (
    "event_ref product kind status state region_id instance_id instance_type zone_id event_time_ms "
    "received_at_ms lane body"
).split()

_RECORD = (
    "event_key event_id product kind status state region_id instance_id instance_type zone_id event_time_ms "
    "received_at_ms body action_id snapshot_id"
).split()

_FLAT = {
    "name": "name",
    "id": "id",
    "stamp": "eventTime",
    "arn": "resourceId",
    "flat_region": "regionId",
    "cloudevent": "specversion",
    "webhook": "alert",
    "attribute": "SystemEvents",
    "topic": "TopicName",
}
"""Top keys of a flat body, by the names they go by here; the last four betray another envelope."""

_CONTENT = {
    "content_instance": "instanceId",
    "ecs_instance": "ecsInstanceId",
    "content_resource": "resourceId",
    "resource_kind": "resourceType",
    "content_state": "state",
    "event_status": "eventStatus",
    "content_status": "status",
    "content_type": "instanceType",
    "content_zone": "zoneId",
    "content_azone": "azone",
}
"""Keys of its content."""


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
        return _EVENTS_OF_RECORDS.format(f"SELECT {_present(held, _RECORD)} FROM {table}")
    return _EVENTS_OF_LINES.format(_read_json(path, _RECORD, _FLAT, _CONTENT))


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
    return _read_json(path, fields, {}, {})


def reread_relation(database: duckdb.DuckDBPyConnection, source: Source, expected: int) -> str:
    """The lines of a file with lane `reread`, through `parse_body`. Raises FrameError if any is not found."""
    lines: list[str] = []
    if expected:
        found = _EVENTS_OF_LINES.format(_read_lines(_existing(str(source))))
        lines = [
            line
            for (line,) in database.execute(f"SELECT body FROM ({found}) WHERE lane = 'reread'").fetchall()
        ]
    if len(lines) != expected:
        hint = "Look for lines that are not UTF-8, or are larger than 2 MB"
        raise FrameError(f"{source}: of {expected} unusual lines {len(lines)} can be read", hint)
    return _register(database, "lines_reread", (_event_row({"body": line}) for line in lines), _FIELDS)


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


def _read_json(path: str, record: Sequence[str], flat: Mapping[str, str], content: Mapping[str, str]) -> str:
    """JSON lines as text columns, in DuckDB's fastest way; a line it cannot read has none of them."""
    columns = ", ".join(f"'{key}': '{kind}'" for key, kind in _shape(record, flat, content).items())
    options = "format = 'newline_delimited', ignore_errors = true"
    chosen = _chosen("", record, flat, content)
    return f"SELECT NULL AS line, {chosen} FROM read_json('{path}', {options}, columns = {{{columns}}})"


def _read_lines(path: str) -> str:
    """The same, slower, with each `line` as it came."""
    shape = _shape(_RECORD, _FLAT, {}) | {"content": dict.fromkeys(_CONTENT.values(), "VARCHAR")}
    options = "delim = chr(1), quote = '', escape = '', header = false, auto_detect = false"
    lines = f"read_csv('{path}', columns = {{line: 'VARCHAR'}}, {options})"
    read = f"SELECT line, try(json_transform(line, '{json.dumps(shape)}')) AS found FROM {lines}"
    return f"SELECT line, {_chosen('found.', _RECORD, _FLAT, _CONTENT)} FROM ({read}) WHERE trim(line) <> ''"


def _shape(record: Sequence[str], flat: Mapping[str, str], content: Mapping[str, str]) -> dict[str, str]:
    """Keys and their types, all text."""
    shape = dict.fromkeys([*record, *flat.values()], "VARCHAR")
    inner = ", ".join(f"{key} VARCHAR" for key in content.values())
    return shape | {"content": f"STRUCT({inner})"} if content else shape


def _chosen(row: str, record: Sequence[str], flat: Mapping[str, str], content: Mapping[str, str]) -> str:
    keys = (
        {name: name for name in record}
        | dict(flat)
        | {name: f"content.{key}" for name, key in content.items()}
    )
    return ", ".join(f"nullif({row}{key}, '') AS {name}" for name, key in keys.items())


_LANE_OF_RECORD = "CASE WHEN kind IS NULL THEN 'quarantined by the sink' ELSE 'event' END"

_OTHER_TOPICS = "action_id IS NULL AND snapshot_id IS NULL"

_EVENTS_OF_RECORDS = f"""
SELECT coalesce(event_id, event_key) AS event_ref, product, kind, status, state, region_id, instance_id,
       instance_type, zone_id, event_time_ms, received_at_ms, {_LANE_OF_RECORD} AS lane, NULL AS body
FROM ({{}}) WHERE {_OTHER_TOPICS}
"""

_EVENTS_OF_LINES = f"""
SELECT coalesce(event_id, event_key, id) AS event_ref, product,
       coalesce(kind, split_part(name, ':', 1) || ':' || split_part(name, ':', 2)) AS kind,
       coalesce(nullif(split_part(name, ':', 3), ''), event_status, content_status, status) AS status,
       coalesce(state, content_state) AS state, coalesce(region_id, flat_region) AS region_id,
       coalesce(instance_id, content_instance, ecs_instance, CASE
           WHEN resource_kind = 'ALIYUN::ECS::Instance' THEN content_resource
           WHEN contains(arn, ':instance/') THEN split_part(arn, '/', 2) END) AS instance_id,
       coalesce(instance_type, content_type) AS instance_type,
       coalesce(zone_id, content_zone, content_azone) AS zone_id,
       coalesce(event_time_ms, flat_ms::VARCHAR) AS event_time_ms, received_at_ms, lane,
       CASE lane WHEN 'reread' THEN line END AS body
FROM (SELECT *, CASE
    WHEN event_key IS NOT NULL THEN {_LANE_OF_RECORD}
    WHEN id IS NOT NULL AND flat_ms IS NOT NULL AND coalesce(cloudevent, webhook, attribute, topic) IS NULL
        AND regexp_full_match(name, '[a-zA-Z]+(:[a-zA-Z.]+){{{{1,2}}}}')
        AND regexp_full_match(arn, 'acs:ecs:[^:/]*:[^:/]*:[a-z]+/[^:/]+')
        AND (resource_kind IS NULL OR content_resource IS NOT NULL) THEN 'event'
    ELSE 'reread' END AS lane
    FROM (SELECT *, epoch_ms(try_strptime(stamp, '%Y%m%dT%H%M%S.%g%z')) AS flat_ms FROM ({{}}))
    WHERE {_OTHER_TOPICS})
"""
