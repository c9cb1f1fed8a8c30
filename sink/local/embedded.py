"""Use the embedded cloud of a folder, starting it if need be and letting it go afterwards.

`sink run` on the configuration as shipped enters `attach(data)` and talks to `url` like to any endpoint. All
users of one folder share one process, which ends by itself when the last of them is gone, be it by
kill -9: each holds a connection open (`holders.py`). The process has a session of its own, so that
Ctrl-C in a terminal reaches its user first, who may still need it to stop in good order.

Only the standard library is imported, since every start of the command line imports this.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from sink.local.folder import Address, address

PATIENCE_SECONDS = 10.0
EXIT_IN_USE = 75


class CloudNotStarted(Exception):
    """The embedded cloud did not come up; the text names its log."""


class Attached:
    """A held embedded cloud. A context manager; leaving it lets the cloud go."""

    def __init__(self, where: Address, hold: HTTPConnection) -> None:
        self.url = where.url
        self._where = where
        self._holds = [hold]

    def __enter__(self) -> Attached:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def let_fleet_live(self, size: int, speed: float, queue: str) -> None:
        """Have a fleet tell its events to the queue, until the cloud is let go. Raises CloudNotStarted."""
        hold = _hold(self._where, f"?fleet={size}&speed={speed}&queue={queue}")
        if hold is None:
            raise CloudNotStarted(f"the embedded cloud at {self.url} went away")
        self._holds.append(hold)

    def close(self) -> None:
        """Let the cloud go."""
        for hold in self._holds:
            hold.close()


def attach(data: Path, options: Sequence[str] = (), meanwhile: Callable[[], None] = lambda: None) -> Attached:
    """Hold the cloud of this folder. For one that has to be started, `options` are those of `sink local`, and
    what is to be done `meanwhile` is done while it starts.

    Waits up to ten seconds for a predecessor that is still closing. Raises CloudNotStarted.
    """
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        where = address(data)
        hold = where and _hold(where)
        if not hold:
            where = _start(data, options, meanwhile)
            hold = where and _hold(where)
        if where and hold:
            return Attached(where, hold)
        time.sleep(0.1)  # the predecessor's lock: the kernel has no waiting for it with a limit
    raise CloudNotStarted(f"{data} is in use by a process that does not answer; see {data / 'cloud.log'}")


def _hold(where: Address, query: str = "") -> HTTPConnection | None:
    """Open a hold and read its one line, the process id: a stale address's port may be taken by another."""
    connection = HTTPConnection(urlsplit(where.url).netloc, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", f"/_local/hold{query}")
        if connection.getresponse().readline() == b"%d\n" % where.pid:
            return connection
    except (OSError, HTTPException):
        pass
    connection.close()
    return None


def _start(data: Path, options: Sequence[str], meanwhile: Callable[[], None]) -> Address | None:
    """Start a cloud and wait until it is ready, busy meanwhile. None: another process has the folder."""
    data.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "sink.local", "--until-unused", "--data", str(data), *options]
    with (data / "cloud.log").open("ab") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, start_new_session=True
        )
    assert process.stdout is not None
    with process.stdout:
        meanwhile()
        line = process.stdout.readline().decode()
    if line.startswith("ready "):
        threading.Thread(target=process.wait, name="reap cloud", daemon=True).start()
        return Address(line.removeprefix("ready ").strip(), process.pid)
    if process.wait() != EXIT_IN_USE:
        raise CloudNotStarted(
            f"the embedded cloud ended with exit code {process.returncode}; see {data / 'cloud.log'}"
        )
    return None
