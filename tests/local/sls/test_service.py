"""What every answer of SLS has in common, and that it survives its process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aliyun.log import LogClient, LogException

from tests.local.conftest import STRANGER, CloudProcess, running_cloud
from tests.local.sls.conftest import Store, refusal


def test_every_answer_has_a_request_id(client: LogClient, project: str) -> None:
    """24 hexadecimal digits, on success and on failure."""
    assert len(client.get_project(project).get_request_id()) == 24
    with pytest.raises(LogException) as refused:
        client.get_logstore(project, "nowhere")
    assert len(refused.value.get_request_id()) == 24


def test_an_empty_success_is_not_json(client: LogClient, project: str) -> None:
    """Node's client would try to parse the body."""
    headers = client.create_logstore(project, "events").get_all_headers()
    assert (headers["content-length"], headers.get("content-type")) == ("0", None)


def test_a_body_that_is_no_json_is_refused(client: LogClient, project: str) -> None:
    """PostBodyInvalid."""
    call = {"Content-Type": "application/json", "x-log-bodyrawsize": "4"}
    assert refusal(lambda: client._send("POST", project, b"{oops", "/logstores", {}, call)) == (
        400,
        "PostBodyInvalid",
    )


def test_a_kill_loses_nothing_that_was_answered(
    cloud_process: Callable[..., CloudProcess], log_client: Callable[..., LogClient]
) -> None:
    """Projects, logstores, indexes, documents, checkpoints and logs are there after a kill -9."""
    process = cloud_process()
    client = log_client(process.url)
    store = Store(client, "my-project")
    client.create_project(store.project, "described")
    client.create_logstore(store.project, store.name, shard_count=1)
    store.index(n="text")
    client.create_dashboard(store.project, {"dashboardName": "board", "charts": []})
    client.create_consumer_group(store.project, store.name, "readers", 60)
    client.update_check_point(store.project, store.name, "readers", 0, "MTIz", "a")
    store.put({"n": "1"})
    process.kill()
    store = Store(log_client(cloud_process().url), "my-project")
    client = store.client
    assert client.get_project(store.project).get_description() == "described"
    assert list(client.get_index_config(store.project, store.name).get_index_config().key_config_list) == [
        "n"
    ]
    assert client.list_dashboard(store.project).get_entities() == ["board"]
    kept = client.get_check_point(store.project, store.name, "readers", 0).get_consumer_group_check_points()
    assert [each["checkpoint"] for each in kept] == ["MTIz"]
    assert [log["n"] for log in store.pull(0)] == ["1"]


def test_accounts_do_not_see_each_other(tmp_path: Path, log_client: Callable[..., LogClient]) -> None:
    """A stranger gets 401 for every operation on another's project."""
    with running_cloud(tmp_path) as cloud:
        owner, stranger = log_client(cloud.url), log_client(cloud.url, STRANGER)
        owner.create_project("my-project", "")
        owner.create_logstore("my-project", "events")
        assert refusal(Store(stranger, "my-project").put) == (401, "Unauthorized")
        assert refusal(lambda: stranger.delete_project("my-project")) == (401, "Unauthorized")
        assert owner.list_logstore("my-project").get_logstores() == ["events"]
