"""What every answer of SLS has in common, and that it survives its process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aliyun.log import LogClient, LogException
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    "projectName description logstoreName ttl shardCount autoSplit maxSplitShard consumerGroup timeout order"
    " shard checkpoint from to query line offset reverse topic fromNs keys dashboardName charts name type"
    " state".split()
)
PATHS = st.sampled_from(
    "/ /logstores /logstores/events /logstores/events/index /logstores/events/logs /logstores/events/shards"
    " /logstores/events/shards/0 /logstores/events/shards/lb /logstores/events/shards/99999999999999999999"
    " /logstores/events/consumergroups /logstores/events/consumergroups/readers /dashboards /dashboards/board"
    " /savedsearches /jobs /jobs/alert /alerts /%ff/%00".split()
)
PARAMETERS = st.dictionaries(
    st.sampled_from(
        "type action key cursor from to count offset size shard consumer line query end_cursor".split()
    ),
    st.sampled_from("log cursor cursor_time histogram heartbeat checkpoint split merge begin enable".split())
    | st.integers().map(str)
    | st.text(max_size=5),
    max_size=4,
)


@given(
    st.sampled_from(["GET", "POST", "PUT"]),
    PATHS,
    PARAMETERS,
    st.none() | st.binary(max_size=9) | st.dictionaries(FIELDS, JSON, max_size=6) | JSON,
)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_nothing_that_is_sent_is_an_error_of_the_server(
    store: Store, method: str, path: str, parameters: dict[str, str], body: object
) -> None:
    """Whatever comes is answered, or refused with a status of 400 to 499."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "x-log-bodyrawsize": str(len(sent))}
    try:
        store.client._send(method, store.project, sent, path, parameters, headers, "binary")
    except LogException as refused:
        assert 400 <= refused.get_resp_status() < 500  # noqa: PT017


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
