"""What goes wrong with either database is said with its next step, and is over when it is mended."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import text

from sink.errors import LedgerError
from sink.ledger import Ledger, runs
from sink.ledger.database import Database, Outage, Transaction
from sink.ledger.tables import create
from tests.ledger.conftest import Postgresql, claimed, new_run, on_loop

MOVE_IT_AWAY = "Stop every sink that uses it, move it away"


async def opened(url: str, lease_seconds: float = 10.0) -> None:
    """Open a ledger, use it, close it."""
    async with Ledger.open(url, "one", lease_seconds=lease_seconds) as ledger:
        await claimed(ledger)


def refusal(url: str, lease_seconds: float = 10.0) -> str:
    """What opening and using a ledger says."""
    with pytest.raises(LedgerError) as error:
        asyncio.run(opened(url, lease_seconds))
    return str(error.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ledger.db", "no address of a database"),
        ("mysql://host/ledger", "names mysql"),
        ("oracle+nothing://host/ledger", "names oracle"),
        ("sqlite://", "must outlive the process"),
        ("sqlite:///:memory:", "must outlive the process"),
        ("sqlite:////proc/ledger/ledger.db", "cannot be opened"),
        ("sqlite:////proc/ledger.db", "may write to"),
        ("postgresql://nobody:secret@127.0.0.1:1/ledger", "server of [ledger] url runs"),
    ],
)
def test_an_address_that_is_none_is_said(url: str, said: str) -> None:
    """Each with what to do; a password is not repeated."""
    message = refusal(url)

    assert said in message
    assert "secret" not in message


def test_a_folder_is_made_and_the_driver_chosen(tmp_path: Path, postgresql_url: str) -> None:
    """The address of a file in a folder to come is good, and so is one without the driver's name."""
    asyncio.run(opened(f"sqlite:///{tmp_path}/new/folders/ledger.db"))
    asyncio.run(opened(postgresql_url.replace("+psycopg", "")))
    asyncio.run(opened(postgresql_url.replace("postgresql+psycopg", "postgres")))


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    """It cannot be opened, whoever asks."""
    (tmp_path / "ledger.db").mkdir()

    assert "unable to open" in refusal(f"sqlite:///{tmp_path}/ledger.db")


def test_a_file_that_is_no_ledger_is_said(tmp_path: Path) -> None:
    """And is not touched."""
    path = tmp_path / "ledger.db"
    path.write_bytes(b"something else entirely" * 1000)

    assert MOVE_IT_AWAY in refusal(f"sqlite:///{path}")
    assert path.read_bytes() == b"something else entirely" * 1000


@pytest.mark.parametrize("seed", range(12))
def test_a_damaged_file_is_said_and_trips_nobody(tmp_path: Path, seed: int) -> None:
    """Pages of noise, zeros, or an end that is missing: at worst a LedgerError that says what to do."""
    random, path = Random(seed), tmp_path / "ledger.db"
    asyncio.run(filled(f"sqlite:///{path}"))
    intact = bytearray(path.read_bytes())
    if seed % 3 == 0:
        intact = intact[: random.randrange(1, len(intact))]
    else:
        for page in random.sample(range(len(intact) // 4096), 12):
            noise = random.randbytes(4096) if seed % 3 == 1 else bytes(4096)
            intact[page * 4096 : page * 4096 + 4096] = noise
    path.write_bytes(intact)

    messages = asyncio.run(every_error(f"sqlite:///{path}"))
    assert messages, "nothing was noticed"
    assert all(MOVE_IT_AWAY in message for message in messages), messages


async def filled(url: str) -> None:
    """A ledger with some hundred runs in it."""
    async with Ledger.open(url, "one") as ledger:
        claims = await asyncio.gather(*(claimed(ledger, str(number)) for number in range(200)))
        await asyncio.gather(*(ledger.note(claim, {"long": "x" * 300}) for claim in claims))
        await asyncio.gather(*(ledger.intend(claim, "start") for claim in claims))


async def every_error(url: str) -> list[str]:
    """Whatever a damaged ledger says when all of it is read and written."""
    try:
        async with Ledger.open(url, "two") as ledger:
            asked = [ledger.claim(new_run(str(number))) for number in range(400)]
            answers: list[object] = [*await asyncio.gather(*asked, return_exceptions=True)]
            answers += await asyncio.gather(ledger.unfinished(), ledger.prune(10**15), return_exceptions=True)
    except LedgerError as error:
        return [str(error)]
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(error, LedgerError) for error in errors), errors
    return [str(error) for error in errors]


@on_loop
async def test_a_locked_file_is_said_and_works_again_when_it_is_let_go(tmp_path: Path) -> None:
    """A sink or a tool that holds it, stopped in the middle of a write perhaps."""
    path = tmp_path / "ledger.db"
    async with Ledger.open(f"sqlite:///{path}", "one", lease_seconds=0.4) as ledger:
        claim = await claimed(ledger)
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("begin exclusive")
        with pytest.raises(LedgerError, match="Another process is in the middle of a write"):
            await ledger.intend(claim, "start i-1")
        stranger.execute("rollback")
        stranger.close()
        await ledger.intend(claim, "start i-2")

        assert list((await claimed(ledger)).orders) == ["start i-2"]


def test_a_full_disk_is_said_and_works_again_when_there_is_room(sqlite_url: str) -> None:
    """Without a restart; what was acknowledged before is there, what was not is not."""
    # A limit on files stands for the disk's. It is a process's own, so this takes one.
    done = subprocess.run(
        [sys.executable, "-m", "tests.ledger.full_disk", sqlite_url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["['before', 'after']"]


def test_a_file_that_may_only_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would be learned in the middle of an action. SQLite's own addresses make no folder."""
    path = tmp_path / "ledger.db"
    monkeypatch.chdir(tmp_path)
    asyncio.run(opened(f"sqlite:///{path}"))

    assert "writable for the sink's user" in refusal(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert [one.name for one in tmp_path.iterdir() if one.is_dir()] == []


@on_loop
async def test_a_server_that_was_gone_is_taken_up_again(postgresql: Postgresql, postgresql_url: str) -> None:
    """While it is away that is said; one that was started again between two calls is not even noticed."""
    async with Ledger.open(postgresql_url, "one") as ledger:
        claim = await claimed(ledger)
        postgresql.stop()
        postgresql.start()
        await ledger.intend(claim, "start i-1")

        postgresql.stop()
        try:
            with pytest.raises(LedgerError, match=r"See that the server of \[ledger\] url runs"):
                await ledger.intend(claim, "start i-2")
        finally:
            postgresql.start()
        await ledger.intend(claim, "start i-3")
        assert list((await claimed(ledger)).orders) == ["start i-1", "start i-3"]


@on_loop
async def test_a_lost_connection_costs_nothing(postgresql: Postgresql, postgresql_url: str) -> None:
    """A proxy or an administrator cuts it: the same is asked once more on a new one."""
    async with Ledger.open(postgresql_url, "one") as ledger:
        claim = await claimed(ledger)
        for number in range(3):
            with postgresql.connect() as connection:
                cut = connection.execute(
                    "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity"
                    " where application_name = 'ecs-event-sink'"
                ).fetchone()
            assert cut == (1,)
            await ledger.intend(claim, f"start {number}")

        assert len((await claimed(ledger)).orders) == 3


def test_a_commit_whose_answer_is_lost_is_done_again(postgresql: Postgresql, postgresql_url: str) -> None:
    """Nobody knows then whether it is durable, which is why operations bear to be done twice."""
    database = Database(postgresql_url, "one", 5.0, lambda: 0.0)
    database.run(lambda transaction: create(transaction.connection))
    done: list[int] = []

    def work(transaction: Transaction) -> int:
        done.append(transaction.connection.execute(text("select pg_backend_pid()")).scalar_one())
        if len(done) == 1:
            with postgresql.connect() as connection:
                connection.execute("select pg_terminate_backend(%s, 5000)", [done[0]])
        return len(done)

    assert database.run(work) == 2
    assert done[0] != done[1]
    database.close()


def test_a_sink_that_freezes_in_a_transaction_is_cut_off(postgresql_url: str) -> None:
    """Else it would stop every other: whoever waits gets the ledger after its patience."""
    frozen, other = (Database(postgresql_url, name, 0.5, lambda: 0.0) for name in ("frozen", "other"))
    frozen.run(lambda transaction: create(transaction.connection))

    def freeze(transaction: Transaction) -> None:
        with pytest.raises(Outage, match=r"lock timeout|statement timeout"):
            other.run(lambda transaction: None)
        other_again(other)
        transaction.connection.execute(text("select 1"))

    with pytest.raises(Outage):
        frozen.run(freeze)
    frozen.close()
    other.close()


def other_again(other: Database) -> None:
    """Ask until the lock is free, at most for some time."""
    for _ in range(20):
        try:
            return other.run(lambda transaction: None)
        except Outage:
            continue
    raise AssertionError("the frozen sink still has the lock")


@on_loop
async def test_a_ledger_taken_away_is_said(url: str) -> None:
    """Tables that are dropped, or a schema that may not be used: an operator did it, and is told."""
    async with Ledger.open(url, "one") as ledger:
        claim = await claimed(ledger)
        database = Database(url, "two", 5.0, lambda: 0.0)
        database.run(lambda transaction: transaction.connection.execute(text("drop table sink_order")))
        database.close()

        answers = await asyncio.gather(
            ledger.intend(claim, "start"), ledger.note(claim, {"a": 1}), return_exceptions=True
        )
        assert isinstance(answers[0], LedgerError)
        assert "sink_order" in str(answers[0])


@pytest.mark.parametrize(("durable", "level"), [(True, 2), (False, 1)])
def test_sqlite_waits_for_the_disk_where_it_has_to(sqlite_url: str, durable: bool, level: int) -> None:
    """What is durable outlives a power cut: WAL with `synchronous = full`. It is not left so for the next."""
    database = Database(sqlite_url, "one", 5.0, lambda: 0.0)

    def pragmas(transaction: Transaction) -> list[object]:
        names = ("journal_mode", "synchronous")
        return [transaction.connection.exec_driver_sql(f"pragma {name}").scalar() for name in names]

    database.run(pragmas, durable=not durable)
    assert database.run(pragmas, durable=durable) == ["wal", level]
    database.close()


def test_postgresql_waits_for_the_disk_where_it_has_to(postgresql_url: str) -> None:
    """As its administrator has set it, but for what need not be durable. It is not left so for the next."""
    database = Database(postgresql_url, "one", 5.0, lambda: 0.0)

    def setting(transaction: Transaction) -> object:
        return transaction.connection.exec_driver_sql("show synchronous_commit").scalar()

    assert [database.run(setting, durable=one) for one in (True, False, True)] == ["on", "off", "on"]
    database.close()


@pytest.mark.parametrize("column", ["epoch", "notes"])
def test_what_the_driver_says_is_said(url: str, column: str) -> None:
    """A prepared statement passes SQLAlchemy by, and its errors are the same to whoever reads them."""
    database = Database(url, "one", 5.0, lambda: 0.0)
    database.run(lambda transaction: create(transaction.connection))
    database.run(
        lambda transaction: transaction.connection.execute(text(f"alter table sink_run drop {column}"))
    )

    with pytest.raises(LedgerError, match=f"the ledger .* failed: .*{column}"):
        database.run(lambda transaction: runs.claim(transaction, new_run()))
    assert database.run(lambda transaction: transaction.now_ms) >= 0
    database.close()


def test_a_transaction_holds_the_ledger_from_its_beginning(url: str) -> None:
    """Of two that read and then write, the second reads what the first wrote."""
    one, two = Database(url, "one", 20.0, lambda: 0.0), Database(url, "two", 0.3, lambda: 0.0)
    one.run(lambda transaction: create(transaction.connection))

    def hold(transaction: Transaction) -> None:
        with pytest.raises(Outage):
            two.run(lambda transaction: None)

    one.run(hold)
    assert two.run(lambda transaction: "free") == "free"
    one.close()
    two.close()
