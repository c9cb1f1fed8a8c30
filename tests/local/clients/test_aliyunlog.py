"""SLS as `aliyunlog`, the vendor's command line, meets it: by way of an HTTP proxy, as in a shell.

`aliyunlog` prints JSON and ends with 0, or with the error as JSON and another exit code.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest
from aliyun.log import LogClient, LogItem, PutLogsRequest

from tests.local.clients.conftest import await_index
from tests.local.clients.installed import python_with
from tests.local.conftest import RunningCloud

pytestmark = pytest.mark.xdist_group("clients")

Command = Callable[..., subprocess.CompletedProcess[str]]
INDEX = {"line": {"token": [" "]}, "keys": {"ms": {"type": "long", "doc_value": True}}}


@pytest.fixture(scope="module")
def aliyunlog(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs `aliyunlog log …` with the keys and endpoint as options; its settings file is the test's own."""
    program = python_with("aliyun-log-cli==0.2.10").with_name("aliyunlog")
    environment = os.environ | {"http_proxy": cloud.url, "HOME": str(tmp_path_factory.mktemp("home"))}

    def run(subcommand: str, **options: object) -> subprocess.CompletedProcess[str]:
        given = [f"--{name}={value}" for name, value in options.items()]
        return subprocess.run(
            [str(program), "log", subcommand, *given, *_access("cn-hangzhou.log.aliyuncs.com")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def _access(endpoint: str) -> list[str]:
    return ["--access-id=local", "--access-key=local-secret", f"--region-endpoint={endpoint}"]


@pytest.fixture(scope="module")
def logged_at(aliyunlog: Command, cloud: RunningCloud) -> int:
    """A project of the command's own making, and three logs in it at this time (epoch seconds)."""
    now = int(time.time())
    aliyunlog("create_project", project_name="cli", project_des="tests").check_returncode()
    aliyunlog("create_logstore", project_name="cli", logstore_name="events", shard_count=1)
    index = json.dumps(INDEX)
    aliyunlog("create_index", project_name="cli", logstore_name="events", index_detail=index)
    python = LogClient(cloud.url, "local", "local-secret")
    setattr(python, "_isRowIp", True)  # noqa: B010
    logs = [LogItem(now, contents=[("state", "停止"), ("ms", str(ms))]) for ms in range(3)]
    python.put_logs(PutLogsRequest("cli", "events", "event", "python", logs))
    await_index(lambda: python.get_log("cli", "events", now - 60, now + 60).get_count(), 3)
    return now


def query(aliyunlog: Command, subcommand: str, at: int, text: str) -> list[dict[str, str]]:
    """The rows that are printed: a list on each line, one for each page."""
    span = {"from_time": at - 60, "to_time": at + 60}
    done = aliyunlog(subcommand, project="cli", logstore="events", query=text, **span)
    return [row for page in done.stdout.splitlines() if page.strip() for row in json.loads(page)]


def test_a_search_prints_what_it_finds(aliyunlog: Command, logged_at: int) -> None:
    """`get_log` with a range."""
    found = query(aliyunlog, "get_log", logged_at, "ms > 0")
    assert {(one["ms"], one["state"]) for one in found} == {("1", "停止"), ("2", "停止")}


def test_sql_prints_its_rows(aliyunlog: Command, logged_at: int) -> None:
    """`get_log` with an analysis."""
    assert query(aliyunlog, "get_log", logged_at, "* | select sum(ms) as total")[0]["total"] == "3"


def test_all_logs_are_fetched_page_by_page(aliyunlog: Command, logged_at: int) -> None:
    """`get_log_all` ends when there is no more."""
    assert len(query(aliyunlog, "get_log_all", logged_at, "*")) == 3


def test_logs_are_pulled_from_a_shard(aliyunlog: Command, logged_at: int) -> None:
    """`pull_log` from the first to the last cursor."""
    shard = {"project_name": "cli", "logstore_name": "events", "shard_id": 0}
    done = aliyunlog("pull_log", **shard, from_time="begin", to_time="end")
    assert json.loads(done.stdout)["count"] == 3


def test_a_missing_project_is_an_error_with_its_code(aliyunlog: Command) -> None:
    """Exit code other than 0, and the service's own words."""
    done = aliyunlog("list_logstore", project_name="nowhere")
    assert (_code(done.stdout + done.stderr), done.returncode != 0) == ("ProjectNotExist", True)


def _code(text: str) -> Any:
    return json.loads(text)["errorCode"]
