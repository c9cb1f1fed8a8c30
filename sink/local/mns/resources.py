"""What MNS knows by name: queues and topics of an account, subscriptions of a topic. No HTTP here.

All three live the same way: created once, again only with the same attributes, overridden, listed by prefix,
deleted. They differ in the word for them, which is also how the vendor's error codes are built
(`QueueNotExist`, `TopicAlreadyExist`), and in their attributes, which are kept as one JSON text since
nothing ever looks for them. All are held in memory too: every request looks one up, there are few,
and this process is the only writer.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sink.local.mns.errors import MnsError, already_exist, not_exist
from sink.local.wire import Clock

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
MAXIMUM_NAME_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Resource:
    """A queue, topic or subscription. `owner` is an account id, or of a subscription `ACCOUNT/TOPIC`.

    Attributes have the vendor's names. Times are whole seconds since the epoch, as the vendor shows them.
    """

    id: int
    owner: str
    name: str
    attributes: Mapping[str, Any]
    created_at: int
    modified_at: int


class Resources:
    """All resources of one kind: `Queue`, `Topic` or `Subscription`."""

    def __init__(
        self, kind: str, defaults: Mapping[str, Any], database: sqlite3.Connection, clock: Clock
    ) -> None:
        self._kind = kind
        self._defaults = defaults
        self._database = database
        self._clock = clock
        columns = "id, owner, name, attributes, created_at, modified_at"
        rows = database.execute(f"select {columns} from resource where kind = ?", (kind,))
        self._resources = {(row["owner"], row["name"]): _resource(row) for row in rows}

    def create(self, owner: str, name: str, attributes: Mapping[str, Any]) -> bool:
        """Create a resource; tell whether it is new.

        False: it was there with the same attributes. Raises …AlreadyExist if they differ, and what the
        vendor raises for a name that cannot be.
        """
        _check_name(self._kind, name)
        wanted = {**self._defaults, **attributes}
        existing = self._resources.get((owner, name))
        if existing is None:
            self._insert(owner, name, wanted)
        elif existing.attributes != wanted:
            raise already_exist(self._kind)
        return existing is None

    def get(self, owner: str, name: str) -> Resource:
        """The resource of this name. Raises …NotExist."""
        resource = self._resources.get((owner, name))
        if resource is None:
            raise not_exist(self._kind)
        return resource

    def named(self, owner: str, name: str) -> list[Resource]:
        """The resource of this name, or nothing: deleting what is not there is no error to MNS."""
        resource = self._resources.get((owner, name))
        return [] if resource is None else [resource]

    def find(self, owner: str, prefix: str = "") -> list[Resource]:
        """The owner's resources whose names start so, sorted by name."""
        mine = (resource for resource in self._resources.values() if resource.owner == owner)
        return sorted((each for each in mine if each.name.startswith(prefix)), key=lambda each: each.name)

    def update(self, resource: Resource, attributes: Mapping[str, Any]) -> None:
        """Override some attributes."""
        merged = {**resource.attributes, **attributes}
        changed = replace(resource, attributes=merged, modified_at=int(self._clock()))
        with self._database:
            self._database.execute(
                "update resource set attributes = ?, modified_at = ? where id = ?",
                (json.dumps(merged), changed.modified_at, resource.id),
            )
        self._resources[resource.owner, resource.name] = changed

    def delete(self, resource: Resource) -> None:
        """Delete the resource itself; what hangs on it is the caller's business."""
        with self._database:
            self._database.execute("delete from resource where id = ?", (resource.id,))
        del self._resources[resource.owner, resource.name]

    def _insert(self, owner: str, name: str, attributes: Mapping[str, Any]) -> None:
        now = int(self._clock())
        with self._database:
            cursor = self._database.execute(
                "insert into resource (kind, owner, name, attributes, created_at, modified_at)"
                " values (?, ?, ?, ?, ?, ?)",
                (self._kind, owner, name, json.dumps(attributes), now, now),
            )
        assert cursor.lastrowid is not None
        self._resources[owner, name] = Resource(cursor.lastrowid, owner, name, attributes, now, now)


def _resource(row: sqlite3.Row) -> Resource:
    number, owner, name, attributes, created_at, modified_at = row
    return Resource(number, owner, name, json.loads(attributes), created_at, modified_at)


def _check_name(kind: str, name: str) -> None:
    if not 1 <= len(name) <= MAXIMUM_NAME_LENGTH:
        text = f"The length of {kind.lower()} name should between 1 and {MAXIMUM_NAME_LENGTH}."
        raise MnsError(400, f"{kind}NameLengthError", text)
    if not NAME.fullmatch(name):
        text = (
            f"The {kind.lower()} name you provided is invalid. {kind}Name takes letters, digits and hyphens."
        )
        raise MnsError(400, f"Invalid{kind}Name", text)
