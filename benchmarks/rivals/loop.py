"""The loop of the document that the project began from: one message at a time.

CloudMonitor's page "Process ECS status change events" receives one message, gives it to a listener and
deletes it. Here the listener stores the event in SLS, which the page leaves to the reader. One thread, one
client of each SDK, three requests an event.
"""

from __future__ import annotations

import json
from typing import Any

from aliyun.log import LogItem, PutLogsRequest
from mns.account import Account
from mns.mns_exception import MNSServerException

from benchmarks.clients import log_client, log_time
from benchmarks.place import LOGSTORE, PROJECT, QUEUE, TOPIC, keys, url

WAIT_SECONDS = 1


class Listener:
    """Stores every event that it is given."""

    def __init__(self) -> None:
        self._client = log_client(url(), *keys())

    def process(self, event: dict[str, Any], body: str) -> None:
        """One PutLogs for one event."""
        contents = [(name, str(value)) for name, value in event.items() if name != "content"]
        contents += [("content", json.dumps(event["content"])), ("body", body)]
        item = LogItem(log_time(event["eventTime"]), contents)
        self._client.put_logs(PutLogsRequest(PROJECT, LOGSTORE, TOPIC, "loop", [item]))


def main() -> None:
    """Receive, process, delete, until the queue is empty."""
    queue, listener = Account(url(), *keys()).get_queue(QUEUE), Listener()
    while True:
        try:
            message = queue.receive_message(wait_seconds=WAIT_SECONDS)
        except MNSServerException as error:
            if error.type == "MessageNotExist":
                return
            raise
        body = message.message_body.decode()
        listener.process(json.loads(body), body)
        queue.delete_message(message.receipt_handle)


if __name__ == "__main__":
    main()
