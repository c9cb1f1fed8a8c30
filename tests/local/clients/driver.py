"""Calls the `mns` package that is installed beside it on behalf of pytest, as driver.js calls Node clients.

It runs in an environment of its own, where `aliyun-mns` 1.1.5 is installed: the package's old name, still in
use, which prints the AccessKey secret to standard output on every request. So standard output is taken
away from it before it is imported, and only the answers of this program go there.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any


class Queue:
    """The calls of a consumer and a producer; answers are plain enough for JSON."""

    def __init__(self, url: str, key: str, secret: str, name: str) -> None:
        from mns.account import Account

        self._queue = Account(url, key, secret).get_queue(name)

    def create(self, visibility_timeout: int) -> str:
        from mns.queue import QueueMeta

        url: str = self._queue.create(QueueMeta(visibility_timeout))
        return url

    def attributes(self) -> dict[str, Any]:
        return dict(vars(self._queue.get_attributes()))

    def send(self, *bodies: str) -> list[str]:
        from mns.queue import Message

        return [one.message_id for one in self._queue.batch_send_message([Message(body) for body in bodies])]

    def receive(self) -> dict[str, Any]:
        return dict(vars(self._queue.receive_message()))

    def receive_raw(self, count: int) -> list[dict[str, Any]]:
        self._queue.set_encoding(False)
        return [dict(vars(one)) for one in self._queue.batch_receive_message(count)]

    def change_visibility(self, handle: str, seconds: int) -> dict[str, Any]:
        return dict(vars(self._queue.change_message_visibility(handle, seconds)))

    def delete(self, *handles: str) -> None:
        self._queue.batch_delete_message(list(handles))


def carry_out(request: dict[str, Any]) -> dict[str, Any]:
    """Do what a line asks; an exception of the client's is an answer too."""
    from mns.mns_exception import MNSExceptionBase

    try:
        queue = Queue(**request["options"])
        return {"result": getattr(queue, request["method"])(*request["args"])}
    except MNSExceptionBase as error:
        return {"error": {"code": error.type, "failures": getattr(error, "sub_errors", None)}}


def main() -> None:
    """Answer each line of standard input with one of standard output."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
        for line in sys.stdin:
            print(json.dumps(carry_out(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
