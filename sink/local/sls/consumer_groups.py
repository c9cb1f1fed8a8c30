"""Consumer groups: several consumers that read one logstore together, shard by shard.

A consumer lives as long as it sends heartbeats and is forgotten `timeout` seconds after its last one;
its shards then go to the others ("Consumer group interfaces" of the API reference). Checkpoints are
cursors that consumers leave behind. In an `order`ed group the shards of a split or merge wait until the
shards they came from have been read to the end.
"""

from __future__ import annotations

import base64
import binascii
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sink.local.sls.errors import SlsError
from sink.local.sls.shard_log import encode_cursor
from sink.local.sls.shard_sharing import Holding, hand_out
from sink.local.sls.shards import Shard
from sink.local.wire import Clock


@dataclass(frozen=True, slots=True)
class ConsumerGroup:
    """A consumer group as found."""

    group_id: int
    name: str
    timeout_seconds: int
    in_order: bool


class ConsumerGroups:
    """The consumer groups of all logstores."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def create(self, store_id: int, document: Mapping[str, Any]) -> None:
        """CreateConsumerGroup. Raises `SlsError`: JsonInfoInvalid, ConsumerGroupAlreadyExist."""
        name = document.get("consumerGroup")
        timeout, in_order = _settings(document, None)
        if not isinstance(name, str) or not name:
            raise _invalid()
        try:
            with self._database:
                self._database.execute(
                    "insert into consumer_group (logstore_id, name, timeout_seconds, in_order)"
                    " values (?, ?, ?, ?)",
                    (store_id, name, timeout, in_order),
                )
        except sqlite3.IntegrityError as error:
            raise SlsError(400, "ConsumerGroupAlreadyExist", "consumer group already exist") from error

    def find(self, store_id: int, name: str) -> ConsumerGroup:
        """Raises `SlsError`: ConsumerGroupNotExist."""
        row = self._database.execute(
            "select * from consumer_group where logstore_id = ? and name = ?", (store_id, name)
        ).fetchone()
        if row is None:
            raise SlsError(404, "ConsumerGroupNotExist", f"consumer group {name} not exist")
        return _group(row)

    def of(self, store_id: int) -> list[ConsumerGroup]:
        """The consumer groups of a logstore, by name."""
        rows = self._database.execute(
            "select * from consumer_group where logstore_id = ? order by name", (store_id,)
        )
        return [_group(row) for row in rows]

    def update(self, group: ConsumerGroup, document: Mapping[str, Any]) -> None:
        """UpdateConsumerGroup; what is not given stays. Raises `SlsError`: JsonInfoInvalid."""
        timeout, in_order = _settings(document, group)
        with self._database:
            self._database.execute(
                "update consumer_group set timeout_seconds = ?, in_order = ? where id = ?",
                (timeout, in_order, group.group_id),
            )

    def delete(self, group: ConsumerGroup) -> None:
        """DeleteConsumerGroup, with its checkpoints."""
        with self._database:
            self._database.execute("delete from consumer_group where id = ?", (group.group_id,))

    def heartbeat(
        self, group: ConsumerGroup, consumer: str, reported: list[int], shards: list[Shard]
    ) -> list[int]:
        """HeartBeat: note that a consumer lives, and return the shards that it is to work on.

        Raises `SlsError`: NotExistConsumerWithBody for a consumer that was forgotten and still reports
        shards; it has to let them go before it may come back.
        """
        with self._database:
            self._forget_silent(group)
            if reported and consumer not in self._consumers(group):
                text = "Non-exist consumer with non-empty body of heartbeat message."
                raise SlsError(400, "NotExistConsumerWithBody", text)
            self._database.execute(
                "insert or replace into consumer values (?, ?, ?)", (group.group_id, consumer, self._clock())
            )
            ready = [shard.shard_id for shard in shards if self._is_ready(group, shard, shards)]
            held = hand_out(consumer, self._consumers(group), ready, self._holdings(group), reported)
            self._hold(group, consumer, held)
        return [holding.shard_id for holding in held if not holding.revoked]

    def set_checkpoint(
        self, group: ConsumerGroup, shard_id: int, checkpoint: str, consumer: str, force: bool
    ) -> None:
        """UpdateCheckPoint. Raises `SlsError`: InvalidShardCheckPoint, ConsumerNotExist unless `force`."""
        try:
            base64.b64decode(checkpoint, validate=True)
        except (binascii.Error, ValueError) as error:
            raise SlsError(400, "InvalidShardCheckPoint", "shard checkpoint not encoded by base64") from error
        if not force and consumer not in self._consumers(group):
            raise SlsError(404, "ConsumerNotExist", "consumer not exist in the consumer group")
        with self._database:
            self._database.execute(
                "insert or replace into checkpoint values (?, ?, ?, ?, ?)",
                (group.group_id, shard_id, checkpoint, consumer, int(self._clock() * 1_000_000)),
            )

    def checkpoints(self, group: ConsumerGroup, shards: list[Shard]) -> list[dict[str, Any]]:
        """GetCheckPoint: where each of these shards was left, an empty text where it never was."""
        rows = self._database.execute(
            "select * from checkpoint where consumer_group_id = ?", (group.group_id,)
        )
        left = {row["shard_id"]: row for row in rows}
        return [_checkpoint(shard.shard_id, left.get(shard.shard_id)) for shard in shards]

    def _is_ready(self, group: ConsumerGroup, shard: Shard, shards: list[Shard]) -> bool:
        if not group.in_order:
            return True
        parents = [parent for parent in shards if shard.comes_from(parent)]
        left = self.checkpoints(group, parents)
        return all(
            parent.is_empty or mark["checkpoint"] == encode_cursor(parent.next_sequence)
            for parent, mark in zip(parents, left, strict=True)
        )

    def _forget_silent(self, group: ConsumerGroup) -> None:
        self._database.execute(
            "delete from consumer where consumer_group_id = ? and seen_at < ?",
            (group.group_id, self._clock() - group.timeout_seconds),
        )
        self._database.execute(
            "delete from assignment where consumer_group_id = ?1"
            " and consumer not in (select name from consumer where consumer_group_id = ?1)",
            (group.group_id,),
        )

    def _consumers(self, group: ConsumerGroup) -> list[str]:
        rows = self._database.execute(
            "select name from consumer where consumer_group_id = ?", (group.group_id,)
        )
        return [row["name"] for row in rows]

    def _holdings(self, group: ConsumerGroup) -> list[Holding]:
        rows = self._database.execute(
            "select * from assignment where consumer_group_id = ? order by shard_id", (group.group_id,)
        )
        return [Holding(row["shard_id"], row["consumer"], bool(row["revoked"])) for row in rows]

    def _hold(self, group: ConsumerGroup, consumer: str, holdings: list[Holding]) -> None:
        self._database.execute(
            "delete from assignment where consumer_group_id = ? and consumer = ?", (group.group_id, consumer)
        )
        self._database.executemany(
            "insert into assignment values (?, ?, ?, ?)",
            [(group.group_id, held.shard_id, consumer, held.revoked) for held in holdings],
        )


def _settings(document: Mapping[str, Any], known: ConsumerGroup | None) -> tuple[int, bool]:
    timeout = document.get("timeout", known.timeout_seconds if known else None)
    in_order = document.get("order", known.in_order if known else False)
    if type(timeout) is not int or timeout <= 0 or type(in_order) is not bool:
        raise _invalid()
    return timeout, in_order


def _group(row: sqlite3.Row) -> ConsumerGroup:
    return ConsumerGroup(row["id"], row["name"], row["timeout_seconds"], bool(row["in_order"]))


def _checkpoint(shard_id: int, row: sqlite3.Row | None) -> dict[str, Any]:
    if row is None:
        return {"shard": shard_id, "checkpoint": "", "updateTime": 0, "consumer": ""}
    return {
        "shard": shard_id,
        "checkpoint": row["checkpoint"],
        "updateTime": row["updated_at_us"],
        "consumer": row["consumer"],
    }


def _invalid() -> SlsError:
    return SlsError(400, "JsonInfoInvalid", "consumerGroup or timeout is of error format")
