"""A scene for each test."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from sink.cloud.api import Api
from sink.cloud.calls import Answer, Call
from sink.credentials import LOCAL_KEYS, Provider
from tests.cloud.world import PACE, Scene, everything_at, living
from tests.local.conftest import CloudProcess, cloud_process

T = TypeVar("T")

__all__ = ["api", "cloud_process", "limited", "nowhere", "scene"]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """An embedded cloud that lives fast, without anything in it."""
    with living(tmp_path, PACE) as scene:
        yield scene


@dataclass
class Nowhere:
    """A host that no name server knows."""

    url: str = "https://nlb.nowhere.test"
    says: int = socket.EAI_NONAME
    """What a resolver answers."""
    asked: int = 0

    def resolve(self, others: Callable[..., Any], host: str, *more: Any, **named: Any) -> Any:
        """Answer for the host as a resolver does."""
        if host not in self.url:
            return others(host, *more, **named)
        self.asked += 1
        raise socket.gaierror(self.says, "no answer")


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> Nowhere:
    """A host that is not there, whatever the machine's resolver would say of it."""
    host = Nowhere()
    monkeypatch.setattr(socket, "getaddrinfo", partial(host.resolve, socket.getaddrinfo))
    return host


@pytest.fixture
def limited(cloud_process: Callable[..., CloudProcess], tmp_path: Path) -> Callable[..., Scene]:
    """Embedded clouds whose key may do only this: `limited("ecs:Describe*", "slb:*")`."""

    def start(*actions: str) -> Scene:
        allow = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        policy = tmp_path / "policy.json"
        policy.write_text(json.dumps({"Version": "1", "Statement": [allow]}))
        return Scene(cloud_process("--policy", f"local={policy}", data=tmp_path / "limited"))

    return start


@pytest.fixture
def api() -> Iterator[Callable[..., Callable[[Call[T]], Answer[T]]]]:
    """Calls to a URL: `api(url)`, `api(url, keys)`; closed after the test."""
    made: list[Api] = []
    with asyncio.Runner() as runner:

        def make(url: str, keys: Provider = LOCAL_KEYS) -> Callable[[Call[T]], Answer[T]]:
            one = Api(everything_at(url), keys)
            made.append(one)
            return lambda call: runner.run(one(call))

        yield make
        for one in made:
            one.close()
