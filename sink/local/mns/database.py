"""Where MNS keeps queues, messages, topics and subscriptions: one SQLite file in WAL mode.

`synchronous=NORMAL` writes a commit to the log without waiting for the disk. A kill -9 of the process
then loses nothing that was answered, since the kernel already has it; only a power cut could.
The server's event loop is the only user, so there is one connection and no lock; `with database:` is
one transaction.

A message is either *ready* (may be received) or hidden until `visible_at_ms`: delayed, or in a
consumer's hand. Two partial indexes keep both halves sorted the way they are looked up, which is why
receiving stays fast however many messages wait; `message_by_age` finds what retention has ended.
AUTOINCREMENT never hands out a number twice, so an old receipt handle cannot fit a new message.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

SCHEMA = """
create table if not exists account (account_id text primary key, logging_bucket text not null);
create table if not exists resource (
    id integer primary key autoincrement, kind text not null, owner text not null, name text not null,
    attributes text not null, created_at integer not null, modified_at integer not null,
    unique (kind, owner, name));
create table if not exists message (
    id integer primary key autoincrement, queue_id integer not null, ready integer not null,
    priority integer not null, body text not null, properties text not null, enqueued_at_ms integer not null,
    visible_at_ms integer not null, first_dequeued_at_ms integer not null default 0,
    dequeue_count integer not null default 0, handle_number integer not null default 0);
create index if not exists message_ready on message (queue_id, priority, id) where ready = 1;
create index if not exists message_hidden on message (queue_id, visible_at_ms, dequeue_count)
    where ready = 0;
create index if not exists message_by_age on message (queue_id, id);
"""


def open_database(path: Path) -> sqlite3.Connection:
    """Open or create the file. Close the connection when done."""
    database = sqlite3.connect(path)
    database.row_factory = sqlite3.Row
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = normal")
    database.executescript(SCHEMA)
    return database
