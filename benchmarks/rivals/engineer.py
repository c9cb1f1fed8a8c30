"""A good engineer's version: the official SDKs, sixteen threads, sixteen messages a receive.

Each thread has clients of its own, because MNS's are not thread safe. A batch is received, stored with one
PutLogs and deleted with one call. Records are flat and complete, as somebody who wants to search them later
would have them; nothing is retried and nothing is quarantined.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from aliyun.log import LogClient, LogItem, PutLogsRequest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Message, Queue

from benchmarks.clients import log_client, log_time
from benchmarks.place import LOGSTORE, PROJECT, QUEUE, TOPIC, keys, url

THREADS = 16
BATCH = 16
WAIT_SECONDS = 1


def work() -> None:
    """One thread, until the queue is empty."""
    queue = Account(url(), *keys()).get_queue(QUEUE)
    client = log_client(url(), *keys())
    while messages := receive(queue):
        store(client, messages)
        queue.batch_delete_message([message.receipt_handle for message in messages])


def receive(queue: Queue) -> list[Message]:
    """A batch, or none from an empty queue."""
    try:
        batch: list[Message] = queue.batch_receive_message(BATCH, WAIT_SECONDS)
    except MNSServerException as error:
        if error.type == "MessageNotExist":
            return []
        raise
    return batch


def store(client: LogClient, messages: list[Message]) -> None:
    """One PutLogs for the batch."""
    items = [log_item(message) for message in messages]
    client.put_logs(PutLogsRequest(PROJECT, LOGSTORE, TOPIC, "engineer", items))


def log_item(message: Message) -> LogItem:
    """A message's record, at the event's own time."""
    event = json.loads(message.message_body)
    contents = fields(event)
    contents += [
        ("content", json.dumps(event["content"], ensure_ascii=False)),
        ("body", message.message_body.decode()),
        ("message_id", message.message_id),
        ("dequeue_count", str(message.dequeue_count)),
        ("received_at", str(int(time.time() * 1000))),
    ]
    return LogItem(log_time(event["eventTime"]), contents)


def fields(event: dict[str, Any]) -> list[tuple[str, str]]:
    """What can be searched for."""
    content = event["content"]
    kind, _, status = event["name"].partition(":")[2].partition(":")
    found = {
        "event_id": event["id"],
        "product": event["product"],
        "name": event["name"],
        "kind": kind,
        "status": status or event["status"],
        "state": content.get("state"),
        "level": event["level"],
        "region_id": event["regionId"],
        "account_id": event["userId"],
        "resource_arn": event["resourceId"],
        "resource_id": event["resourceId"].rpartition("/")[2],
        "instance_id": content.get("instanceId") or content.get("resourceId"),
        "instance_name": content.get("instanceName") or event["instanceName"],
        "instance_type": content.get("instanceType"),
        "event_time": event["eventTime"],
    }
    return [(name, value) for name, value in found.items() if value]


def main() -> None:
    """Sixteen threads; the first error ends the program."""
    with ThreadPoolExecutor(THREADS) as threads:
        for done in [threads.submit(work) for _ in range(THREADS)]:
            done.result()


if __name__ == "__main__":
    main()
