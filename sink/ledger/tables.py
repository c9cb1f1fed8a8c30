"""What the ledger keeps, in SQLite and PostgreSQL alike.

    sink_schema   the version of these tables
    sink_owner    one row for each sink at work: until when its lease runs
    sink_run      one row for each run, whoever has it
    sink_order    what was ordered in runs, and what was answered
    sink_take     servers that admitted runs take out of server groups
    sink_module   failures in a row of each module, and its circuit

Text is kept in types of our own, since both databases refuse some of what a queue can bring: PostgreSQL takes
no NUL and neither takes half a surrogate pair, so that one odd message would be tried for ever.
A later version that only adds tables needs no step of its own; one that changes a table raises VERSION and
brings what turns the older into the newer.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Dialect,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)
from sqlalchemy.types import TypeDecorator

from sink.errors import LedgerError

VERSION = 1

_LONGEST_NAME = 200
"""An index entry of PostgreSQL holds 2,704 bytes, and a forger's name may be longer."""


class Name(TypeDecorator[str]):
    """Text to find things by: cut where it is too long for that, and rid of what no database takes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Make it storable, alike for storing and for finding."""
        if value is None:
            return None
        return value[:_LONGEST_NAME].replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class Json(TypeDecorator[Any]):
    """JSON as text: exactly what went in comes out, NUL and all, which PostgreSQL's own type refuses."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write it; SQL's NULL for None."""
        return None if value is None else json.dumps(value, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read it. Raises LedgerError for what nobody here wrote."""
        if value is None:
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise LedgerError(f"the ledger is damaged: {error}", DAMAGED) from error


DAMAGED = (
    "Stop every sink that uses it, move it away and start again. What it knew is then forgotten: an event "
    "that is still in the queue may be acted on once more, after a look at the live state; open circuits, "
    "windows and counts begin anew"
)
"""The next step with a ledger that cannot be read any more, and what it costs."""

metadata = MetaData()

schema = Table("sink_schema", metadata, Column("version", Integer, nullable=False))

owner = Table(
    "sink_owner",
    metadata,
    Column("owner_id", Name, primary_key=True),
    Column("until_ms", BigInteger, nullable=False),
)

run = Table(
    "sink_run",
    metadata,
    Column("action_id", Name, primary_key=True),
    Column("module", Name, nullable=False),
    Column("event_key", Name, nullable=False),
    Column("instance_id", Name, nullable=False),
    Column("region_id", Name, nullable=False),
    Column("body", Json),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("owner_id", Name),
    Column("epoch", Integer, nullable=False),
    Column("claimed_at_ms", BigInteger, nullable=False),
    Column("admitted_at_ms", BigInteger),
    Column("plan", Json),
    Column("notes", Json, nullable=False),
    Column("closed_at_ms", BigInteger),
    Column("status", Name),
    Column("fields", Json),
)
Index("sink_run_claimed", run.c.module, run.c.claimed_at_ms, run.c.instance_id)
Index("sink_run_admitted", run.c.module, run.c.admitted_at_ms)
Index("sink_run_instance", run.c.instance_id, run.c.module, run.c.admitted_at_ms)
Index("sink_run_closed", run.c.closed_at_ms)

order = Table(
    "sink_order",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("action_id", Name, nullable=False, index=True),
    Column("name", Json, nullable=False),
    Column("given_at_ms", BigInteger, nullable=False),
    Column("answered_at_ms", BigInteger),
    Column("answer", Json),
)

take = Table(
    "sink_take",
    metadata,
    Column("action_id", Name, nullable=False),
    Column("group_id", Name, nullable=False),
    Column("server_id", Name, nullable=False),
    Column("taken_at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("action_id", "group_id", "server_id"),
)
Index("sink_take_group", take.c.group_id, take.c.taken_at_ms)

module = Table(
    "sink_module",
    metadata,
    Column("module", Name, primary_key=True),
    Column("failures_in_row", Integer, nullable=False),
    Column("opened_at_ms", BigInteger),
    Column("reason", Json),
    Column("closed_at_ms", BigInteger),
)


_OPEN_RUNS = "CREATE INDEX IF NOT EXISTS sink_run_open ON sink_run (claimed_at_ms) WHERE closed_at_ms IS NULL"
"""In words that both databases know: as an `Index` it would load the dialects of both, and takes a while."""


def create(connection: Connection) -> None:
    """Create what is missing. Raises LedgerError for tables of a version that this one does not know."""
    is_new = not inspect(connection).has_table(schema.name)
    version = VERSION if is_new else connection.execute(select(schema.c.version)).scalar_one()
    if version > VERSION:
        raise LedgerError(
            f"the ledger is of a newer version of the sink (schema {version}, and this one knows {VERSION})",
            "Install that version again, or name another ledger in [ledger] url: an empty one forgets what "
            "was done, so let the queue run empty first",
        )
    metadata.create_all(connection)
    connection.execute(text(_OPEN_RUNS))
    if is_new:
        connection.execute(insert(schema).values(version=VERSION))
