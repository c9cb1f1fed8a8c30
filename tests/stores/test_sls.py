"""An SLS logstore through the official SDK: made, searched, and every failure as one of ours."""

from __future__ import annotations

import inspect
import time
from collections.abc import Iterator
from contextlib import contextmanager

import aliyun.log.logexception as sdk
import pytest

from sink.credentials import LOCAL_KEYS, StaticKeys
from sink.errors import CloudError, Denied, Missing, Rejected, Unreachable
from sink.events import Receipt, Record, parse_body
from sink.stores.sls import Answer, SlsLogstore, error_of
from tests import samples
from tests.conftest import RunningCloud
from tests.faults import STRANGE_ANSWERS, answering, inject, requests
from tests.processes import make_logstore, put_records
from tests.stores.test_errors import CODES

PATIENCE_SECONDS = 10


@contextmanager
def logstore(url: str, keys: StaticKeys = LOCAL_KEYS, create: bool = True) -> Iterator[SlsLogstore]:
    store = SlsLogstore(url, "ecs-event-sink", "ecs-events", keys, region="cn-hangzhou")
    try:
        if create:
            make_logstore(url, keys)
        yield store
    finally:
        store.close()


def found(store: SlsLogstore, query: str, rows: int = 1) -> Answer:
    """Query until so many rows are there: what is stored becomes searchable a moment later."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = store.query(query, 0, int(time.time()) + 900)
        if len(answer.rows) >= rows or time.monotonic() > give_up_at:
            return answer
        time.sleep(0.05)


def event_record(body: str) -> Record:
    receipt = Receipt("ecs-events", round(time.time() * 1000), "sink-1")
    return parse_body(body).record(receipt, "MID-1", 1)


def test_a_stored_event_is_found_by_each_of_its_fields(cloud: RunningCloud) -> None:
    """The index knows the public schema."""
    record = event_record(samples.state_change("Stopped", instanceName="网关"))
    with logstore(cloud.url) as store:
        put_records(cloud.url, [record])
        searches = [
            f'{key}:"{value}"'
            for key, value in record.fields.items()
            if key not in ("content", "body", "event_time")
        ] + ["content.state:Stopped", '__topic__:event and kind:"Instance:StateChange"', "Stopped", "网关"]
        answers = {search: found(store, search) for search in searches}

    assert {search: len(answer.rows) for search, answer in answers.items()} == dict.fromkeys(searches, 1)


def test_a_stored_event_comes_back_whole(cloud: RunningCloud) -> None:
    """Every field, byte for byte."""
    record = event_record(samples.state_change(eventTime=samples.just_now(), instanceName="网关"))
    with logstore(cloud.url) as store:
        put_records(cloud.url, [record])
        (row,) = found(store, "*").rows

    assert {key: row[key] for key in record.fields} == record.fields
    assert row["__time__"] == str(int(record.fields["event_time_ms"]) // 1000)


def test_sql_gives_its_columns_in_order(cloud: RunningCloud) -> None:
    """A table is printed as it was asked for."""
    with logstore(cloud.url) as store:
        states = ("Stopped", "Running", "Running")
        put_records(cloud.url, [event_record(samples.state_change(state)) for state in states])
        answer = found(store, "* | select state, count(1) as n group by state order by n desc", 2)

    assert list(answer.columns) == ["state", "n"]
    assert [dict(row) for row in answer.rows] == [
        {"state": "Running", "n": "2"},
        {"state": "Stopped", "n": "1"},
    ]


def test_more_than_a_page_is_fetched(cloud: RunningCloud) -> None:
    """GetLogs gives a hundred at a time."""
    with logstore(cloud.url) as store:
        put_records(cloud.url, [event_record(samples.state_change(instance=f"i-{n}")) for n in range(250)])
        found(store, "*", 100)
        answer = store.query("*", 0, int(time.time()) + 900, limit=240)

    assert len({row["instance_id"] for row in answer.rows}) == 240


def test_times_outside_the_window_are_taken(cloud: RunningCloud) -> None:
    """An event that waited for years, one from the future, and one from before the epoch."""
    times = ["20181226T220114.058+0800", "20991226T220114.058+0800", "19650101T000000.000+0000"]
    with logstore(cloud.url) as store:
        put_records(cloud.url, [event_record(samples.state_change(eventTime=text)) for text in times])
        answer = found(store, "*", 3)

    assert {row["event_time"] for row in answer.rows} == set(times)


def failure(url: str, keys: StaticKeys = LOCAL_KEYS, create: bool = True) -> CloudError:
    with logstore(url, keys, create) as store, pytest.raises(CloudError) as caught:
        store.query("*", 0, int(time.time()))
    return caught.value


def test_a_missing_project_says_what_to_do(cloud: RunningCloud) -> None:
    """A typing slip in config.ini."""
    error = failure(cloud.url, create=False)

    assert (type(error), error.hint) == (Missing, "Correct [sls] project, or create the project")


@pytest.mark.parametrize("keys", [StaticKeys("nobody", "x"), StaticKeys("local", "wrong")])
def test_wrong_keys_are_the_operators(cloud: RunningCloud, keys: StaticKeys) -> None:
    """Trying faster would not help."""
    assert type(failure(cloud.url, keys, create=False)) is Denied


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_each_code_is_of_its_sort_and_asked_once(
    cloud: RunningCloud, status: int, code: str, kind: type
) -> None:
    """By the vendor's table. The SDK alone would have asked ten times, a second apart."""
    inject(cloud.url, "sls:GetLogs", status=status, code=code, message="injected")

    assert type(failure(cloud.url)) is kind
    assert len(requests(cloud.url, "GetLogs")) == 1


def test_a_lost_answer_is_unreachable_at_once(cloud: RunningCloud) -> None:
    """The SDK alone would have asked ten times."""
    inject(cloud.url, "sls:GetLogs", reset=True)

    assert type(failure(cloud.url)) is Unreachable
    assert len(requests(cloud.url, "GetLogs")) == 1


@pytest.mark.parametrize("answer", STRANGE_ANSWERS)
def test_an_answer_that_is_not_the_services_is_no_crash(answer: bytes) -> None:
    """A proxy's page in the place of JSON, half a document, nothing at all."""
    with answering(answer) as url, logstore(url, create=False) as store, pytest.raises(CloudError):
        store.query("*", 0, 10)


def test_a_faulty_query_comes_back_in_the_services_words(cloud: RunningCloud) -> None:
    """What is wrong, and where."""
    with logstore(cloud.url) as store, pytest.raises(Rejected) as caught:
        store.query("name:Instance:StateChange", 0, int(time.time()))

    assert caught.value.code == "ParameterInvalid"


def test_every_exception_of_the_sdk_is_mapped() -> None:
    """A class that a new release brings must be thought of."""
    classes = {
        name
        for name, found in inspect.getmembers(sdk, inspect.isclass)
        if issubclass(found, Exception) and found.__module__ == sdk.__name__
    }

    assert classes == {"LogException"}
    assert type(error_of(sdk.LogException("LogRequestError", "x"))) is Unreachable
