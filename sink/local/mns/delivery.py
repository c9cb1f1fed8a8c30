"""Messages into queues from inside: a topic's notifications, and the fleet's events.

The same two steps as for a client's send: store, then wake who waits.
"""

from __future__ import annotations

from sink.local.mns.messages import Messages, Outgoing
from sink.local.mns.polling import Arrivals
from sink.local.mns.resources import Resources


class Delivery:
    """Puts messages into queues."""

    def __init__(self, queues: Resources, messages: Messages, arrivals: Arrivals) -> None:
        self._queues = queues
        self._messages = messages
        self._arrivals = arrivals

    def send(self, account_id: str, queue_name: str, body: str) -> None:
        """Put one message into a queue, with the queue's own delay. Raises `MnsError` QueueNotExist."""
        queue = self._queues.get(account_id, queue_name)
        self._messages.send(queue, [Outgoing(body, queue.attributes["DelaySeconds"])])
        self._arrivals.ring(queue.id)
