"""The operations on queues and on the account, between XML and `Queues`.

Attribute names and answers are those of the pages "CreateQueue" to "ListQueue". Python's SDK refuses a
GetQueueAttributes answer that lacks any of its twelve elements.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from sink.local.mns import xml
from sink.local.mns.attributes import QUEUE_DEFAULTS, read_attributes
from sink.local.mns.calls import Call, Handler, document_response, list_response, location_response
from sink.local.mns.messages import Messages
from sink.local.mns.polling import Arrivals
from sink.local.mns.resources import Resource, Resources
from sink.local.wire import Response


class QueueApi:
    """Answers for the operations that concern queues as a whole."""

    def __init__(
        self, database: sqlite3.Connection, queues: Resources, messages: Messages, arrivals: Arrivals
    ) -> None:
        self._database = database
        self._queues = queues
        self._messages = messages
        self._arrivals = arrivals

    def handlers(self) -> Mapping[str, Handler]:
        """The operations by the vendor's names."""
        return {
            "CreateQueue": self.create_queue,
            "SetQueueAttributes": self.set_queue_attributes,
            "GetQueueAttributes": self.get_queue_attributes,
            "ListQueue": self.list_queue,
            "DeleteQueue": self.delete_queue,
            "SetAccountAttributes": self.set_account_attributes,
            "GetAccountAttributes": self.get_account_attributes,
            "OpenService": self.open_service,
        }

    async def create_queue(self, call: Call) -> Response:
        """201 for a new queue, 204 for one that is there with the same attributes, else 409."""
        name = call.names[0]
        created = self._queues.create(
            call.account_id, name, read_attributes(QUEUE_DEFAULTS, call.optional_values("Queue"))
        )
        return location_response(created, call.url("queues", name))

    async def set_queue_attributes(self, call: Call) -> Response:
        """204. Waiting receivers look again, as the change may concern them."""
        queue = self._queues.get(call.account_id, call.names[0])
        self._queues.update(queue, read_attributes(QUEUE_DEFAULTS, call.optional_values("Queue")))
        self._arrivals.ring(queue.id)
        return Response(204)

    async def get_queue_attributes(self, call: Call) -> Response:
        """200 with attributes and message counts."""
        queue = self._queues.get(call.account_id, call.names[0])
        return document_response(200, "Queue", xml.elements(self._meta(queue)))

    async def list_queue(self, call: Call) -> Response:
        """200 with the addresses, and with all attributes if `x-mns-with-meta` asks for them."""
        found = self._queues.find(call.account_id, call.prefix)

        def content(queue: Resource) -> str:
            url = {"QueueURL": call.url("queues", queue.name)}
            return xml.elements({**url, **self._meta(queue)} if call.with_meta else url)

        return list_response(call, "Queue", found, content)

    async def delete_queue(self, call: Call) -> Response:
        """204, whether the queue was there or not."""
        for queue in self._queues.named(call.account_id, call.names[0]):
            self._messages.purge(queue)
            self._queues.delete(queue)
            self._arrivals.ring(queue.id)
        return Response(204)

    async def set_account_attributes(self, call: Call) -> Response:
        """204. LoggingBucket is kept and shown; nothing is logged to it."""
        bucket = call.optional_values("Account").get("LoggingBucket", "")
        with self._database:
            self._database.execute("insert or replace into account values (?, ?)", (call.account_id, bucket))
        return Response(204)

    async def get_account_attributes(self, call: Call) -> Response:
        """200 with LoggingBucket."""
        query = "select logging_bucket from account where account_id = ?"
        row = self._database.execute(query, (call.account_id,)).fetchone()
        return document_response(200, "Account", xml.elements({"LoggingBucket": row[0] if row else ""}))

    async def open_service(self, call: Call) -> Response:
        """200: the service is always open here."""
        return document_response(200, "OpenService", xml.elements({"OrderId": call.account_id}))

    def _meta(self, queue: Resource) -> dict[str, object]:
        counts = self._messages.counts(queue)
        return {
            "QueueName": queue.name,
            "CreateTime": queue.created_at,
            "LastModifyTime": queue.modified_at,
            **queue.attributes,
            "ActiveMessages": counts.active,
            "InactiveMessages": counts.inactive,
            "DelayMessages": counts.delayed,
        }
