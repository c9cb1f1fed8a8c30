"""Shards: how a logstore's hash keys are divided, and how that division changes.

A shard takes the keys of [inclusiveBeginKey, exclusiveEndKey), MD5 values as 32 hex digits; the very
last key belongs to the last shard although the range excludes it. Splitting and merging leave the old
shards readonly: they take no more logs, but theirs can be read until they expire ("Shards" of the
documentation). What stands in a shard is `shard_log.py`'s business.
"""

from __future__ import annotations

import itertools
import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.wire import Clock

LAST_KEY = "f" * 32
_KEY = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard. Sequences number its log groups: [`first_sequence`, `next_sequence`)."""

    store_id: int
    shard_id: int
    writable: bool
    begin_key: str
    end_key: str
    created_at: int
    first_sequence: int
    next_sequence: int

    @property
    def is_empty(self) -> bool:
        """Tell whether the shard has no log groups (any more)."""
        return self.first_sequence == self.next_sequence

    def comes_from(self, other: Shard) -> bool:
        """Tell whether this shard took over keys of `other` when that was split or merged."""
        overlaps = self.begin_key < other.end_key and other.begin_key < self.end_key
        return overlaps and not other.writable and other.shard_id < self.shard_id

    def document(self) -> dict[str, Any]:
        """The shard as ListShards shows it."""
        return {
            "shardID": self.shard_id,
            "status": "readwrite" if self.writable else "readonly",
            "inclusiveBeginKey": self.begin_key,
            "exclusiveEndKey": self.end_key,
            "createTime": self.created_at,
        }


class Shards:
    """The shards of all logstores."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._turn = itertools.count()

    def create(self, store_id: int, count: int) -> None:
        """Divide a new logstore evenly, inside the caller's transaction."""
        keys = _divide("0" * 32, LAST_KEY, count)
        for shard_id, (begin, end) in enumerate(itertools.pairwise(keys)):
            self._insert(store_id, shard_id, begin, end)

    def of(self, store_id: int) -> list[Shard]:
        """All shards of a logstore, in the order of their numbers."""
        rows = self._database.execute(
            "select * from shard where logstore_id = ? order by shard_id", (store_id,)
        )
        return [_shard(row) for row in rows]

    def find(self, store_id: int, shard_id: str) -> Shard:
        """Raises `SlsError`: ShardNotExist, ParameterInvalid for what is no number."""
        if not _NUMBER.fullmatch(shard_id):
            raise parameter_invalid(f"invalid shard id: {shard_id}.")
        row = self._database.execute(
            "select * from shard where logstore_id = ? and shard_id = ?", (store_id, int(shard_id))
        ).fetchone()
        if row is None:
            raise SlsError(400, "ShardNotExist", f"Shard {shard_id} does not exist.")
        return _shard(row)

    def balance(self, store_id: int) -> Shard:
        """A shard to write to, each in its turn."""
        writable = self._writable(store_id)
        return writable[next(self._turn) % len(writable)]

    def route(self, store_id: int, key: str) -> Shard:
        """The shard that takes a hash key. Raises `SlsError`: ParameterInvalid."""
        key = key.lower()
        if not _KEY.fullmatch(key):
            raise parameter_invalid(f"invalid hash key: {key} has to be 32 hex digits.")
        return next(
            shard
            for shard in self._writable(store_id)
            if shard.begin_key <= key < shard.end_key or shard.end_key == LAST_KEY == key
        )

    def split(self, shard: Shard, key: str, count: int) -> list[Shard]:
        """SplitShard at `key`, or evenly into `count` where it is empty; the shard itself comes first.

        Raises `SlsError`: ParameterInvalid.
        """
        _check_writable(shard, "split")
        inner = [key.lower()] if key else _divide(shard.begin_key, shard.end_key, count)[1:-1]
        if not inner or not all(_KEY.fullmatch(k) and shard.begin_key < k < shard.end_key for k in inner):
            raise parameter_invalid(
                f"invalid mid hash: {key} is not inside ({shard.begin_key}, {shard.end_key})."
            )
        with self._database:
            self._close(shard)
            new = self._next_id(shard.store_id)
            ranges = itertools.pairwise([shard.begin_key, *inner, shard.end_key])
            for shard_id, (begin, end) in enumerate(ranges, new):
                self._insert(shard.store_id, shard_id, begin, end)
        after = {found.shard_id: found for found in self.of(shard.store_id)}
        return [after[shard.shard_id], *(found for number, found in after.items() if number >= new)]

    def merge(self, shard: Shard) -> list[Shard]:
        """MergeShard with the neighbour to the right; the new shard comes first.

        Raises `SlsError`: ParameterInvalid.
        """
        _check_writable(shard, "merged")
        neighbour = next((s for s in self._writable(shard.store_id) if s.begin_key == shard.end_key), None)
        if neighbour is None:
            raise parameter_invalid("can not merge the last shard.")
        with self._database:
            self._close(shard)
            self._close(neighbour)
            new = self._next_id(shard.store_id)
            self._insert(shard.store_id, new, shard.begin_key, neighbour.end_key)
        after = {found.shard_id: found for found in self.of(shard.store_id)}
        return [after[new], after[shard.shard_id], after[neighbour.shard_id]]

    def _writable(self, store_id: int) -> list[Shard]:
        return [shard for shard in self.of(store_id) if shard.writable]

    def _next_id(self, store_id: int) -> int:
        row = self._database.execute("select max(shard_id) + 1 from shard where logstore_id = ?", (store_id,))
        return int(row.fetchone()[0])

    def _close(self, shard: Shard) -> None:
        self._database.execute(
            "update shard set status = 'readonly' where logstore_id = ? and shard_id = ?",
            (shard.store_id, shard.shard_id),
        )

    def _insert(self, store_id: int, shard_id: int, begin_key: str, end_key: str) -> None:
        # A fresh shard starts counting at its birth in nanoseconds, so that cursors look like the
        # vendor's and those of a deleted logstore do not fit a new one of the same name.
        now = self._clock()
        sequence = int(now * 1_000_000_000)
        self._database.execute(
            "insert into shard values (?, ?, 'readwrite', ?, ?, ?, ?, ?)",
            (store_id, shard_id, begin_key, end_key, int(now), sequence, sequence),
        )


def _divide(begin_key: str, end_key: str, count: int) -> list[str]:
    begin, end = int(begin_key, 16), int(end_key, 16) + 1 if end_key == LAST_KEY else int(end_key, 16)
    inner = [f"{begin + (end - begin) * part // count:032x}" for part in range(1, count)]
    return [begin_key, *inner, end_key]


def _check_writable(shard: Shard, what: str) -> None:
    if not shard.writable:
        raise parameter_invalid(f"invalid shard id. Shard {shard.shard_id} is readonly and cannot be {what}.")


def _shard(row: sqlite3.Row) -> Shard:
    return Shard(
        store_id=row["logstore_id"],
        shard_id=row["shard_id"],
        writable=row["status"] == "readwrite",
        begin_key=row["begin_key"],
        end_key=row["end_key"],
        created_at=row["created_at"],
        first_sequence=row["first_sequence"],
        next_sequence=row["next_sequence"],
    )
