"""Sharing one embedded cloud per folder, for as long as somebody needs it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import Queue, QueueMeta

from sink.local.embedded import CloudNotStarted, attach
from sink.local.folder import FolderInUse, address, locked


def status(url: str) -> dict[str, object]:
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
    try:
        connection.request("GET", "/_local/")
        answer: dict[str, object] = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return answer


def wait_until_free(data: Path) -> None:
    """Wait for the folder's process to end. Raises FolderInUse after ten seconds."""
    give_up_at = time.monotonic() + 10
    while True:
        try:
            with locked(data):
                return
        except FolderInUse:
            if time.monotonic() > give_up_at:
                raise


def test_a_cloud_is_started_when_there_is_none(tmp_path: Path) -> None:
    """attach starts the process and hands out its address."""
    with attach(tmp_path) as attached:
        assert status(attached.url)["holders"] == 1
    wait_until_free(tmp_path)


def test_what_is_to_be_done_meanwhile_is_done_while_a_cloud_starts(tmp_path: Path) -> None:
    """Where none has to be started there is no meanwhile."""
    seen: list[bool] = []

    def look() -> None:
        seen.append(address(tmp_path) is None)

    with attach(tmp_path, (), look), attach(tmp_path, (), look):
        assert seen == [True]
    wait_until_free(tmp_path)


def test_a_running_cloud_is_shared(tmp_path: Path) -> None:
    """Two users of one folder talk to one process."""
    with attach(tmp_path) as first, attach(tmp_path) as second:
        assert first.url == second.url
        assert status(first.url)["holders"] == 2
    wait_until_free(tmp_path)


def test_the_cloud_stays_while_one_user_is_left(tmp_path: Path) -> None:
    """Only the last one turns off the light."""
    first = attach(tmp_path)
    with attach(tmp_path) as second:
        first.close()
        assert "mns" in str(status(second.url)["services"])
    wait_until_free(tmp_path)


def test_the_next_user_waits_for_the_old_cloud_to_close(tmp_path: Path) -> None:
    """Attaching right after letting go gives a cloud that works, old or new."""
    for _ in range(3):
        with attach(tmp_path) as attached:
            assert status(attached.url)["holders"] == 1
    wait_until_free(tmp_path)


def test_a_killed_user_lets_go_too(tmp_path: Path) -> None:
    """After kill -9 of the user the kernel closes its connection, and the cloud ends."""
    code = "import sys; from sink.local.embedded import attach; from pathlib import Path\n"
    code += f"a = attach(Path({str(tmp_path)!r})); print(a.url, flush=True); sys.stdin.read()"
    user = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert user.stdout is not None
    assert user.stdout.readline().startswith(b"http://")
    user.kill()
    user.communicate()
    wait_until_free(tmp_path)


def test_a_fleet_lives_while_a_user_wants_it(tmp_path: Path, mns_account: Callable[[str], Account]) -> None:
    """It tells its events to the queue until that user is gone; then the queue can be emptied."""
    with attach(tmp_path) as other:
        queue = mns_account(other.url).get_queue("q")
        queue.create(QueueMeta())
        with attach(tmp_path) as viewer:
            viewer.let_fleet_live(5, 1000, "q")
            queue.receive_message(10)
        with pytest.raises(MNSServerException) as emptied:
            receive_all(queue)

    assert emptied.value.type == "MessageNotExist"


def receive_all(queue: Queue) -> None:
    """Receive until the queue stays empty for a second, which raises MessageNotExist."""
    while True:
        queue.batch_receive_message(16, 1)


def test_a_stale_address_is_not_believed(tmp_path: Path) -> None:
    """cloud.json of a killed process may point to a port that has another owner now."""
    with attach(tmp_path / "other") as other:
        (tmp_path / "cloud.json").write_text(json.dumps({"url": other.url, "pid": 1}))
        with attach(tmp_path) as attached:
            assert attached.url != other.url
    wait_until_free(tmp_path)
    wait_until_free(tmp_path / "other")


def test_a_killed_cloud_is_started_again(tmp_path: Path) -> None:
    """Nothing has to be cleaned up after kill -9 of the cloud itself."""
    with attach(tmp_path):
        where = address(tmp_path)
        assert where is not None
        os.kill(where.pid, signal.SIGKILL)
        with attach(tmp_path) as again:
            assert status(again.url)["holders"] == 1
    wait_until_free(tmp_path)


def test_a_cloud_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    """The error names the log, and the log has the reason."""
    with pytest.raises(CloudNotStarted, match=r"exit code 64; see .*cloud\.log"):
        attach(tmp_path, ["--account", "nonsense"])
    assert "is not ACCOUNT:KEY:SECRET" in (tmp_path / "cloud.log").read_text()
