"""SLS as @alicloud/sls20201230, the vendor's generated client for Node, meets it.

It signs with HMAC-SHA256 under the old scheme or with version 4, sends every body in chunks, and asks
for lz4. Two of its calls fail against any service and are not tried: PutLogs never encodes its body, and
PullLogs leaves the project out of the Host.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from aliyun.log import LogClient, LogItem, PutLogsRequest

from tests.local.clients.conftest import Client, Driver, Refused, await_index
from tests.local.conftest import RunningCloud

pytestmark = pytest.mark.xdist_group("clients")


def client(node: Driver, cloud: RunningCloud, **options: Any) -> Client:
    endpoint = "cn-hangzhou.log.aliyuncs.com:" + cloud.url.rpartition(":")[2]
    keys = {"accessKeyId": "local", "accessKeySecret": "local-secret", "regionId": "cn-hangzhou"}
    return Client(
        node, "@alicloud/sls20201230", {"endpoint": endpoint, "protocol": "HTTP", **keys, **options}
    )


def typed(name: str, **fields: Any) -> dict[str, Any]:
    """An object of one of the client's own classes."""
    return {"$type": name, **fields}


@pytest.fixture(scope="module", params=["v1", "v4"])
def sls(node: Driver, cloud: RunningCloud, request: pytest.FixtureRequest) -> Client:
    """The client under each of its signatures."""
    return client(node, cloud, signatureVersion=request.param)


@pytest.fixture(scope="module")
def project(sls: Client) -> str:
    """A project with an indexed logstore `events`, made by this client."""
    name = f"node-sls-{sls.options['signatureVersion']}"
    sls("createProject", typed("CreateProjectRequest", projectName=name, description="中文 + ~*"))
    store = typed("CreateLogStoreRequest", logstoreName="events", ttl=30, shardCount=2)
    sls("createLogStore", name, store)
    # Plain objects: of an IndexKey this client would send `docValue`, which is not the service's name.
    keys = {"name": {"type": "text", "token": [","]}, "ms": {"type": "long", "doc_value": True}}
    line = typed("IndexLine", token=[" ", ","], caseSensitive=False)
    sls("createIndex", name, "events", typed("CreateIndexRequest", body=typed("Index", keys=keys, line=line)))
    return name


@pytest.fixture(scope="module")
def logged_at(sls: Client, cloud: RunningCloud, project: str) -> int:
    """Five logs, `ms` from 0 to 4, put by the Python client at this time (epoch seconds)."""
    now = int(time.time())
    python = LogClient(cloud.url, "local", "local-secret")
    setattr(python, "_isRowIp", True)  # noqa: B010
    logs = [LogItem(now, contents=[("name", "Stopped"), ("ms", str(ms))]) for ms in range(5)]
    python.put_logs(PutLogsRequest(project, "events", "event", "python", logs))
    await_index(lambda: len(ask(sls, "getLogs", project, now, "*")), 5)
    return now


def ask(sls: Client, method: str, project: str, at: int, query: str) -> Any:
    request = typed(f"{method[0].upper()}{method[1:]}Request", query=query, to=at + 60)
    return sls(method, project, "events", request | {"from": at - 60})["body"]


def test_a_project_is_read_back(sls: Client, project: str) -> None:
    """What was sent in chunks has arrived whole."""
    assert sls("getProject", project)["body"]["description"] == "中文 + ~*"


def test_projects_are_listed_on_the_bare_host(sls: Client, project: str) -> None:
    """Where no project stands in front of the endpoint."""
    listed = sls("listProject", typed("ListProjectRequest", offset=0, size=100))["body"]["projects"]
    assert project in {one["projectName"] for one in listed}


def test_a_logstore_is_listed_with_its_shards(sls: Client, project: str) -> None:
    """Two shards that share the keys between them."""
    listed = sls("listLogStores", project, typed("ListLogStoresRequest"))["body"]["logstores"]
    shards = sls("listShards", project, "events")["body"]
    keys = [(one["inclusiveBeginKey"][:2], one["exclusiveEndKey"][:2]) for one in shards]
    assert (listed, keys) == (["events"], [("00", "80"), ("80", "ff")])


def test_logs_are_read_in_both_shapes(sls: Client, project: str, logged_at: int) -> None:
    """GetLogs answers a list, GetLogsV2 a document around it."""
    older = ask(sls, "getLogs", project, logged_at, "ms > 2")
    newer = ask(sls, "getLogsV2", project, logged_at, "ms > 2")
    assert [{"3", "4"}] * 2 == [{one["ms"] for one in logs} for logs in (older, newer["data"])]


def test_the_newer_answer_tells_of_itself(sls: Client, project: str, logged_at: int) -> None:
    """`meta` says whether it is complete and whether it was SQL."""
    meta = ask(sls, "getLogsV2", project, logged_at, "* | select max(ms) as longest")["meta"]
    assert (meta["progress"], meta["hasSQL"], meta["keys"]) == ("Complete", True, ["longest"])


def test_the_older_answer_tells_of_itself_in_headers(sls: Client, project: str, logged_at: int) -> None:
    """The same facts, as x-log- headers."""
    request = typed("GetLogsRequest", query="*", to=logged_at + 60) | {"from": logged_at - 60}
    headers = sls("getLogs", project, "events", request)["headers"]
    assert (headers["x-log-progress"], headers["x-log-count"]) == ("Complete", "5")


def test_a_histogram_counts_every_log_once(sls: Client, project: str, logged_at: int) -> None:
    """The buckets add up."""
    assert sum(one["count"] for one in ask(sls, "getHistograms", project, logged_at, "*")) == 5


def test_a_cursor_of_the_end_lies_behind_that_of_the_beginning(
    sls: Client, project: str, logged_at: int
) -> None:
    """In at least one of the shards there is something between them."""
    spans = [
        tuple(
            sls("getCursor", project, "events", shard, typed("GetCursorRequest") | {"from": where})["body"][
                "cursor"
            ]
            for where in ("begin", "end")
        )
        for shard in ("0", "1")
    ]
    assert any(begin != end for begin, end in spans)


def test_a_saved_search_is_kept(sls: Client, project: str) -> None:
    """For whoever opens the console."""
    saved = {"savedsearchName": "stops", "displayName": "停止", "logstore": "events", "searchQuery": "*"}
    sls("createSavedSearch", project, typed("CreateSavedSearchRequest", **saved))
    listed = sls("listSavedSearch", project, typed("ListSavedSearchRequest", offset=0, size=10))["body"]
    assert [saved] == [{key: one[key] for key in saved} for one in listed["savedsearchItems"]]


def test_a_consumer_group_is_kept(sls: Client, project: str) -> None:
    """With its timeout and order."""
    group = typed("CreateConsumerGroupRequest", consumerGroup="readers", timeout=30, order=True)
    sls("createConsumerGroup", project, "events", group)
    listed = sls("listConsumerGroup", project, "events")["body"]
    assert [(one["name"], one["timeout"], one["order"]) for one in listed] == [("readers", 30, True)]


def test_an_error_keeps_its_code_and_request_id(sls: Client, project: str) -> None:
    """LogStoreNotExist, with the id to ask support about."""
    with pytest.raises(Refused) as refused:
        sls("getLogStore", project, "nowhere")
    details = refused.value.details
    assert (
        details["code"],
        details["data"]["httpCode"],
        bool(details["data"]["requestId"]),
    ) == ("LogStoreNotExist", 404, True)


def test_a_wrong_secret_is_refused(node: Driver, cloud: RunningCloud, sls: Client, project: str) -> None:
    """Under either signature."""
    options = {"signatureVersion": sls.options["signatureVersion"], "accessKeySecret": "wrong"}
    with pytest.raises(Refused) as refused:
        client(node, cloud, **options)("getProject", project)
    assert refused.value.details["code"] == "SignatureNotMatch"
