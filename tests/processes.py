"""Real `sink` processes for tests: started, watched, stopped by their own process id."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import verify
from benchmarks.clients import open_log_client
from sink.credentials import LOCAL_KEYS, StaticKeys
from sink.events import Record
from sink.sources import MnsSource
from sink.stores import LogWriter
from tests.local.conftest import RunningCloud

PATIENCE_SECONDS = 60


def environment(**extra: str) -> dict[str, str]:
    """The environment of a child: ours, without colours and with nobody's keys."""
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **extra}


@dataclass
class Sink:
    """The command line in a folder with a config.ini, on a cloud or on the embedded one of that folder."""

    folder: Path
    config: str = "[local]\nenabled = yes\nfleet = 0\n"
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "config.ini").write_text(self.config, encoding="utf-8")

    @classmethod
    def on(cls, cloud: RunningCloud, folder: Path, more: str = "") -> Sink:
        """A sink that takes a running cloud for Alibaba Cloud, with the keys of its environment."""
        config = (
            f"[sink]\nstop_seconds = 10\n[mns]\nendpoint = {cloud.url}\nlong_poll_seconds = 1\n"
            f"[sls]\nendpoint = {cloud.url}\n{more}"
        )
        keys = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "local", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "local-secret"}
        return cls(folder, config, keys)

    def call(
        self, *arguments: str, stdin: bytes | None = None, patience_seconds: float = PATIENCE_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "sink", *arguments],
            cwd=self.folder,
            env=environment(**self.keys),
            input=stdin.decode() if stdin is not None else None,
            capture_output=True,
            text=True,
            timeout=patience_seconds,
            check=False,
        )

    def start(self, *arguments: str) -> Running:
        """Start a command that goes on."""
        base = self.folder / f"{len(list(self.folder.glob('*.log')))}"
        with base.with_suffix(".out").open("w") as output, base.with_suffix(".log").open("w") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "sink", *arguments],
                cwd=self.folder,
                env=environment(**self.keys),
                stdout=output,
                stderr=errors,
            )
        return Running(process, base)

    def rows(self, query: str, *more: str) -> list[dict[str, Any]]:
        """The rows of a query."""
        done = self.call("query", query, "--json", *more)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def keys_stored(self) -> set[str]:
        """Every distinct event_key in the logstore."""
        return {row["event_key"] for row in self.rows("* | select distinct event_key from log limit 100000")}


class Running:
    """A process that goes on until it is told to stop."""

    def __init__(self, process: subprocess.Popen[bytes], base: Path) -> None:
        self.process = process
        self._base = base

    @property
    def output(self) -> str:
        """What it has written to standard output."""
        return self._base.with_suffix(".out").read_text(encoding="utf-8")

    @property
    def log(self) -> str:
        """What it has written to standard error."""
        return self._base.with_suffix(".log").read_text(encoding="utf-8")

    @property
    def workers(self) -> list[int]:
        """The process ids of its workers, the oldest first."""
        parent = self.process.pid
        return [
            int(pid)
            for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text(encoding="ascii").split()
            if b"sink.cli.run.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        ]

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal; exit code, standard output and standard error."""
        self.process.send_signal(number)
        self.process.wait(PATIENCE_SECONDS)
        return self.process.returncode, self.output, self.log

    def ends_at(self, number: int) -> bool:
        """Send a signal and tell whether the process has ended."""
        self.process.send_signal(number)
        return self.process.poll() is not None

    def kill(self) -> None:
        """Kill -9."""
        self.process.kill()
        self.process.wait()


def is_there(pid: int) -> bool:
    """Tell whether a process goes on."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2]
    except (FileNotFoundError, ProcessLookupError):
        return False


def make_queue(url: str, name: str, *, hidden_seconds: int = 2) -> None:
    """A queue whose messages come back so long after a sink died with them."""
    source = MnsSource(url, name, LOCAL_KEYS)
    asyncio.run(source.create(hidden_seconds))
    source.close()


def make_logstore(url: str, keys: StaticKeys = LOCAL_KEYS) -> None:
    """The logstore with its index, as an operator makes it beforehand."""

    async def make() -> None:
        writer = LogWriter(url, "ecs-event-sink", "ecs-events", keys, region="cn-hangzhou")
        await writer.create(30)
        writer.close()

    asyncio.run(make())


def stored_records(url: str) -> list[dict[str, str]]:
    """Every record of the logstore, whether an index has it or not."""
    with open_log_client(url, "local", "local-secret") as client:
        return list(verify.stored_records(client))


def put_records(url: str, records: Sequence[Record], keys: StaticKeys = LOCAL_KEYS) -> None:
    """Store records of one topic as a sink stores them. Raises CloudError."""

    async def put() -> None:
        writer = LogWriter(url, "ecs-event-sink", "ecs-events", keys, region="cn-hangzhou")
        try:
            await writer.put(records[0].topic, records)
        finally:
            writer.close()

    asyncio.run(put())


def wait_until(
    condition: Callable[[], bool], what: str, *, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """Look until something is so. Raises TimeoutError that says what was waited for."""
    give_up_at = time.monotonic() + patience_seconds
    while not condition():
        if time.monotonic() > give_up_at:
            raise TimeoutError(f"in vain: {what}")
        time.sleep(0.02)


def json_lines(path: Path, bodies: Sequence[str]) -> Path:
    """A file of bodies, one a line."""
    path.write_text("".join(body + "\n" for body in bodies), encoding="utf-8")
    return path
