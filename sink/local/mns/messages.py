"""Messages in a queue: sent, received, hidden for a while, deleted. No HTTP and no waiting here.

A receipt handle names one delivery: message number and the number of the handle, base64 like the vendor's,
and ending in `=` like it, because clients have to cope with that. It is good until its message becomes
visible again; receiving again or changing the visibility counts the handle number up, which voids it.

Every operation is one transaction, and each begins by letting the clock do its work: hidden messages
whose time has come become ready, those past retention go. So no background task is needed, and what a
test's clock says holds at once.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from sink.local.mns.errors import message_not_exist, receipt_handle_error
from sink.local.mns.resources import Resource
from sink.local.wire import Clock

DEFAULT_PRIORITY = 8

COUNT_READY = "select count(*) from message indexed by message_ready where queue_id = ? and ready = 1"
COUNT_HIDDEN = (
    "select count(*), coalesce(sum(dequeue_count = 0), 0) from message indexed by message_hidden"
    " where queue_id = ? and ready = 0"
)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to send. `properties` is XML for consumers to see, opaque here."""

    body: str
    delay_seconds: int
    priority: int = DEFAULT_PRIORITY
    properties: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the queue holds it. Times are in milliseconds since the epoch."""

    id: int
    queue_id: int
    ready: int
    priority: int
    body: str
    properties: str
    enqueued_at_ms: int
    visible_at_ms: int
    first_dequeued_at_ms: int
    dequeue_count: int
    handle_number: int

    @property
    def message_id(self) -> str:
        """Looks like the vendor's: hexadecimal, with hyphens, unique in this service."""
        return f"{self.queue_id:016X}-1-{self.enqueued_at_ms:X}-{self.id:09X}"

    @property
    def body_md5(self) -> str:
        """Upper-case hexadecimal, as MNS writes it."""
        return hashlib.md5(self.body.encode()).hexdigest().upper()

    @property
    def receipt_handle(self) -> str:
        """The handle of the present delivery."""
        text = f"{self.id}-{self.handle_number}-{self.priority}"
        text += "-" * (len(text) % 3 == 0)
        return f"{self.priority}-{base64.b64encode(text.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Counts:
    """How many messages may be received, are in some consumer's hand, wait for their delay to end."""

    active: int
    inactive: int
    delayed: int


class Messages:
    """The messages of all queues."""

    def __init__(self, database: sqlite3.Connection, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def send(self, queue: Resource, outgoing: Sequence[Outgoing]) -> list[Message]:
        """Put messages into the queue, in one transaction."""
        now = self._now_ms()
        with self._database:
            return [self._insert(queue.id, now, message) for message in outgoing]

    def receive(self, queue: Resource, count: int) -> list[Message]:
        """Take up to `count` ready messages, most urgent first, and hide them for a while."""
        now = self._now_ms()
        with self._database:
            self._advance(queue, now)
            rows = self._database.execute(
                "update message set ready = 0, visible_at_ms = ?, dequeue_count = dequeue_count + 1,"
                " handle_number = handle_number + 1,"
                " first_dequeued_at_ms = iif(dequeue_count = 0, ?, first_dequeued_at_ms)"
                " where id in (select id from message where queue_id = ? and ready = 1"
                " order by priority, id limit ?) returning *",
                (now + queue.attributes["VisibilityTimeout"] * 1000, now, queue.id, count),
            ).fetchall()
        return sorted((Message(*row) for row in rows), key=lambda message: (message.priority, message.id))

    def peek(self, queue: Resource, count: int) -> list[Message]:
        """Look at up to `count` ready messages, most urgent first, and leave them as they are."""
        with self._database:
            self._advance(queue, self._now_ms())
        rows = self._database.execute(
            "select * from message where queue_id = ? and ready = 1 order by priority, id limit ?",
            (queue.id, count),
        )
        return [Message(*row) for row in rows]

    def delete(self, queue: Resource, handles: Sequence[str]) -> list[str]:
        """Remove the messages that these handles hold; return the handles that held none."""
        now = self._now_ms()
        with self._database:
            return [handle for handle in handles if not self._delete(queue, handle, now)]

    def change_visibility(self, queue: Resource, handle: str, seconds: int) -> Message:
        """Hide a message until `seconds` from now. The answer has a new handle, the old one is void.

        Raises ReceiptHandleError, or MessageNotExist if the message has been deleted.
        """
        message_id, number = _parse_handle(handle)
        now = self._now_ms()
        with self._database:
            rows = self._database.execute(
                "update message set visible_at_ms = ?, handle_number = handle_number + 1 where id = ?"
                " and queue_id = ? and handle_number = ? and ready = 0 and visible_at_ms > ? returning *",
                (now + seconds * 1000, message_id, queue.id, number, now),
            ).fetchall()
        if not rows:
            deleted = message_id and not self._exists(queue, message_id)
            raise message_not_exist() if deleted else receipt_handle_error()
        return Message(*rows[0])

    def purge(self, queue: Resource) -> None:
        """Remove all messages of a queue."""
        with self._database:
            self._database.execute("delete from message where queue_id = ?", (queue.id,))

    def counts(self, queue: Resource) -> Counts:
        """Count the queue's messages."""
        with self._database:
            self._advance(queue, self._now_ms())
        (active,) = self._database.execute(COUNT_READY, (queue.id,)).fetchone()
        hidden, delayed = self._database.execute(COUNT_HIDDEN, (queue.id,)).fetchone()
        return Counts(active, hidden - delayed, delayed)

    def next_due(self, queue: Resource) -> float | None:
        """When the next hidden message becomes visible, in seconds since the epoch. None: nothing hidden."""
        (due,) = self._database.execute(
            "select min(visible_at_ms) from message where queue_id = ? and ready = 0", (queue.id,)
        ).fetchone()
        return None if due is None else due / 1000

    def _insert(self, queue_id: int, now: int, message: Outgoing) -> Message:
        delayed = message.delay_seconds > 0
        visible_at = now + message.delay_seconds * 1000
        values = (
            queue_id,
            not delayed,
            message.priority,
            message.body,
            message.properties,
            now,
            visible_at,
            delayed,
        )
        cursor = self._database.execute(
            "insert into message (queue_id, ready, priority, body, properties, enqueued_at_ms,"
            " visible_at_ms, handle_number) values (?, ?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        assert cursor.lastrowid is not None
        return Message(cursor.lastrowid, *values[:-1], 0, 0, int(delayed))

    def _delete(self, queue: Resource, handle: str, now: int) -> bool:
        message_id, number = _parse_handle(handle)
        cursor = self._database.execute(
            "delete from message where id = ? and queue_id = ? and handle_number = ? and ready = 0"
            " and visible_at_ms > ?",
            (message_id, queue.id, number, now),
        )
        return cursor.rowcount == 1

    def _advance(self, queue: Resource, now: int) -> None:
        self._expire(queue, now - queue.attributes["MessageRetentionPeriod"] * 1000)
        self._database.execute(
            "update message set ready = 1 where queue_id = ? and ready = 0 and visible_at_ms <= ?",
            (queue.id, now),
        )

    def _expire(self, queue: Resource, enqueued_until_ms: int) -> None:
        """Walk from the oldest message and stop at the first that is kept."""
        rows = self._database.execute(
            "select id, enqueued_at_ms from message indexed by message_by_age where queue_id = ? order by id",
            (queue.id,),
        )
        expired = takewhile(lambda row: row["enqueued_at_ms"] <= enqueued_until_ms, rows)
        numbers = [(row["id"],) for row in expired]
        self._database.executemany("delete from message where id = ?", numbers)

    def _exists(self, queue: Resource, message_id: int) -> bool:
        query = "select 1 from message where id = ? and queue_id = ?"
        return self._database.execute(query, (message_id, queue.id)).fetchone() is not None

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def _parse_handle(handle: str) -> tuple[int, int]:
    """Read message number and handle number. A forged handle reads as zeros, which no message has."""
    try:
        text = base64.b64decode(handle.partition("-")[2], validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return 0, 0
    match = re.fullmatch(r"(\d{1,18})-(\d{1,18})-\d+-?", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)
