"""Every source as one relation of text columns that DuckDB reads in a single pass.

`loading.py` calls this. Stored records and CloudMonitor's flat bodies, nearly all there is, are read by
DuckDB itself. A body in another envelope, base64, or odd in any way gets the lane `reread` and goes through
the sink's own `parse_body`, so that the analysis understands exactly what the sink understands.

Lanes: `event` for what was understood, `reread`, `unreadable`, and `quarantined by the sink`. Records of
other topics are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import cast

import duckdb
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
    "received_at_ms body action_id snapshot_id"
).split()

_FLAT = {
    "name": "name",
    "id": "id",
    "stamp": "eventTime",
    "flat_region": "regionId",
    "content_instance": "content.instanceId",
    "content_resource": "content.resourceId",
    "resource_type": "content.resourceType",
    "content_state": "content.state",
    "content_type": "content.instanceType",
    "content_zone": "content.zoneId",
    "cloudevent": "specversion",
    "webhook": "alert",
    "attribute": "SystemEvents",
    "topic": "TopicName",
}


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
    return _EVENTS_OF_LINES.format(_extract(path, {name: name for name in _RECORD} | _FLAT))


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
    return f"SELECT {', '.join(fields)} FROM ({_extract(path, {name: name for name in fields})})"


def reread_relation(database: duckdb.DuckDBPyConnection, bodies: str) -> str:
    """The bodies that a query gives, through `parse_body`."""
    rows = database.execute(bodies).fetchall()
    return _register(database, "bodies_reread", (_event_row({"body": body}) for (body,) in rows), _FIELDS)


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


def _extract(path: str, fields: Mapping[str, str]) -> str:
    """JSON lines as text columns; a line that is no JSON has none of them, but itself as `line`."""
    paths = [f"$.{path}" for path in fields.values()]
    names = ", ".join(f"nullif(found[{n}], '') AS {name}" for n, name in enumerate(fields, 1))
    lines = (
        f"read_csv('{path}', columns = {{line: 'VARCHAR'}}, delim = chr(1), quote = '', escape = '', "
        "header = false, auto_detect = false)"
    )
    found = f"CASE WHEN line[1] = '{{' THEN try(json_extract_string(line, {paths})) END"
    return f"SELECT line, {names} FROM (SELECT line, {found} AS found FROM {lines} WHERE trim(line) <> '')"


_LANE_OF_RECORD = """
CASE WHEN kind IS NULL THEN 'quarantined by the sink' ELSE 'event' END"""

_OTHER_TOPICS = "action_id IS NULL AND snapshot_id IS NULL"

_EVENTS_OF_RECORDS = f"""
SELECT coalesce(event_id, event_key) AS event_ref, product, kind, status, state, region_id, instance_id,
       instance_type, zone_id, event_time_ms, received_at_ms, {_LANE_OF_RECORD} AS lane, NULL AS body
FROM ({{}}) WHERE {_OTHER_TOPICS}
"""

_EVENTS_OF_LINES = f"""
SELECT coalesce(event_id, event_key, id) AS event_ref, product, coalesce(kind, name) AS kind, status,
       coalesce(state, content_state) AS state, coalesce(region_id, flat_region) AS region_id,
       coalesce(instance_id, content_instance, content_resource) AS instance_id,
       coalesce(instance_type, content_type) AS instance_type, coalesce(zone_id, content_zone) AS zone_id,
       coalesce(event_time_ms, flat_ms::VARCHAR) AS event_time_ms, received_at_ms, lane,
       CASE lane WHEN 'reread' THEN line END AS body
FROM (SELECT *, CASE
    WHEN event_key IS NOT NULL THEN {_LANE_OF_RECORD}
    WHEN name IN ('{STATE_CHANGE}', '{INTERRUPTION}') AND id IS NOT NULL AND flat_ms IS NOT NULL
        AND coalesce(cloudevent, webhook, attribute, topic) IS NULL
        AND (content_instance IS NOT NULL
             OR content_resource IS NOT NULL AND resource_type = 'ALIYUN::ECS::Instance') THEN 'event'
    ELSE 'reread' END AS lane
    FROM (SELECT *, epoch_ms(try_strptime(stamp, '%Y%m%dT%H%M%S.%g%z')) AS flat_ms FROM ({{}}))
    WHERE {_OTHER_TOPICS})
"""
