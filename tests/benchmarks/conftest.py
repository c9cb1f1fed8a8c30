"""A canned server for the tests of the benchmarks, and the events that it hands out."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from benchmarks.bodies import event_bodies
from benchmarks.measure import CannedServer, canned_server


@pytest.fixture(scope="session")
def bodies() -> list[bytes]:
    """What is in the queues."""
    return event_bodies(time.time())


@pytest.fixture(scope="module")
def canned() -> Iterator[CannedServer]:
    """A server in a process of its own."""
    with canned_server() as server:
        yield server
