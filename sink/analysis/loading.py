"""Read stored events, inventory and actions from wherever they lie into frames.

Notebooks and `sink report` call `load_events` first. A source is a file of JSON lines (message bodies in any
envelope, or stored records), CSV or Parquet, gzip or not, a glob of them, a logstore, or records at hand.
`relations.py` makes rows of text of each; here DuckDB turns those into columns, whose enumerations arrive as
pandas categories: a million events never are a million Python objects.

What cannot be used is counted by reason, so that read = events + system + quarantined always holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import pandas as pd

from sink.analysis.frames import ACTIONS, EVENTS, INVENTORY, STATES, SYSTEM, FrameError, Schema
from sink.analysis.relations import Source, event_relation, record_relation, reread_relation
from sink.events import INTERRUPTION, STATE_CHANGE

_FAR = 2**62
_MISSING = -(2**63)
"""Stands for NULL on the way out of DuckDB, where a column with NULL takes thrice as long as one without."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a source held: state changes and notices, other system events, and what could not be used."""

    events: pd.DataFrame
    """Frame EVENTS, with repeats, as they came."""
    system: pd.DataFrame
    """Frame SYSTEM: maintenance, failures and all else."""
    quarantined: dict[str, int]
    """How many events could not be used, by reason."""

    @property
    def read(self) -> int:
        """Events in the source, all told."""
        return len(self.events) + len(self.system) + sum(self.quarantined.values())


def load_events(source: Source, since: int | None = None, until: int | None = None) -> Loaded:
    """Load the events with since <= event_time_ms < until, in ms since 1970 UTC.

    Raises FrameError where a file is missing, cannot be read or lacks a column, and where a logstore does not
    answer in full; what single events lack is counted as `quarantined`.

    >>> body = '{"name": "Instance:StateChange", "id": "7", "eventTime": "20261122T080000.000+0800"'
    >>> body += ', "content": {"instanceId": "i-1", "state": "Created"}}'
    >>> loaded = load_events([{"body": body}, {"body": "not json"}])
    >>> loaded.events[["instance_id", "state", "event_time_ms"]].to_numpy().tolist()
    [['i-1', 'Pending', 1795305600000]]
    >>> loaded.quarantined
    {'unreadable': 1}
    """
    with _database(source) as database:
        database.execute("SET preserve_insertion_order = false")
        database.execute(f"CREATE TYPE state_name AS ENUM {STATES}")
        relation = event_relation(database, source, (since, until))
        within = _within(since, until)
        database.execute(f"CREATE TEMP TABLE typed AS {_TYPED.format(relation)} {within}")
        reread = database.execute("SELECT count(*) FROM typed WHERE verdict = 'reread'").fetchall()[0][0]
        rest = reread_relation(database, source, reread)
        database.execute(f"INSERT INTO typed {_TYPED.format(rest)} {within}")
        return Loaded(
            events=_frame(database, "typed WHERE verdict = 'event'", EVENTS, _BY_INSTANCE),
            system=_frame(database, "typed WHERE verdict = 'system'", SYSTEM, "event_time_ms, event_ref"),
            quarantined=dict(database.execute(_QUARANTINED).fetchall()),
        )


def load_inventory(source: Source, since: int | None = None, until: int | None = None) -> pd.DataFrame:
    """Load the inventory's snapshots with since <= observed_at_ms < until. Gives frame INVENTORY.

    >>> load_inventory([{"snapshot_id": "s1", "instance_id": "i-1", "observed_at_ms": "0"}])["instance_id"][0]
    'i-1'
    """
    return _load_records(source, INVENTORY, "observed_at_ms", (since, until))


def load_actions(source: Source, since: int | None = None, until: int | None = None) -> pd.DataFrame:
    """Load the actions' records with since <= started_at_ms < until. Gives frame ACTIONS.

    >>> len(load_actions([]))
    0
    """
    return _load_records(source, ACTIONS, "started_at_ms", (since, until))


@contextmanager
def _database(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of its own for one load; where DuckDB cannot read the source, its words say which line."""
    try:
        with duckdb.connect() as database:
            yield database
    except duckdb.Error as error:
        raise FrameError(f"{source} cannot be read: {error}", "Mend or leave out what it names") from error


def _load_records(
    source: Source, schema: Schema, clock: str, within: tuple[int | None, int | None]
) -> pd.DataFrame:
    since, until = within
    topic = "action" if schema is ACTIONS else schema.name
    casts = ", ".join(_CASTS.get(column.dtype, "{0}").format(column.name) for column in schema.columns)
    with _database(source) as database:
        relation = record_relation(database, source, topic, schema.names, within)
        database.execute(f"CREATE TEMP TABLE typed AS SELECT {casts} FROM ({relation})")
        inside = f"typed WHERE {schema.names[0]} IS NOT NULL AND {clock} {_between(since, until)}"
        return _frame(database, inside, schema, f"{clock}, {schema.names[0]}, instance_id")


def _within(since: int | None, until: int | None) -> str:
    """Which typed rows to keep. No condition where none is asked for: DuckDB reads each time twice for it."""
    if since is None and until is None:
        return ""
    return f"WHERE lane = 'reread' OR event_time_ms IS NULL OR event_time_ms {_between(since, until)}"


def _between(since: int | None, until: int | None) -> str:
    return f"BETWEEN {-_FAR if since is None else since} AND {(_FAR if until is None else until) - 1}"


_CASTS = {
    "int64": "try_cast({0} AS BIGINT) AS {0}",
    "Int64": "try_cast({0} AS BIGINT) AS {0}",
    "boolean": "try_cast({0} AS BOOLEAN) AS {0}",
}

_WRITTEN = {state: state for state in STATES if state != "Notice"} | {"Created": "Pending"}
_AS_WRITTEN = " ".join(f"WHEN '{text}' THEN '{state}'::state_name" for text, state in _WRITTEN.items())
_IN_LOWER_CASE = " ".join(
    f"WHEN '{text.lower()}' THEN '{state}'::state_name" for text, state in _WRITTEN.items()
)
"""To compare texts first as they are written is ten times faster than to fold or cast each."""

_BY_INSTANCE = "instance_id, event_time_ms, state, event_ref"
"""Nearly the order that `trail.py` needs, where sorting what is sorted costs nothing."""

_TYPED = f"""
SELECT instance_id, region_id, zone_id, instance_type, state, event_time_ms, received_at_ms, event_ref,
    CASE WHEN verdict = 'system' THEN kind END AS kind,
    CASE WHEN verdict = 'system' THEN status END AS status, verdict
FROM (SELECT *, CASE
    WHEN lane <> 'event' THEN lane
    WHEN event_time_ms IS NULL THEN 'no time'
    WHEN event_time_ms < 0 THEN 'time before 1970'
    WHEN kind NOT IN ('{STATE_CHANGE}', '{INTERRUPTION}') THEN 'system'
    WHEN product <> 'ECS' THEN 'another product'
    WHEN instance_id IS NULL THEN 'no instance id'
    WHEN contains(instance_id, '*') THEN 'masked instance id'
    WHEN state IS NULL THEN 'unknown state'
    ELSE 'event' END AS verdict
FROM (SELECT * REPLACE (
    try_cast(event_time_ms AS BIGINT) AS event_time_ms,
    try_cast(received_at_ms AS BIGINT) AS received_at_ms,
    hash(event_ref) AS event_ref,
    CASE WHEN kind = '{INTERRUPTION}' THEN 'Notice'::state_name
         ELSE CASE state {_AS_WRITTEN} ELSE CASE lower(trim(state)) {_IN_LOWER_CASE} END END
         END AS state)
    FROM ({{}})))
"""

_QUARANTINED = """
SELECT verdict, count(*) FROM typed
WHERE verdict NOT IN ('event', 'system', 'reread') GROUP BY 1 ORDER BY 1
"""


def _frame(database: duckdb.DuckDBPyConnection, rows: str, schema: Schema, order: str) -> pd.DataFrame:
    """Take rows out: a text that repeats as its number in the alphabet, a category of pandas."""
    texts = [c.name for c in schema.columns if c.dtype == "category" and c.name != "state"]
    integers = [c.name for c in schema.columns if c.dtype == "Int64"]
    for name in texts:
        values = f"SELECT DISTINCT {name} AS {name}_ FROM {rows} AND {name} IS NOT NULL"
        number = f"(row_number() OVER (ORDER BY {name}_) - 1)::INT AS {name}_number"
        database.execute(f"CREATE OR REPLACE TEMP TABLE {name}s AS SELECT {name}_, {number} FROM ({values})")
    filled = {name: f"coalesce({name}_number, -1) AS {name}" for name in texts}
    filled |= {name: f"coalesce({name}, {_MISSING}) AS {name}" for name in integers}
    joins = " ".join(f"LEFT JOIN {name}s ON {name} = {name}_" for name in texts)
    chosen = ", ".join(filled.get(name, name) for name in schema.names)
    frame = database.execute(f"SELECT {chosen} FROM (FROM {rows}) {joins} ORDER BY {order}").df()
    for name in texts:
        known = (
            database.execute(f"SELECT {name}_::VARCHAR FROM {name}s ORDER BY {name}_number").df().iloc[:, 0]
        )
        frame[name] = pd.Categorical.from_codes(frame[name].to_numpy(), pd.Index(known))
    for name in integers:
        frame[name] = pd.arrays.IntegerArray(frame[name].to_numpy(), frame[name].to_numpy() == _MISSING)
    return schema.cast(frame)
