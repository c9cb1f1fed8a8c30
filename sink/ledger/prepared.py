"""Statements that every run needs: written by SQLAlchemy once, then executed by the database's driver.

SQLAlchemy knows both databases' SQL, and what our types become in each. But its way through one statement
takes ten times as long as SQLite's, and an interruption passes a dozen of them before its first call. Errors
are the driver's own here; `Database` tells what they mean.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql import ClauseElement

_Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Text:
    """A statement in the words of one database, for values of some names."""

    sql: str
    constants: Mapping[str, Any]
    """Values that stand in the statement itself."""
    writers: Mapping[str, _Convert]
    """How values become what the driver takes, where they are not that already."""
    readers: Mapping[int, _Convert]
    """How its columns become ours."""
    row: Callable[..., Any]
    """Makes a named tuple of a row."""


class Prepared:
    """A statement, for any number of databases. Its values go by the names of its parameters and columns."""

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement
        self._texts: dict[tuple[str, ...], _Text] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[Any]:
        """Execute it; its rows, with the columns as attributes."""
        text = self._text(connection.dialect, values)
        with _executed(connection, text, values) as cursor:
            return [text.row(*_read(text, one)) for one in cursor.fetchall()]

    def first(self, connection: Connection, values: Mapping[str, Any]) -> Any:
        """Execute it; its first row, or None."""
        rows = self.rows(connection, values)
        return rows[0] if rows else None

    def change(self, connection: Connection, values: Mapping[str, Any]) -> int:
        """Execute it; how many rows it made, changed or took away."""
        with _executed(connection, self._text(connection.dialect, values), values) as cursor:
            return int(cursor.rowcount)

    def _text(self, dialect: Dialect, values: Mapping[str, Any]) -> _Text:
        key = (dialect.name, *values)
        if key not in self._texts:
            self._texts[key] = _text_of(self._statement, dialect, values)
        return self._texts[key]


def _text_of(statement: Any, dialect: Dialect, values: Mapping[str, Any]) -> _Text:
    compiled = statement.compile(dialect=dialect, column_keys=list(values))
    columns = list(getattr(statement, "selected_columns", ()))
    writers = {name: _writer(bind.type, dialect) for name, bind in compiled.binds.items()}
    readers = {number: _reader(column.type, dialect) for number, column in enumerate(columns)}
    return _Text(
        compiled.string,
        {name: value for name, value in compiled.params.items() if name not in values},
        {name: write for name, write in writers.items() if write},
        {number: read for number, read in readers.items() if read},
        namedtuple("Row", [column.key or "" for column in columns], rename=True),
    )


def _writer(kind: Any, dialect: Dialect) -> _Convert | None:
    found: _Convert | None = kind.dialect_impl(dialect).bind_processor(dialect)
    return found


def _reader(kind: Any, dialect: Dialect) -> _Convert | None:
    found: _Convert | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return found


@contextmanager
def _executed(connection: Connection, text: _Text, values: Mapping[str, Any]) -> Iterator[Any]:
    """The driver's cursor, behind the statement."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute(text.sql, _written(text, values))
        yield cursor


def _written(text: _Text, values: Mapping[str, Any]) -> dict[str, Any]:
    written = {**text.constants, **values}
    for name, write in text.writers.items():
        written[name] = write(written[name])
    return written


def _read(text: _Text, row: Any) -> Any:
    if not text.readers:
        return row
    found = list(row)
    for number, read in text.readers.items():
        found[number] = read(found[number])
    return found
