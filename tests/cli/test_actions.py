"""`sink actions`: the configuration, and what the ledger knows of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from sink.cloud import PERMISSIONS
from sink.ledger import Ledger
from tests.processes import Sink

CONFIG = """
[actions]
enabled = restart
[action.restart]
max_actions = 7
[local]
enabled = yes
"""


def shown(sink: Sink) -> dict[str, Any]:
    """What programs are told of `restart`."""
    lines = [json.loads(line) for line in sink.call("actions", "--json").stdout.splitlines()]
    return next(one for one in lines if one["name"] == "restart")


def open_circuit(sink: Sink, reason: str) -> None:
    """As the dispatcher does after too many failures."""

    async def work() -> None:
        (sink.folder / "data").mkdir(exist_ok=True)
        async with Ledger.open(f"sqlite:///{sink.folder / 'data' / 'ledger.sqlite3'}", "test") as ledger:
            await ledger.open_circuit("restart", reason)

    asyncio.run(work())


def test_without_a_ledger_the_settings_are_shown(tmp_path: Path) -> None:
    """Offline: nothing is started, made or asked."""
    sink = Sink(tmp_path, CONFIG)

    one = shown(sink)

    assert (one["mode"], one["limits"]["max_actions"], one["admitted"]) == ("live", 7, None)
    assert "ecs:StartInstance" in one["permissions"]
    assert not (tmp_path / "data").exists()


def test_the_permissions_of_guards_and_cache_are_told_too(tmp_path: Path) -> None:
    """An operator grants what is listed, and nothing is refused then."""
    sink = Sink(tmp_path, CONFIG)

    told = " ".join(sink.call("actions").stdout.split())

    assert shown(sink)["shared_permissions"] == list(PERMISSIONS)
    assert all(one in told for one in PERMISSIONS)


def test_no_permission_is_asked_for_a_product_that_is_left_out(tmp_path: Path) -> None:
    """`[actions] products` narrows what is called, and so what is needed."""
    products = "enabled = restart, slb_removal\nproducts = alb"
    sink = Sink(tmp_path, CONFIG.replace("enabled = restart", products))

    lines = [json.loads(line) for line in sink.call("actions", "--json").stdout.splitlines()]
    asked = {name for one in lines for name in one["permissions"] + one["shared_permissions"]}

    assert {name.partition(":")[0] for name in asked} == {"ecs", "alb", "ess", "cms", "actiontrail"}


def test_what_is_there_and_off_is_named(tmp_path: Path) -> None:
    """So that it can be switched on."""
    told = Sink(tmp_path, CONFIG).call("actions").stdout

    assert any(line.split() == ["off", "slb_removal"] for line in told.splitlines())


def test_no_action_is_no_error(tmp_path: Path) -> None:
    """It says that there is none, and which there are."""
    done = Sink(tmp_path).call("actions")

    assert done.returncode == 0
    assert "[actions] enabled is empty" in done.stdout
    assert "restart, slb_removal" in done.stdout


def test_an_open_circuit_is_told_and_closed_by_hand(tmp_path: Path) -> None:
    """Why, and the command that closes it; a second time there is nothing to close."""
    sink = Sink(tmp_path, CONFIG)
    open_circuit(sink, "5 failures in a row")

    told = sink.call("actions").stdout
    resumed, again = sink.call("actions", "--resume", "restart"), sink.call("actions", "--resume", "restart")

    assert "held back" in told
    assert "5 failures in a row" in told
    assert "sink actions --resume restart" in told
    assert (resumed.stdout, again.stdout) == (
        "restart acts again.\n",
        "restart was not held back: its circuit is closed.\n",
    )
    assert shown(sink)["circuit"] is None


def test_an_action_that_is_not_enabled_cannot_be_resumed(tmp_path: Path) -> None:
    """It is a usage error that names those that are."""
    done = Sink(tmp_path, CONFIG).call("actions", "--resume", "slb_removal")

    assert (done.returncode, "Enabled: restart" in done.stderr) == (64, True)


def test_a_ledger_that_cannot_be_read_does_not_hide_the_settings(tmp_path: Path) -> None:
    """What is wrong with it is said beside them, without its password."""
    sink = Sink(tmp_path, CONFIG)
    sink.keys = {"SINK__LEDGER__URL": "postgresql+psycopg://sink:secret@127.0.0.1:9/ledger"}

    done = sink.call("actions")

    assert done.returncode == 0
    assert "at most 7 actions" in done.stdout
    assert "sink:***@127.0.0.1:9/ledger" in done.stdout
    assert "secret" not in done.stdout + done.stderr
