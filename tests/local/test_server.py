"""The process: its ready line, its end, its folder, its options."""

from __future__ import annotations

import http.client
import json
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta

from sink.local.accounts import AccessKey, Accounts
from sink.local.app import Cloud
from sink.local.server import serve
from tests.local.conftest import CloudProcess, RunningCloud, until_waiting

Start = Callable[..., CloudProcess]


def get(url: str, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", path)
    response = connection.getresponse()
    response.headers["x-body"] = response.read().decode()
    connection.close()
    return response


def test_it_says_where_it_is_ready(cloud_process: Start) -> None:
    """The first line of output is `ready URL`, and the URL answers."""
    process = cloud_process()
    assert process.first_line == f"ready {process.url}"
    assert get(process.url, "/_local/").status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0(cloud_process: Start, number: signal.Signals) -> None:
    """SIGTERM and SIGINT are orders, not faults: exit code 0 and nothing on stderr."""
    process = cloud_process()
    assert process.terminate(number) == 0
    assert process.errors == ""


def test_a_signal_cuts_long_polls(cloud_process: Start, mns_account: Callable[..., Account]) -> None:
    """A client that waits at an empty queue does not keep the process alive."""
    process = cloud_process()
    queue = mns_account(process.url).get_queue("events")
    queue.create(QueueMeta())
    answers: list[str] = []

    def wait_long() -> None:
        with pytest.raises(MNSServerException) as empty:
            queue.receive_message(30)
        answers.append(empty.value.type)

    waiting = threading.Thread(target=wait_long)
    waiting.start()
    until_waiting(process.url)
    assert process.terminate() == 0
    waiting.join(10)
    assert answers == ["MessageNotExist"]


def test_a_folder_takes_one_process(cloud_process: Start) -> None:
    """A second process says so in one line and exits with 75, try again."""
    cloud_process()
    second = cloud_process()
    assert second.wait() == 75
    assert second.errors.count("\n") == 1
    assert "in use by another embedded cloud" in second.errors


def test_a_killed_process_frees_its_folder(cloud_process: Start) -> None:
    """The lock is the kernel's: a kill -9 leaves nothing to clean up."""
    cloud_process().kill()
    assert cloud_process().first_line.startswith("ready ")


def test_its_address_stands_in_the_folder_while_it_runs(cloud_process: Start, tmp_path: Path) -> None:
    """cloud.json holds URL and process id, and goes with the process."""
    process = cloud_process()
    written = tmp_path / "cloud" / "cloud.json"
    assert json.loads(written.read_text()) == {"url": process.url, "pid": process.process.pid}
    process.terminate()
    assert not written.exists()


def test_accounts_come_by_option(cloud_process: Start, mns_account: Callable[..., Account]) -> None:
    """`--account` adds its key and replaces the default one."""
    process = cloud_process("--account", "42:me:hush")
    assert mns_account(process.url, AccessKey("42", "me", "hush")).list_queue() == ([], "")
    with pytest.raises(MNSServerException) as refused:
        mns_account(process.url).list_queue()
    assert refused.value.type == "InvalidAccessKeyId"


def test_a_faulty_account_is_refused_with_its_form(cloud_process: Start) -> None:
    """Usage errors exit with 64 and show what is expected."""
    process = cloud_process("--account", "nonsense")
    assert process.wait() == 64
    assert "is not ACCOUNT:KEY:SECRET" in process.errors


def test_a_taken_port_is_refused(cloud_process: Start, cloud: RunningCloud, tmp_path: Path) -> None:
    """Exit code 69, unavailable, and one line."""
    process = cloud_process("--port", cloud.url.rpartition(":")[2], data=tmp_path / "other")
    assert process.wait() == 69
    assert "Address already in use" in process.errors


def test_a_kept_connection_answers_at_once(cloud: RunningCloud, mns_account: Callable[..., Account]) -> None:
    """No answer waits for an acknowledgement: forty would take more than a second and a half."""
    account = mns_account(cloud.url)
    started = time.monotonic()
    for _ in range(40):
        account.list_queue()
    assert time.monotonic() - started < 1.0


async def refuse(data: Path, host: str) -> None:
    await serve(Cloud(data, Accounts.default()), host=host)


def test_it_serves_loopback_only(tmp_path: Path) -> None:
    """The keys are public: no other machine may reach them."""
    import asyncio

    with pytest.raises(ValueError, match=r"0\.0\.0\.0 is not a loopback address"):
        asyncio.run(refuse(tmp_path, "0.0.0.0"))
