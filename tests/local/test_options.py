"""What the options of `sink local` change."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from mns.account import Account
from mns.queue import QueueMeta

from sink.local.accounts import AccessKey
from sink.local.options import parse_options
from tests.local.conftest import CloudProcess

Start = Callable[..., CloudProcess]


def test_without_options_it_is_itself(tmp_path: Path) -> None:
    """A free port, the default account, no fleet."""
    options = parse_options([])
    assert (options.port, options.account, options.fleet, options.until_unused) == (0, None, 0, False)


def test_accounts_come_with_or_without_a_token() -> None:
    """`--account` may be given more than once."""
    options = parse_options(["--account", "1:a:b", "--account", "2:c:d:e:f"])
    assert options.account == [AccessKey("1", "a", "b"), AccessKey("2", "c", "d", "e:f")]


@pytest.mark.parametrize("arguments", [["--port", "x"], ["--nonsense"], ["--account", "a:b:c"], ["extra"]])
def test_a_faulty_option_is_a_usage_error(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 64, and stderr shows the usage."""
    with pytest.raises(SystemExit) as left:
        parse_options(arguments)
    assert left.value.code == 64
    assert capsys.readouterr().err.startswith("usage: sink local")


def test_a_fleet_tells_its_events_to_its_queue(
    cloud_process: Start, mns_account: Callable[..., Account]
) -> None:
    """Base64 of JSON, as CloudMonitor sends them, in the queue of the first account."""
    options = ("--account", "42:me:hush", "--fleet", "50", "--fleet-speed", "3600", "--fleet-queue", "mine")
    process = cloud_process(*options)
    queue = mns_account(process.url, AccessKey("42", "me", "hush")).get_queue("mine")
    queue.create(QueueMeta())
    queue.set_encoding(False)
    event = json.loads(base64.b64decode(queue.receive_message(30).message_body))
    assert event["product"] == "ECS"
