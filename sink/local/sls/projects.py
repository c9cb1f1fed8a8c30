"""Projects: what holds logstores, dashboards and the rest, and belongs to one account.

Names are unique across all accounts, as on the real service, where a project name is a host name. So a
stranger who asks for somebody's project learns that it is not theirs, and cannot create it either
("Project interfaces" of the API reference).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from sink.local.sls.errors import SlsError, parameter_invalid, project_not_exist, unauthorized
from sink.local.sls.names import is_project_name
from sink.local.wire import Clock

REGION = "local"


class Projects:
    """The projects of all accounts. Times are whole seconds since the epoch."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, account_id: str, document: Mapping[str, Any]) -> None:
        """CreateProject. Raises `SlsError`: ParameterInvalid, ProjectAlreadyExist."""
        name, now = document.get("projectName"), int(self._clock())
        if not is_project_name(name):
            raise parameter_invalid(f"projectName {name} is invalid: 3 to 63 of a-z, 0-9 and inner hyphens.")
        optional = [_text(document, key) for key in ("description", "resourceGroupId")]
        redundancy = _text(document, "dataRedundancyType") or "LRS"
        try:
            with self._database:
                self._database.execute(
                    "insert into project (name, account_id, description, resource_group_id,"
                    " data_redundancy_type, created_at, modified_at) values (?, ?, ?, ?, ?, ?, ?)",
                    (name, account_id, *optional, redundancy, now, now),
                )
        except sqlite3.IntegrityError as error:
            raise SlsError(400, "ProjectAlreadyExist", f"Project {name} already exist.") from error

    def find(self, account_id: str, name: str) -> int:
        """The number of an account's project. Raises `SlsError`: ProjectNotExist, Unauthorized."""
        row = self._database.execute("select id, account_id from project where name = ?", (name,)).fetchone()
        if row is None:
            raise project_not_exist(name)
        if row["account_id"] != account_id:
            raise unauthorized("The project does not belong to you.")
        return int(row["id"])

    def get(self, project_id: int) -> dict[str, Any]:
        """GetProject's document."""
        row = self._database.execute("select * from project where id = ?", (project_id,)).fetchone()
        return _document(row)

    def of(self, account_id: str, name_part: str) -> list[dict[str, Any]]:
        """ListProject's documents, by name; those whose name contains `name_part`."""
        rows = self._database.execute(
            "select * from project where account_id = ? and instr(name, ?) > 0 order by name",
            (account_id, name_part),
        )
        return [_document(row) for row in rows]

    def update(self, project_id: int, document: Mapping[str, Any]) -> None:
        """UpdateProject: the description. Raises `SlsError`: ParameterInvalid."""
        with self._database:
            self._database.execute(
                "update project set description = ?, modified_at = ? where id = ?",
                (_text(document, "description"), int(self._clock()), project_id),
            )

    def delete(self, project_id: int) -> None:
        """DeleteProject, with everything in it."""
        with self._database:
            self._database.execute("delete from project where id = ?", (project_id,))


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name) or ""
    if not isinstance(value, str):
        raise parameter_invalid(f"{name} has to be text.")
    return value


def _document(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "projectName": row["name"],
        "status": "Normal",
        "owner": row["account_id"],
        "description": row["description"],
        "region": REGION,
        "createTime": str(row["created_at"]),
        "lastModifyTime": str(row["modified_at"]),
        "resourceGroupId": row["resource_group_id"],
        "dataRedundancyType": row["data_redundancy_type"],
    }
