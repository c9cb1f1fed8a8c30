"""The log of every shard: log groups in the order of their arrival, as they came.

This is where logs are safe. PutLogs appends here and is answered; consumers pull from here by cursor,
byte for byte what was put; the indexer reads from here by `position`, which counts over all shards.
A cursor is the base64 of a decimal number, as on the real service: official clients decode it and count
by one. It names the group that comes next, so the end cursor names the one that is still to be written.
Groups are kept as lz4 with their size in front: most arrive as lz4, and a shard shrinks to a fifth.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import lz4.block

from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.shards import Shard
from sink.local.wire import Clock

PULL_BYTES = 10 * 1024 * 1024
NEVER = 2**63 - 1
_SECONDS = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Pulled:
    """What PullLogs found: encoded log groups, and the cursor of the group after them."""

    groups: list[bytes]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Received:
    """One log group for the indexer, which unpacks it in its own thread."""

    position: int
    packed: bytes

    @property
    def size(self) -> int:
        """The bytes of the group, which lz4 keeps in front."""
        return int.from_bytes(self.packed[:4], "little")

    @property
    def group(self) -> bytes:
        """The group as encoded protobuf."""
        return bytes(lz4.block.decompress(self.packed))


class ShardLog:
    """The log groups of all shards. Times are whole seconds since the epoch."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def append(self, shard: Shard, group: bytes) -> None:
        """Write one encoded log group. It is safe from a kill -9 when this returns."""
        with self._database:
            sequence = self._database.execute(
                "update shard set next_sequence = next_sequence + 1 where logstore_id = ? and shard_id = ?"
                " returning next_sequence - 1",
                (shard.store_id, shard.shard_id),
            ).fetchone()[0]
            self._database.execute(
                "insert into log_group (logstore_id, shard_id, sequence, received_at, body)"
                " values (?, ?, ?, ?, ?)",
                (shard.store_id, shard.shard_id, sequence, int(self._clock()), lz4.block.compress(group)),
            )

    def pull(self, shard: Shard, cursor: str, count: int, end_cursor: str | None) -> Pulled:
        """Read up to `count` groups from `cursor` on, `end_cursor` excluded, at most PULL_BYTES.

        A cursor older than what is left starts at the oldest. Raises `SlsError`: InvalidCursor, and
        ParameterInvalid for what is no cursor.
        """
        sequence = max(_sequence(shard, cursor), shard.first_sequence)
        end = shard.next_sequence if end_cursor is None else max(_sequence(shard, end_cursor), sequence)
        groups: list[bytes] = []
        size = 0
        for group in self._groups(shard, sequence, min(end, sequence + count)):
            size += len(group)
            if groups and size > PULL_BYTES:
                break
            groups.append(group)
        return Pulled(groups, encode_cursor(sequence + len(groups)))

    def cursor(self, shard: Shard, from_: str) -> str:
        """GetCursor: of `begin`, `end`, or the first group received at a time.

        Raises `SlsError`: ParameterInvalid.
        """
        if from_ == "begin":
            return encode_cursor(shard.first_sequence)
        if from_ == "end":
            return encode_cursor(shard.next_sequence)
        if not _SECONDS.fullmatch(from_):
            raise parameter_invalid(f"Parameter From is not valid: {from_}.")
        row = self._database.execute(
            "select sequence from log_group where logstore_id = ? and shard_id = ? and received_at >= ?"
            " order by sequence limit 1",
            (shard.store_id, shard.shard_id, int(from_)),
        ).fetchone()
        return encode_cursor(shard.next_sequence if row is None else row["sequence"])

    def cursor_time(self, shard: Shard, cursor: str) -> int:
        """GetCursorTime: when the group was received; now for the end. Raises `SlsError`: InvalidCursor."""
        sequence = _sequence(shard, cursor)
        if sequence < shard.first_sequence:
            raise _out_of_range(cursor)
        row = self._database.execute(
            "select received_at from log_group where logstore_id = ? and shard_id = ? and sequence = ?",
            (shard.store_id, shard.shard_id, sequence),
        ).fetchone()
        return int(self._clock() if row is None else row["received_at"])

    def after(self, store_id: int, position: int, size: int) -> list[Received]:
        """The next groups of a logstore after a position, up to `size` bytes but at least one."""
        rows = self._database.execute(
            "select position, body from log_group where logstore_id = ? and position > ? order by position",
            (store_id, position),
        )
        batch: list[Received] = []
        while size > 0 and (row := rows.fetchone()):
            batch.append(Received(row["position"], row["body"]))
            size -= batch[-1].size
        return batch

    def expire(self, store_id: int, before: int) -> None:
        """Forget the groups received before a time: all up to the first that came later."""
        with self._database:
            self._database.execute(
                "delete from log_group where logstore_id = ?1 and position < coalesce((select position from"
                " log_group where logstore_id = ?1 and received_at >= ?2 order by position limit 1), ?3)",
                (store_id, before, NEVER),
            )
            self._database.execute(
                "update shard set first_sequence = coalesce((select min(sequence) from log_group"
                " where log_group.logstore_id = shard.logstore_id and log_group.shard_id = shard.shard_id),"
                " next_sequence) where logstore_id = ?",
                (store_id,),
            )

    def _groups(self, shard: Shard, begin: int, end: int) -> Iterator[bytes]:
        rows = self._database.execute(
            "select body from log_group where logstore_id = ? and shard_id = ?"
            " and sequence >= ? and sequence < ? order by sequence",
            (shard.store_id, shard.shard_id, begin, end),
        )
        return (lz4.block.decompress(row["body"]) for row in rows)


def encode_cursor(sequence: int) -> str:
    """The cursor of the log group that has this sequence in its shard."""
    return base64.b64encode(str(sequence).encode()).decode()


def _sequence(shard: Shard, cursor: str) -> int:
    try:
        sequence = int(base64.b64decode(cursor.strip(), validate=True))
    except (binascii.Error, ValueError) as error:
        raise parameter_invalid(f"Invalid cursor {cursor}.") from error
    if sequence > shard.next_sequence:
        raise _out_of_range(cursor)
    return sequence


def _out_of_range(cursor: str) -> SlsError:
    # Not ParameterInvalid: official consumers recover from a cursor out of range by this code.
    return SlsError(400, "InvalidCursor", f"Invalid cursor {cursor}: it is out of the range of the shard.")
