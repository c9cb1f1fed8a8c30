"""The data folder of an embedded cloud: one process at a time, and where to reach it.

The lock is the kernel's (`flock`), so it ends with its process however that ends. `cloud.json` beside it
tells other processes the address; after a kill -9 it is stale, which readers notice when nobody with
the process id in it answers. Only the standard library here: `embedded.py` shares it.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class FolderInUse(Exception):
    """Another process serves this folder."""


class Address(NamedTuple):
    """Where a cloud can be reached, and which process it is."""

    url: str
    pid: int


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Own the folder while the block runs; it is created if need be. Raises FolderInUse."""
    data.mkdir(parents=True, exist_ok=True)
    with (data / "cloud.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FolderInUse(
                f"{data} is in use by another embedded cloud. Stop it, or choose another folder"
            ) from error
        try:
            yield
        finally:
            (data / "cloud.json").unlink(missing_ok=True)


def publish(data: Path, url: str) -> None:
    """Tell other processes where this one serves. Readers see the old file or the new one, never half."""
    draft = data / "cloud.json.new"
    draft.write_text(json.dumps(Address(url, os.getpid())._asdict()))
    draft.replace(data / "cloud.json")


def address(data: Path) -> Address | None:
    """Read what `publish` wrote last; None if there is nothing."""
    try:
        return Address(**json.loads((data / "cloud.json").read_text()))
    except FileNotFoundError:
        return None
