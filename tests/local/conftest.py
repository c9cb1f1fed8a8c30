"""A running embedded cloud for tests, and official clients for it.

`cloud` runs in a thread of the test's process, on a port and a folder of its own. `cloud_process` starts a
real process, for tests that kill it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from aliyun.log import LogClient
from mns.account import Account

from sink.local.accounts import DEFAULT_ACCOUNT_ID, AccessKey, Accounts
from sink.local.app import Cloud
from sink.local.server import serve

os.environ.setdefault("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")

STRANGER = AccessKey("2000000000000002", "stranger", "stranger-secret")
STS = AccessKey(DEFAULT_ACCOUNT_ID, "STS.local", "sts-secret", security_token="sts-token")
LAPSED = AccessKey(DEFAULT_ACCOUNT_ID, "STS.lapsed", "sts-secret", security_token="old-token", expires_at=1.0)
OWNER = AccessKey(DEFAULT_ACCOUNT_ID, "local", "local-secret")
ACCOUNTS = Accounts([OWNER, STRANGER, STS, LAPSED])


class Watch:
    """A clock that tests set forward: `watch.forward(seconds)`."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self._ahead

    def forward(self, seconds: float) -> None:
        self._ahead += seconds


@dataclass(frozen=True)
class RunningCloud:
    """An embedded cloud in a thread: its address, its clock, and the object for what only insiders do."""

    url: str
    clock: Watch
    cloud: Cloud
    loop: asyncio.AbstractEventLoop

    def call(self, work: Callable[[], Any]) -> Any:
        """Run `work` on the cloud's own thread and return its result."""

        async def on_loop() -> Any:
            return work()

        return asyncio.run_coroutine_threadsafe(on_loop(), self.loop).result(10)


@contextmanager
def running_cloud(data: Path, clock: Watch | None = None, **options: Any) -> Iterator[RunningCloud]:
    """Serve a cloud in a thread while the block runs."""
    clock = clock or Watch()
    started: Future[tuple[str, Cloud, asyncio.AbstractEventLoop]] = Future()

    async def run() -> None:
        cloud = Cloud(data, ACCOUNTS, clock, **options)
        loop = asyncio.get_running_loop()
        await serve(cloud, ready=lambda url: started.set_result((url, cloud, loop)))

    def target() -> None:
        try:
            asyncio.run(run())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    thread = threading.Thread(target=target, name="cloud")
    thread.start()
    try:
        url, cloud, loop = started.result(20)
        yield RunningCloud(url, clock, cloud, loop)
        loop.call_soon_threadsafe(cloud.stop)
    finally:
        thread.join(20)


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[RunningCloud]:
    """An embedded cloud of the test's own."""
    with running_cloud(tmp_path / "cloud") as running:
        yield running


def until_waiting(url: str, count: int = 1) -> None:
    """Return once so many requests wait for their answer: long polls that found nothing."""
    connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
    give_up_at, waiting = time.monotonic() + 10, 0
    while waiting < count:
        assert time.monotonic() < give_up_at, f"{waiting} of {count} wait"
        connection.request("GET", "/_local/")
        waiting = json.loads(connection.getresponse().read())["waiting"]
    connection.close()


class CloudProcess:
    """A real process: `url`, `kill()` as by kill -9, `terminate()` as by an init system."""

    def __init__(self, data: Path, *options: str) -> None:
        command = [sys.executable, "-m", "sink.local", "--data", str(data), *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.first_line = self.process.stdout.readline().rstrip("\n")
        self.url = self.first_line.removeprefix("ready ")

    def kill(self) -> None:
        """Kill -9, and wait until the process is gone."""
        self.process.kill()
        self.process.communicate(timeout=20)

    def terminate(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code, once the process has ended."""
        self.output, self.errors = self.process.communicate(timeout=20)
        return self.process.returncode


@pytest.fixture
def cloud_process(tmp_path: Path) -> Iterator[Callable[..., CloudProcess]]:
    """Start embedded clouds as processes over one folder: `cloud_process("--port", "0")`."""
    started: list[CloudProcess] = []

    def start(*options: str, data: Path = tmp_path / "cloud") -> CloudProcess:
        started.append(CloudProcess(data, *options))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture
def mns_account() -> Iterator[Callable[..., Account]]:
    """Official MNS clients: `mns_account(url)`, `mns_account(url, STRANGER)`. Bodies are sent as base64."""
    opened: list[Account] = []

    def connect(url: str, key: AccessKey = OWNER) -> Account:
        opened.append(Account(url, key.key_id, key.secret, key.security_token or ""))
        return opened[-1]

    yield connect
    for account in opened:
        account.get_client().close_connection()


@pytest.fixture
def log_client() -> Callable[..., LogClient]:
    """Official SLS clients: `log_client(url)`, `log_client(url, STRANGER)`.

    `_isRowIp` makes the client send the project as a header of Host instead of looking it up by DNS.
    """

    def connect(url: str, key: AccessKey = OWNER, **options: Any) -> LogClient:
        client = LogClient(url, key.key_id, key.secret, key.security_token, **options)
        setattr(client, "_isRowIp", True)  # noqa: B010
        return client

    return connect
