"""One embedded cloud for a module of tests, and official clients of other languages in processes beside it.

Each client is driven by a small program (`driver.js`, `driver.py`) that calls it by name, so that the
tests are written here, and what they judge is the client's own answer.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.local.clients.installed import node_modules
from tests.local.conftest import RunningCloud, running_cloud

HERE = Path(__file__).parent


class Refused(Exception):
    """The client reported an error; `details` is what it said of it."""

    def __init__(self, details: dict[str, Any]) -> None:
        super().__init__(json.dumps(details, ensure_ascii=False))
        self.details = details


class Driver:
    """A process that calls clients: one line of JSON out, one line of JSON in."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | environment,
            text=True,
            encoding="utf-8",
        )

    def call(self, client: str, options: dict[str, Any], method: str, *args: Any) -> Any:
        """Call one method of a client and return its result. Raises Refused with what the client reports."""
        assert self._process.stdin
        assert self._process.stdout
        request = {"client": client, "options": options, "method": method, "args": args}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if "error" in answer:
            raise Refused(answer["error"])
        return answer["result"]

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate(timeout=20)


@dataclass(frozen=True)
class Client:
    """One client object in the driver's process: `client("sendMessage", "queue", {...})`."""

    driver: Driver
    name: str
    options: dict[str, Any]

    def __call__(self, method: str, *args: Any) -> Any:
        return self.driver.call(self.name, self.options, method, *args)


def await_index(count: Callable[[], int], expected: int) -> None:
    """Ask until as many logs can be searched as were put: the index follows a moment later, as on SLS."""
    deadline = time.monotonic() + 20
    while (found := count()) != expected:
        assert time.monotonic() < deadline, f"{found} of {expected} logs are indexed"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCloud]:
    """An embedded cloud for all tests of a module: each uses queues and projects of its own."""
    with running_cloud(tmp_path_factory.mktemp("cloud"), index_latency_seconds=0) as running:
        yield running


@pytest.fixture(scope="module")
def node(cloud: RunningCloud) -> Iterator[Driver]:
    """The Node clients. Those that know no endpoint but the vendor's come by way of `http_proxy`.

    The one host that such a client is known to report to goes past the proxy, where a look-up of it is noted.
    """
    proxy = {"http_proxy": cloud.url, "no_proxy": "google-analytics.com"}
    modules = {"NODE_PATH": str(node_modules())}
    driver = Driver(["node", str(HERE / "driver.js")], modules | proxy)
    yield driver
    driver.close()
