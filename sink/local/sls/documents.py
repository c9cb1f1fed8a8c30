"""Dashboards, saved searches and alerts: JSON documents that a project keeps by name.

The embedded cloud draws no charts and raises no alarms; it keeps what provisioning tools write and gives
it back as it came, so that they can be tried against it. Error texts are those of the real service,
some of which (a dashboard that exists is ParameterInvalid) official tools look for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.wire import Clock


@dataclass(frozen=True, slots=True)
class Kind:
    """A sort of document: which field names it, and how the vendor speaks of it in errors."""

    word: str
    name_field: str
    subject: str
    not_exist_code: str
    already_exist_code: str
    invalid_name_code: str
    longest_name: int

    def subject_of(self, name: str) -> str:
        """Begin a sentence about one document."""
        return self.subject.format(name=name)


DASHBOARD = Kind(
    "dashboard",
    "dashboardName",
    subject="specified dashboard",
    not_exist_code="DashboardNotExist",
    already_exist_code="ParameterInvalid",
    invalid_name_code="InvalidDashboardName",
    longest_name=128,
)
SAVED_SEARCH = Kind(
    "savedsearch",
    "savedsearchName",
    subject="specified savedsearch",
    not_exist_code="SavedSearchNotExist",
    already_exist_code="ParameterInvalid",
    invalid_name_code="PostBodyInvalid",
    longest_name=63,
)
ALERT = Kind(
    "alert",
    "name",
    subject="Job {name}",
    not_exist_code="JobNotExist",
    already_exist_code="JobAlreadyExist",
    invalid_name_code="PostBodyInvalid",
    longest_name=64,
)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as kept. Times are seconds since the epoch."""

    name: str
    body: dict[str, Any]
    created_at: int
    modified_at: int


class Documents:
    """The documents of all projects."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, project_id: int, kind: Kind, body: Mapping[str, Any]) -> None:
        """Keep a new document. Raises `SlsError` with the code of its kind."""
        name, now = _name(kind, body), int(self._clock())
        try:
            with self._database:
                self._database.execute(
                    "insert into document values (?, ?, ?, ?, ?, ?)",
                    (project_id, kind.word, name, orjson.dumps(body).decode(), now, now),
                )
        except sqlite3.IntegrityError as error:
            raise SlsError(400, kind.already_exist_code, f"{kind.subject_of(name)} already exists") from error

    def get(self, project_id: int, kind: Kind, name: str) -> Document:
        """Raises `SlsError` with the code of its kind."""
        row = self._database.execute(
            "select * from document where project_id = ? and kind = ? and name = ?",
            (project_id, kind.word, name),
        ).fetchone()
        if row is None:
            raise SlsError(404, kind.not_exist_code, f"{kind.subject_of(name)} does not exist")
        return _document(row)

    def of(self, project_id: int, kind: Kind) -> list[Document]:
        """The documents of a project, by name."""
        rows = self._database.execute(
            "select * from document where project_id = ? and kind = ? order by name", (project_id, kind.word)
        )
        return [_document(row) for row in rows]

    def replace(self, project_id: int, kind: Kind, name: str, body: Mapping[str, Any]) -> None:
        """Put a new body in the place of the old one. Raises `SlsError` with the code of its kind."""
        self.get(project_id, kind, name)
        if body.get(kind.name_field, name) != name:
            raise parameter_invalid(f"{kind.name_field} cannot be changed from {name}.")
        with self._database:
            self._database.execute(
                "update document set body = ?, modified_at = ?"
                " where project_id = ? and kind = ? and name = ?",
                (orjson.dumps(body).decode(), int(self._clock()), project_id, kind.word, name),
            )

    def delete(self, project_id: int, kind: Kind, name: str) -> None:
        """Raises `SlsError` with the code of its kind."""
        self.get(project_id, kind, name)
        with self._database:
            self._database.execute(
                "delete from document where project_id = ? and kind = ? and name = ?",
                (project_id, kind.word, name),
            )


def _name(kind: Kind, body: Mapping[str, Any]) -> str:
    name = body.get(kind.name_field)
    if not isinstance(name, str) or not 2 <= len(name) <= kind.longest_name:
        text = f"The {kind.word} name is invalid: {name} has to have 2 to {kind.longest_name} characters"
        raise SlsError(400, kind.invalid_name_code, text)
    return name


def _document(row: sqlite3.Row) -> Document:
    return Document(row["name"], orjson.loads(row["body"]), row["created_at"], row["modified_at"])
