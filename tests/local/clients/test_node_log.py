"""SLS as @alicloud/log, the vendor's light client for Node, meets it.

It parses every answer that calls itself JSON, an empty one too; it writes parameters that are not given as
empty ones; and it reads logs by the older GetLogs, whose facts stand in headers.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.local.clients.conftest import Client, Driver, Refused, await_index
from tests.local.conftest import RunningCloud

pytestmark = pytest.mark.xdist_group("clients")

INDEX = {
    "line": {"token": [" ", ",", ":"], "caseSensitive": False},
    "keys": {
        "name": {"type": "text", "token": [",", ":"], "caseSensitive": False, "doc_value": True},
        "ms": {"type": "long", "doc_value": True},
    },
}


def client(node: Driver, cloud: RunningCloud, **options: Any) -> Client:
    endpoint = "cn-hangzhou.log.aliyuncs.com:" + cloud.url.rpartition(":")[2]
    keys = {"accessKeyId": "local", "accessKeySecret": "local-secret"}
    return Client(node, "@alicloud/log", {"endpoint": endpoint, **keys, **options})


@pytest.fixture(scope="module")
def sls(node: Driver, cloud: RunningCloud) -> Client:
    return client(node, cloud)


@pytest.fixture(scope="module")
def project(sls: Client) -> str:
    """A project with an indexed logstore `events`."""
    sls("createProject", "node-log", {"description": "for tests"})
    sls("createLogStore", "node-log", "events", {"ttl": 30, "shardCount": 2})
    sls("createIndex", "node-log", "events", INDEX)
    return "node-log"


@pytest.fixture(scope="module")
def logged_at(sls: Client, project: str) -> int:
    """Five logs, `ms` from 0 to 4, at this time (epoch seconds)."""
    now = int(time.time())
    logs = [
        {"timestamp": now, "content": {"name": "Instance:StateChange", "ms": str(ms), "实例": "订单服务"}}
        for ms in range(5)
    ]
    group = {"logs": logs, "topic": "event", "source": "node", "tags": [{"rack": "7"}]}
    sls("postLogStoreLogs", project, "events", group)
    await_index(lambda: len(search(sls, project, now, "*")), 5)
    return now


def search(sls: Client, project: str, at: int, query: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = sls(
        "getLogs", project, "events", {"$date": at - 60}, {"$date": at + 60}, {"query": query}
    )
    return found


def test_calls_without_an_answer_answer_nothing(sls: Client) -> None:
    """An empty body must not call itself JSON."""
    assert sls("createProject", "silent", {"description": "x"}) == ""


def test_a_project_is_read_back(sls: Client, project: str) -> None:
    """By the name in the Host, with its port."""
    assert sls("getProject", project)["description"] == "for tests"


def test_a_project_is_not_created_twice(sls: Client, project: str) -> None:
    """ProjectAlreadyExist, which provisioning takes for done."""
    with pytest.raises(Refused) as refused:
        sls("createProject", project, {"description": "again"})
    assert refused.value.details["code"] == "ProjectAlreadyExist"


def test_logstores_are_listed_with_parameters_that_are_not_given(sls: Client, project: str) -> None:
    """`logstoreName=&offset=&size=` means no filter and the usual page."""
    assert sls("listLogStore", project)["logstores"] == ["events"]


def test_a_logstore_is_changed_and_deleted(sls: Client, project: str) -> None:
    """Each change is there at once."""
    sls("createLogStore", project, "passing", {"ttl": 1, "shardCount": 1})
    sls("updateLogStore", project, "passing", {"ttl": 3, "shardCount": 1})
    ttl = sls("getLogStore", project, "passing")["ttl"]
    sls("deleteLogStore", project, "passing")
    with pytest.raises(Refused) as refused:
        sls("getLogStore", project, "passing")
    assert (ttl, refused.value.details["code"]) == (3, "LogStoreNotExist")


def test_an_index_is_read_back(sls: Client, project: str) -> None:
    """As it was made."""
    assert sls("getIndexConfig", project, "events")["keys"] == INDEX["keys"]


def test_a_log_comes_back_whole(sls: Client, project: str, logged_at: int) -> None:
    """With topic, source, tags and Chinese keys."""
    log = {
        "__time__": str(logged_at),
        "__topic__": "event",
        "__source__": "node",
        "__tag__:rack": "7",
        "name": "Instance:StateChange",
        "ms": "3",
        "实例": "订单服务",
    }
    found = search(sls, project, logged_at, "ms = 3")
    assert [log] == [{key: one[key] for key in log} for one in found]


def test_a_search_finds_what_it_says(sls: Client, project: str, logged_at: int) -> None:
    """Phrases and ranges."""
    found = search(sls, project, logged_at, 'name:"Instance:StateChange" and ms > 2')
    assert {one["ms"] for one in found} == {"3", "4"}


def test_sql_answers_in_text(sls: Client, project: str, logged_at: int) -> None:
    """Numbers come as strings."""
    answer = search(sls, project, logged_at, "* | select count(1) as pv, sum(ms) as total")
    assert [{key: row[key] for key in ("pv", "total")} for row in answer] == [{"pv": "5", "total": "10"}]


def test_a_histogram_counts_every_log_once(sls: Client, project: str, logged_at: int) -> None:
    """The buckets add up, and each is complete."""
    span = {"$date": logged_at - 60}, {"$date": logged_at + 60}
    buckets = sls("getHistograms", project, "events", *span, {"query": "*"})
    assert (5, {"Complete"}) == (sum(one["count"] for one in buckets), {one["progress"] for one in buckets})


def test_a_faulty_query_is_refused_with_its_reason(sls: Client, project: str, logged_at: int) -> None:
    """A code and a text, not an empty answer."""
    with pytest.raises(Refused) as refused:
        search(sls, project, logged_at, "* | select nonsense(ms")
    assert refused.value.details["code"] == "ParameterInvalid"


def test_a_wrong_secret_is_refused(node: Driver, cloud: RunningCloud, project: str) -> None:
    """The spelling of SLS, not that of MNS."""
    with pytest.raises(Refused) as refused:
        client(node, cloud, accessKeySecret="wrong")("getProject", project)
    assert refused.value.details["code"] == "SignatureNotMatch"


def test_an_sts_token_is_taken(node: Driver, cloud: RunningCloud, project: str) -> None:
    """Signed as x-acs-security-token."""
    keys = {"accessKeyId": "STS.local", "accessKeySecret": "sts-secret", "securityToken": "sts-token"}
    assert client(node, cloud, **keys)("getProject", project)["projectName"] == project


def test_what_is_not_emulated_is_refused_by_name(sls: Client, project: str) -> None:
    """SQL over a whole project: the text says what is missing."""
    with pytest.raises(Refused, match="not emulated"):
        sls("getProjectLogs", project, {"query": "select count(1) from events"})
