"""What an account has besides instances, by kind and id: balancers, groups, tokens, the market.

Values are frozen dataclasses, kept as JSON in the fleet's database, so that one transaction holds a change
of an instance and of everything around it. They are read anew each time: there are few, and a change that
is rolled back leaves no trace in memory.
"""

from __future__ import annotations

import sqlite3
from typing import Generic, TypeVar

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS things (
    number INTEGER PRIMARY KEY, kind TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL, UNIQUE (kind, id)
);
"""


class Shelf(Generic[T]):
    """The things of one type, by id, oldest first."""

    def __init__(self, connection: sqlite3.Connection, form: type[T]) -> None:
        # Here, for a cloud starts without shelves, and pydantic takes a while to load.
        from pydantic import TypeAdapter

        self._connection = connection
        self._kind = form.__name__
        self._adapter = TypeAdapter(form)

    def find(self, thing_id: str) -> T | None:
        """The thing of this id, or None."""
        query = "SELECT body FROM things WHERE kind = ? AND id = ?"
        row = self._connection.execute(query, (self._kind, thing_id)).fetchone()
        return self._adapter.validate_json(row[0]) if row else None

    def all(self) -> list[T]:
        """Every thing of this type."""
        return self.mentioning("")

    def mentioning(self, text: str) -> list[T]:
        """Every thing of this type in which an id stands anywhere: without reading the others."""
        query = "SELECT body FROM things WHERE kind = ? AND instr(body, ?) ORDER BY number"
        rows = self._connection.execute(query, (self._kind, text.encode())).fetchall()
        return [self._adapter.validate_json(body) for (body,) in rows]

    def keep(self, thing_id: str, thing: T) -> None:
        """Remember the thing as it is now."""
        query = (
            "INSERT INTO things (kind, id, body) VALUES (?, ?, ?) "
            "ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body"
        )
        self._connection.execute(query, (self._kind, thing_id, self._adapter.dump_json(thing)))

    def drop(self, thing_id: str) -> None:
        """Forget the thing of this id, if there is one."""
        self._connection.execute("DELETE FROM things WHERE kind = ? AND id = ?", (self._kind, thing_id))
