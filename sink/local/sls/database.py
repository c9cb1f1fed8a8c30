"""Where SLS keeps projects, logstores, shards and the logs themselves: one SQLite file in WAL mode.

`log_group` is the truth of every logstore: what PutLogs answered 200 for stands in it, and cursors,
PullLogs and the search index are all derived from it. `synchronous=NORMAL` hands a commit to the kernel
without waiting for the disk, so a kill -9 of the process loses nothing; only a power cut could.
The server's event loop is the only writer, so there is one connection and no lock; `with database:` is
one transaction. AUTOINCREMENT never hands out a number twice: a new logstore cannot inherit the index
of a deleted one, and a position is never reused after logs expired.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA = """
create table if not exists project (
    id integer primary key autoincrement, name text not null unique, account_id text not null,
    description text not null, resource_group_id text not null, data_redundancy_type text not null,
    created_at integer not null, modified_at integer not null);
create table if not exists logstore (
    id integer primary key autoincrement, project_id integer not null references project on delete cascade,
    name text not null, attributes text not null, created_at integer not null, modified_at integer not null,
    index_config text, index_modified_at integer, unique (project_id, name));
create table if not exists shard (
    logstore_id integer not null references logstore on delete cascade, shard_id integer not null,
    status text not null, begin_key text not null, end_key text not null, created_at integer not null,
    first_sequence integer not null, next_sequence integer not null, primary key (logstore_id, shard_id));
create table if not exists log_group (
    position integer primary key autoincrement,
    logstore_id integer not null references logstore on delete cascade, shard_id integer not null,
    sequence integer not null, received_at integer not null, body blob not null);
create index if not exists log_group_by_cursor on log_group (logstore_id, shard_id, sequence);
create index if not exists log_group_by_position on log_group (logstore_id);
create table if not exists consumer_group (
    id integer primary key autoincrement, logstore_id integer not null references logstore on delete cascade,
    name text not null, timeout_seconds integer not null, in_order integer not null,
    unique (logstore_id, name));
create table if not exists consumer (
    consumer_group_id integer not null references consumer_group on delete cascade, name text not null,
    seen_at real not null, primary key (consumer_group_id, name));
create table if not exists assignment (
    consumer_group_id integer not null references consumer_group on delete cascade, shard_id integer not null,
    consumer text not null, revoked integer not null, primary key (consumer_group_id, shard_id));
create table if not exists checkpoint (
    consumer_group_id integer not null references consumer_group on delete cascade, shard_id integer not null,
    checkpoint text not null, consumer text not null, updated_at_us integer not null,
    primary key (consumer_group_id, shard_id));
create table if not exists document (
    project_id integer not null references project on delete cascade, kind text not null, name text not null,
    body text not null, created_at integer not null, modified_at integer not null,
    primary key (project_id, kind, name));
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open or create the file. Close the connection when done."""
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = normal")
    database.execute("pragma foreign_keys = on")
    database.executescript(SCHEMA)
    return database
