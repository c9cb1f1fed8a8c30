"""Run a rival against the canned server, and tell what it cost.

`throughput.py` calls `canned_server` once and `run_rival` for every row. Each rival is a process of its own
on the first core that this process may use; the server has the last. A rival starts behind a gate, so that
its number is known to the server before its first request.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson

from benchmarks.rivals import Rival

ROOT = Path(__file__).parent.parent
KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "local", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret"}
_GATE = ("sh", "-c", 'read _ && exec "$@"', "gate")
_END_SECONDS = 30
"""How long a rival may take to see that the queue is empty, and to end."""


class BenchmarkError(Exception):
    """A run that measured nothing: the rival failed, or did not do the whole work."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one rival, from its first receive to its last delete."""

    events: int
    seconds: float
    cpu_seconds: float
    server_cpu_seconds: float
    peak_megabytes: float
    requests: Mapping[str, int]

    @property
    def figures(self) -> dict[str, float]:
        """The figures of the table, by the names that the JSON has for them."""
        return {
            "events_per_second": self.events / self.seconds,
            "cpu_ms_per_event": 1000 * self.cpu_seconds / self.events,
            "requests_per_event": sum(self.requests.values()) / self.events,
            "peak_megabytes": self.peak_megabytes,
            "cpu_share": self.cpu_seconds / self.seconds,
            "server_cpu_share": self.server_cpu_seconds / self.seconds,
        }


@dataclass(frozen=True, slots=True)
class CannedServer:
    """The canned server's process, seen from outside."""

    url: str

    def begin(self, events: int, latency_ms: float, pid: int, receivers: int = 1) -> None:
        """Begin a run: so many messages, for this process, once so many receive. Raises BenchmarkError."""
        run = {"events": events, "latency_seconds": latency_ms / 1000, "pid": pid, "receivers": receivers}
        self._ask("PUT", orjson.dumps(run))

    def report(self) -> Mapping[str, Any]:
        """What the run came to. Raises BenchmarkError."""
        found: Mapping[str, Any] = orjson.loads(self._ask("GET"))
        return found

    def _ask(self, method: str, body: bytes = b"") -> bytes:
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=60)
        try:
            connection.request(method, "/_bench", body)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchmarkError(f"the canned server answered {answer.status}: {text.decode()}")
        return text


@contextmanager
def canned_server() -> Iterator[CannedServer]:
    """A canned server while the block runs."""
    command = [sys.executable, "-m", "benchmarks.canned"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            os.sched_setaffinity(process.pid, {cores()[-1]})
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            if not port:
                raise BenchmarkError("the canned server did not start")
            yield CannedServer(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def run_rival(
    rival: Rival, server: CannedServer, events: int, latency_ms: float, *, patience_seconds: float = 600
) -> Sample:
    """Let a rival take so many events out of the queue. Raises BenchmarkError where it did not take all."""
    with rival_process(rival, server.url) as process:
        os.sched_setaffinity(process.pid, {cores()[0]} if rival.processes == 1 else cores())
        server.begin(events, latency_ms, process.pid, rival.receivers)
        try:
            said, _ = process.communicate("go\n", timeout=patience_seconds)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise BenchmarkError(f"{rival.name} took longer than {patience_seconds:.0f} s") from error
    return sample_of(rival, process.returncode, said, server.report())


@contextmanager
def rival_process(rival: Rival, url: str, prefix: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    """A rival's process, in a folder of its own, that waits for a line before it begins."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        rival.furnish(folder, url)
        command = [*_GATE, sys.executable, *prefix, *rival.arguments(url)]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command,
            cwd=folder,
            env=environment(),
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                process.kill()


def sample_of(rival: Rival, code: int, said: str, report: Mapping[str, Any]) -> Sample:
    """A run's figures. Raises BenchmarkError unless every event was stored once, and then deleted."""
    events = report["events"]
    done = {name: report[name] for name in ("received", "stored", "deleted")}
    if code != 0 or report["unknown"] or any(count != events for count in done.values()):
        raise BenchmarkError(
            f"{rival.name} ended with {code} after {done} of {events} events; the server could not answer "
            f"{report['unknown'][:3]}. It said:\n{said}"
        )
    return Sample(
        events=events,
        seconds=report["seconds"],
        cpu_seconds=report["rival_cpu_seconds"],
        server_cpu_seconds=report["server_cpu_seconds"],
        peak_megabytes=report["peak_megabytes"],
        requests=report["requests"],
    )


def environment() -> dict[str, str]:
    """A rival's environment: ours without proxies, with the keys, and with our modules to be found."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | KEYS | {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true", "PYTHONPATH": str(ROOT)}


def cores() -> list[int]:
    """The cores that this process may use, in order."""
    return sorted(os.sched_getaffinity(0))
