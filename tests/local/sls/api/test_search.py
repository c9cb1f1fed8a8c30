"""GetLogs in both shapes and GetHistograms, through the official client."""

from __future__ import annotations

import time
from functools import partial

import pytest
from aliyun.log import GetHistogramsRequest

from tests.local.sls.conftest import Store, refusal


@pytest.fixture
def filled(store: Store) -> Store:
    """Three indexed logs of topic `event`, a second apart."""
    store.index(name="text", code="long")
    now = int(time.time())
    for code, name in enumerate(["Instance:StateChange", "Disk:Stalled", "实例 重启"]):
        store.put({"name": name, "code": str(code)}, at=now - 10 + code, topic="event")
    store.wait_for(3)
    return store


@pytest.fixture(params=["post", "get"])
def either(filled: Store, request: pytest.FixtureRequest) -> Store:
    """The same, asked by POST and by the older GET."""
    filled.client._get_logs_v2_enabled = request.param == "post"
    return filled


def test_logs_come_as_they_were_put(either: Store) -> None:
    """Contents, topic, source and time, the older first."""
    now = int(time.time())
    found = either.client.get_log(either.project, either.name, now - 60, now + 60)
    assert [log.get_contents()["code"] for log in found.get_logs()] == ["0", "1", "2"]
    first = found.get_logs()[0]
    assert (first.get_source(), first.get_contents()["__topic__"]) == ("10.0.0.1", "event")
    assert abs(first.get_time() - now) < 30


def test_the_answer_tells_of_itself(either: Store) -> None:
    """Complete, how many, and that it was no SQL."""
    now = int(time.time())
    found = either.client.get_log(
        either.project, either.name, now - 60, now + 60, query='name: "Disk:Stalled"'
    )
    assert (found.is_completed(), found.get_count(), found.get_has_sql()) == (True, 1, False)
    assert found.get_where_query() == 'name: "Disk:Stalled"'


def test_a_query_may_be_chinese(either: Store) -> None:
    """In the body of the one, in the query string of the other, and echoed in a header there."""
    assert [log["code"] for log in either.get('name: "重启"')] == ["2"]


def test_pages_and_order(either: Store) -> None:
    """line, offset and reverse."""
    assert [log["code"] for log in either.get(size=1, offset=1)] == ["1"]
    assert [log["code"] for log in either.get(reverse=True, size=2)] == ["2", "1"]


def test_a_topic_narrows(either: Store) -> None:
    """Only logs of exactly this topic."""
    assert (len(either.get(topic="event")), either.get(topic="eve")) == (3, [])


def test_more_than_a_page_is_fetched_page_by_page(filled: Store) -> None:
    """The SDK asks for a hundred at a time, the most that the service gives."""
    filled.put(*[{"name": "many", "code": str(number)} for number in range(250)])
    filled.wait_for(100, "name: many")
    found = filled.get("name: many", size=-1)
    assert len({log["code"] for log in found}) == 250


def test_a_line_above_the_most_gives_the_most(filled: Store) -> None:
    """The service does not refuse `line` 1000, it answers 100."""
    filled.put(*[{"name": "many", "code": str(number)} for number in range(150)])
    filled.wait_for(100, "name: many")
    now = int(time.time())
    body = b'{"from": %d, "to": %d, "line": 1000, "query": "name: many"}' % (now - 60, now + 60)
    answer, _ = filled.client._send("POST", filled.project, body, f"/logstores/{filled.name}/logs", {}, {})
    assert answer["meta"]["count"] == 100


def test_sql_counts(either: Store) -> None:
    """Values are text, and the answer says that it is SQL."""
    now = int(time.time())
    query = "* | select count(1) as pv, max(code) as top"
    found = either.client.get_log(either.project, either.name, now - 60, now + 60, query=query)
    assert [log.get_contents() for log in found.get_logs()] == [{"pv": "3", "top": "2"}]
    assert found.get_has_sql() is True


def test_a_histogram_adds_up(filled: Store) -> None:
    """Its bars cover the time asked for, and sum up to the count of the query."""
    now = int(time.time())
    request = GetHistogramsRequest(filled.project, filled.name, now - 600, now + 60, "", "code >= 1")
    found = filled.client.get_histograms(request)
    bars = found.get_histograms()
    assert (found.get_total_count(), found.is_completed()) == (2, True)
    assert (bars[0].get_from(), bars[-1].get_to()) == (now - 600, now + 60)


def test_a_histogram_is_also_found_under_the_index(filled: Store) -> None:
    """sls20201230 asks there."""
    now = int(time.time())
    params = {"type": "histogram", "from": str(now - 60), "to": str(now + 60)}
    bars, _ = filled.client._send("GET", filled.project, None, f"/logstores/{filled.name}/index", params, {})
    assert sum(bar["count"] for bar in bars) == 3


def test_without_an_index_there_is_no_search(store: Store) -> None:
    """400 IndexConfigNotExist, for both operations."""
    assert refusal(store.get) == (400, "IndexConfigNotExist")
    now = int(time.time())
    request = GetHistogramsRequest(store.project, store.name, now - 60, now, "", "*")
    assert refusal(lambda: store.client.get_histograms(request)) == (400, "IndexConfigNotExist")


def test_an_empty_time_range_is_refused(either: Store) -> None:
    """400 InvalidTimeRange: the end does not belong to it."""
    now = int(time.time())
    assert refusal(partial(either.client.get_log, either.project, either.name, now, now)) == (
        400,
        "InvalidTimeRange",
    )


@pytest.mark.parametrize(
    "given",
    [b'"from": -1, "to": 5', b'"from": "soon", "to": 5', b'"from": 1, "to": 5, "offset": -1', b'"to": 5'],
)
def test_a_bad_parameter_is_refused(filled: Store, given: bytes) -> None:
    """ParameterInvalid."""
    path = f"/logstores/{filled.name}/logs"
    ask = partial(filled.client._send, "POST", filled.project, b"{%s}" % given, path, {}, {})
    assert refusal(ask) == (400, "ParameterInvalid")


def test_a_syntax_error_is_refused(either: Store) -> None:
    """ParameterInvalid."""
    assert refusal(lambda: either.get("name: (")) == (400, "ParameterInvalid")


def test_context_is_refused_loudly(filled: Store) -> None:
    """GetContextLogs needs packs as Logtail writes them; it is not emulated."""
    ask = partial(filled.client.get_context_logs, filled.project, filled.name, "id", "meta", 1, 1)
    assert refusal(ask) == (400, "ParameterInvalid")
