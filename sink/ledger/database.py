"""Two databases made one: how each is opened, how its transactions follow one another, what its errors mean.

Every transaction holds the whole ledger, whichever sink it is of: SQLite's `begin immediate`, on PostgreSQL
an advisory lock. So each operation reads what it then changes without a lock of its own, nothing can
deadlock, and of two sinks racing for a last slot one comes second. What makes that quick enough is that one
transaction carries whatever waits (`writer.py`). A sink that freezes in the middle of one is cut off by
PostgreSQL after half a lease, before the others lose theirs. Both keep all commits in one log, so that one
which waits for the disk takes along those before it that did not.

Leases are measured on the database's clock where several machines share it. Times that others see are
translated to the clock of this machine, so that a sink whose clock is minutes off counts the same window.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Protocol, TypeVar

from sqlalchemy import URL, Connection, Engine, bindparam, create_engine, event, make_url, text
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    SQLAlchemyError,
    StatementError,
)

from sink.errors import LedgerError
from sink.ledger.tables import DAMAGED

_LOCK = 0x6563735F73696E6B
"""Number of the advisory lock, `ecs_sink`: nobody else of a shared database has it by chance."""
_OF_ONE_OPERATION = (DataError, IntegrityError, NotSupportedError, ProgrammingError)
"""What the database says where it is fine, and an operation is not."""
_HINTS = {
    "malformed": DAMAGED,
    "not a database": DAMAGED,
    "locked": "Another process is in the middle of a write: see that it is not stopped. It is tried again",
    "full": "Make room on the disk: it then goes on by itself",
    "readonly": "Make the file and its folder writable for the sink's user",
    "unable to open": "[ledger] url must name a file in a folder that the sink's user may write to",
}
"""The next step, by a word of SQLite's."""

_OPENING_SECONDS = 5.0

T = TypeVar("T")


class Outage(LedgerError):
    """The database itself fails, whatever it is asked."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction at work, and what time it is."""

    connection: Connection
    owner: str
    """Who works: the id of this sink's lease."""
    now_ms: int
    """On the ledger's clock, by which everything is stored."""
    ahead_ms: int = 0
    """How far the ledger's clock is ahead of this machine's, in whole seconds."""

    def here(self, ledger_ms: int) -> int:
        """A stored time on this machine's clock."""
        return ledger_ms - self.ahead_ms

    def there(self, local_ms: int) -> int:
        """A time of this machine's on the ledger's clock."""
        return local_ms + self.ahead_ms


class Database:
    """One connection to the database at a URL, for one thread. Lost, it is made anew.

    `patience_seconds` is how long another sink's transaction is waited for, and how long it may take.
    """

    def __init__(self, url: str, owner: str, patience_seconds: float, clock: Callable[[], float]) -> None:
        self._kind = _kind_of(url)
        self._name = self._kind.url.render_as_string(hide_password=True)
        self._owner = owner
        self._clock = clock
        self._patience_seconds = patience_seconds
        try:
            self._engine = self._kind.engine(patience_seconds)
        except (SQLAlchemyError, ImportError, OSError) as error:
            raise LedgerError(f"{self._name} cannot be opened: {error}", self._kind.hint) from error
        self._driver = self._engine.dialect.loaded_dbapi
        self._connection: Connection | None = None

    def run(self, work: Callable[[Transaction], T], *, durable: bool = True) -> T:
        """Do work in a transaction, which is durable when this returns and undone where it raises.

        One that is not `durable` outlives this process at once, but the machine only with the next that is.

        Work may be done twice, where the connection was lost: perhaps after the first was durable. Raises
        LedgerError for the database's errors, Outage where they would meet any work, else whatever work does.
        """
        try:
            return self._once(work, durable)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise self._mapped(error) from error
        except SQLAlchemyError as error:
            raise self._mapped(error) from error
        try:
            return self._once(work, durable)
        except SQLAlchemyError as error:
            raise self._mapped(error) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _once(self, work: Callable[[Transaction], T], durable: bool) -> T:
        # Kept from one to the next: SQLAlchemy makes one that was lost anew by itself.
        self._connection = connection = self._connection or self._engine.connect()
        with connection.begin():
            try:
                return work(self._begin(connection, durable))
            except self._driver.Error as error:
                raise self._wrapped(error, connection) from error

    def _begin(self, connection: Connection, durable: bool) -> Transaction:
        now_ms = self._kind.hold(connection, self._patience_seconds, durable=durable)
        local_ms = round(self._clock() * 1000)
        if now_ms is None:
            return Transaction(connection, self._owner, local_ms)
        ahead_ms = round((now_ms - local_ms) / 1000) * 1000
        return Transaction(connection, self._owner, now_ms, ahead_ms)

    def _wrapped(self, error: Any, connection: Connection) -> Exception:
        """An error of the driver's own, as SQLAlchemy would raise it; a lost connection is given up."""
        dialect = connection.dialect
        lost = dialect.is_disconnect(error, connection.connection.driver_connection, None)
        if lost:
            connection.invalidate(error)
        wrapped: Exception = DBAPIError.instance(
            None, None, error, self._driver.Error, connection_invalidated=lost, dialect=dialect
        )
        return wrapped

    def _mapped(self, error: Exception) -> Exception:
        """The error as ours; one of Python's that SQLAlchemy has wrapped, as it was."""
        cause = error.orig if isinstance(error, StatementError) else error
        if isinstance(error, StatementError) and not isinstance(error, DBAPIError):
            return cause if isinstance(cause, Exception) else error
        said = str(cause).strip()
        hint = next((hint for word, hint in _HINTS.items() if word in said), self._kind.hint)
        sort = LedgerError if isinstance(error, _OF_ONE_OPERATION) else Outage
        return sort(f"the ledger {self._name} failed: {said}", hint)


class _Kind(Protocol):
    """What differs between the two databases."""

    @property
    def url(self) -> URL:
        """Where it is."""

    @property
    def hint(self) -> str:
        """What to look at when it fails."""

    def engine(self, patience_seconds: float) -> Engine:
        """Make an engine with one connection."""

    def hold(self, connection: Connection, patience_seconds: float, *, durable: bool) -> int | None:
        """Begin a transaction that holds the ledger; the database's time, or None if it has none."""


@dataclass(frozen=True)
class _Sqlite:
    """A file of this machine, in WAL mode."""

    url: URL
    hint: str = "See that the file and its folder are there, and writable for the sink's user"

    def engine(self, patience_seconds: float) -> Engine:
        if not self.url.database or ":memory:" in self.url.database:
            raise ArgumentError("a ledger must outlive the process, and so needs a file")
        if "uri" not in self.url.query:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        arguments = {"timeout": patience_seconds, "check_same_thread": False}
        engine = create_engine(
            self.url, pool_size=1, max_overflow=0, paramstyle="named", connect_args=arguments
        )
        event.listen(engine, "connect", _prepare)
        return engine

    def hold(self, connection: Connection, patience_seconds: float, *, durable: bool) -> int | None:
        """Begin once no other process writes.

        SQLite would wait by itself, but looks ten times a second in the end, and a busy neighbour is hardly
        ever between two transactions just then.
        """
        if connection.info.get("durable") is not durable:
            connection.exec_driver_sql(f"pragma synchronous = {'full' if durable else 'normal'}")
            connection.info["durable"] = durable
        file: Any = connection.connection.driver_connection
        _unless_locked(lambda: file.execute("begin immediate"), patience_seconds)
        return None


@dataclass(frozen=True)
class _Postgresql:
    """A server that several sinks share."""

    url: URL
    hint: str = "See that the server of [ledger] url runs and lets this user in. It is tried again"

    def engine(self, patience_seconds: float) -> Engine:
        """One connection, on which a silent network is noticed within the patience and not after hours."""
        arguments: dict[str, Any] = {
            "connect_timeout": max(2, round(patience_seconds)),
            "tcp_user_timeout": round(patience_seconds * 1000),
            "application_name": "ecs-event-sink",
        }
        return create_engine(
            self.url,
            pool_size=1,
            max_overflow=0,
            isolation_level="READ COMMITTED",
            connect_args={key: value for key, value in arguments.items() if key not in self.url.query},
        )

    def hold(self, connection: Connection, patience_seconds: float, *, durable: bool) -> int | None:
        limit = f"{round(patience_seconds * 1000)}ms"
        connection.execute(_HOLD, {"limit": limit, "lock": _LOCK, "durable": durable})
        found: int = connection.execute(_NOW).scalar_one()
        return found


_HOLD = text(
    "select set_config('lock_timeout', :limit, true), set_config('statement_timeout', :limit, true),"
    " set_config('idle_in_transaction_session_timeout', :limit, true), set_config('synchronous_commit',"
    " case when :durable then current_setting('synchronous_commit') else 'off' end, true),"
    " pg_advisory_xact_lock(:lock)"
).bindparams(bindparam("limit"), bindparam("lock"), bindparam("durable"))
_NOW = text("select (extract(epoch from clock_timestamp()) * 1000)::bigint")
"""By itself: in which order a statement computes its values is nobody's promise."""


def _kind_of(url: str) -> _Kind:
    """Which database a URL names. Raises LedgerError for one that is none of the two."""
    hint = "Write sqlite:///path/to/ledger.db, or postgresql+psycopg://user@host/database"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerError("[ledger] url is no address of a database", hint) from None
    if parsed.get_backend_name() == "sqlite":
        return _Sqlite(parsed)
    if parsed.get_backend_name() in ("postgresql", "postgres"):
        return _Postgresql(parsed.set(drivername="postgresql+psycopg"))
    raise LedgerError(f"[ledger] url names {parsed.get_backend_name()}, which holds no ledger", hint)


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    """Let `hold` begin the transactions, and have commits in a log."""
    connection.isolation_level = None
    connection.execute("pragma busy_timeout = 1")
    # The first to open a new file changes its journal, and whoever comes just then is refused at once.
    _unless_locked(lambda: connection.execute("pragma journal_mode = wal"), _OPENING_SECONDS)


def _unless_locked(work: Callable[[], object], patience_seconds: float) -> None:
    """Work, again and again while another process has the file locked."""
    give_up_at = monotonic() + patience_seconds
    while True:
        try:
            work()
            return
        except (OperationalError, sqlite3.OperationalError) as error:
            if "locked" not in str(error) or monotonic() > give_up_at:
                raise
