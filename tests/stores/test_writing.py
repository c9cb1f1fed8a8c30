"""PutLogs over our own connections: the request that the SDK makes, and every answer as one of ours."""

from __future__ import annotations

import asyncio
import calendar
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from aliyun.log import LogClient
from aliyun.log.log_logs_pb2 import LogGroup

from sink.credentials import LOCAL_KEYS, Keys, StaticKeys
from sink.errors import CloudError, Denied, Missing, Throttled, Unreachable
from sink.events import Receipt, Record, parse_body
from sink.stores import LogWriter
from sink.stores.encoding import NEWEST_SECONDS, OLDEST_SECONDS, log_group
from sink.stores.index import index_config
from sink.wire import NO_ANSWER
from tests import samples
from tests.conftest import RunningCloud
from tests.faults import STRANGE_ANSWERS, answering, inject, requests
from tests.local.conftest import STS
from tests.processes import make_logstore, put_records
from tests.stores.test_errors import CODES

PROJECT, LOGSTORE, REGION = "ecs-event-sink", "ecs-events", "cn-hangzhou"
STS_KEYS = StaticKeys(STS.key_id, STS.secret, STS.security_token or "")
NOTHING = b"HTTP/1.1 200 OK\r\ncontent-type: text/xml\r\ncontent-length: 0\r\n\r\n"


def some_records(count: int = 1) -> list[Record]:
    receipt = Receipt("ecs-events", round(time.time() * 1000), "sink-1")
    outside = {"instanceName": "网关", "eventTime": samples.just_now()}
    bodies = [samples.state_change("Stopped", instance=f"i-{n}", **outside) for n in range(count)]
    return [parse_body(body).record(receipt, "MID-1", 1) for body in bodies]


def failure(url: str, keys: StaticKeys = LOCAL_KEYS) -> CloudError:
    with pytest.raises(CloudError) as caught:
        put_records(url, some_records(), keys)
    return caught.value


@contextmanager
def recording() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """A server that answers 200: its URL, and the request that came."""
    heard: list[bytes] = []

    def serve() -> None:
        client, _ = server.accept()
        with client:
            heard.append(_whole_request(client))
            client.sendall(b"HTTP/1.1 200 OK\r\nx-log-requestid: R-1\r\ncontent-length: 0\r\n\r\n")

    def request() -> bytes:
        thread.join()
        return heard[0]

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", request


def _whole_request(client: socket.socket) -> bytes:
    """What comes until the body is whole."""
    data = b""
    while True:
        data += client.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if length and len(body) >= int(length[0].split(b":")[1]):
            return data


def parts_of(request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers by names in lower case, and the body."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = (line.split(":", 1) for line in lines)
    return first, {name.lower(): value.strip() for name, value in headers}, body


def sent_by_the_sdk(records: list[Record], keys: StaticKeys) -> bytes:
    group = LogGroup(Topic=records[0].topic, Source="ecs-event-sink")
    for record in records:
        log = group.Logs.add(Time=record.time)
        for key, value in record.fields.items():
            log.Contents.add(Key=key, Value=value)
    with recording() as (url, request), sdk_client(url, keys) as client:
        client.put_log_raw(PROJECT, LOGSTORE, group)
        return request()


@contextmanager
def sdk_client(url: str, keys: StaticKeys = LOCAL_KEYS) -> Iterator[LogClient]:
    client = LogClient(url, credentials_provider=keys, auth_version="v4", region=REGION)
    # The SDK looks for an address with scheme and port still on it, and so never finds one.
    setattr(client, "_isRowIp", True)  # noqa: B010
    yield client
    client._session.close()


def sent_by_us(records: list[Record], keys: StaticKeys, now: float) -> bytes:
    async def put(url: str) -> None:
        writer = LogWriter(url, PROJECT, LOGSTORE, keys, region=REGION, wall_clock=lambda: now)
        await writer.put(records[0].topic, records)
        writer.close()

    with recording() as (url, request):
        asyncio.run(put(url))
        return request()


@pytest.mark.parametrize("keys", [StaticKeys("id", "secret"), StaticKeys("STS.id", "secret", "a/token+x=")])
def test_the_request_is_the_sdks(keys: StaticKeys) -> None:
    """Byte for byte in all that SLS looks at, for the same second, keys and records."""
    records = some_records(100)
    line, expected, body = parts_of(sent_by_the_sdk(records, keys))
    at = calendar.timegm(time.strptime(expected["x-log-date"], "%Y%m%dT%H%M%SZ"))
    our_line, headers, our_body = parts_of(sent_by_us(records, keys, at + 0.9))

    assert (our_line, our_body) == (line, body)
    ignored = {"user-agent", "accept", "accept-encoding", "connection"}
    assert headers == {name: value for name, value in expected.items() if name not in ignored}
    assert ("x-acs-security-token" in headers) is bool(keys.token)


@pytest.mark.parametrize(
    ("offset", "expected"),
    [(0, 0), (-3600, -3600), (-OLDEST_SECONDS - 99, -OLDEST_SECONDS), (NEWEST_SECONDS + 99, NEWEST_SECONDS)],
)
def test_times_outside_the_window_are_moved_to_its_edge(offset: int, expected: int) -> None:
    """Else SLS refuses the whole group; the true time stands in the record."""
    now = 1_800_000_000

    (log,) = LogGroup.FromString(
        log_group("event", [Record.of("event", now + offset, {"a": "b"})], now=now)
    ).Logs

    assert log.Time == now + expected


@pytest.mark.parametrize("keys", [LOCAL_KEYS, STS_KEYS], ids=["key", "token"])
def test_records_are_stored_over_one_connection(cloud: RunningCloud, keys: StaticKeys) -> None:
    """One after another, with lasting and with temporary keys."""
    make_logstore(cloud.url)

    async def put() -> None:
        writer = LogWriter(cloud.url, PROJECT, LOGSTORE, keys, region=REGION)
        for _ in range(3):
            await writer.put("event", some_records(100))
        writer.close()

    asyncio.run(put())
    assert [entry["status"] for entry in requests(cloud.url, "PostLogStoreLogs")] == [200] * 3


def test_a_logstore_is_made_once(cloud: RunningCloud) -> None:
    """With the index of `index.py`; one that is there is left as it is."""
    make_logstore(cloud.url)
    create(cloud.url, ttl_days=1)

    with sdk_client(cloud.url) as client:
        assert client.get_logstore(PROJECT, LOGSTORE).get_ttl() == 30
        index = client.get_index_config(PROJECT, LOGSTORE).get_index_config().to_json()
    assert set(index["keys"]) == set(index_config()["keys"])
    made = [entry["status"] for entry in requests(cloud.url) if entry["operation"].startswith("Create")]
    assert made == [200] * 3 + [400] * 3


def test_a_logstore_that_cannot_be_made_is_told(cloud: RunningCloud) -> None:
    """That it is there already is the only refusal that is none."""
    inject(cloud.url, "sls:CreateLogStore", status=403, code="ProjectQuotaExceed", message="enough")

    with pytest.raises(Throttled):
        create(cloud.url, ttl_days=30)


def create(url: str, ttl_days: int) -> None:
    async def run() -> None:
        with closing(LogWriter(url, PROJECT, LOGSTORE, LOCAL_KEYS, region=REGION)) as writer:
            await writer.create(ttl_days)

    asyncio.run(run())


def test_a_missing_project_says_what_to_do(cloud: RunningCloud) -> None:
    """A typing slip in config.ini."""
    error = failure(cloud.url)

    assert (type(error), error.hint) == (Missing, "Correct [sls] project, or create the project")
    assert error.request_id


@pytest.mark.parametrize("keys", [StaticKeys("nobody", "x"), StaticKeys("local", "wrong")])
def test_wrong_keys_are_the_operators(cloud: RunningCloud, keys: StaticKeys) -> None:
    """Trying faster would not help."""
    assert type(failure(cloud.url, keys)) is Denied


def test_keys_that_were_refused_are_asked_for_anew(cloud: RunningCloud) -> None:
    """A token that was revoked is replaced at the next try."""
    make_logstore(cloud.url)
    found = [StaticKeys("local", "wrong"), LOCAL_KEYS]

    class Rotating:
        def get_credentials(self) -> Keys:
            return found.pop(0)

    async def put() -> None:
        writer = LogWriter(cloud.url, PROJECT, LOGSTORE, Rotating(), region=REGION)
        with pytest.raises(Denied):
            await writer.put("event", some_records())
        await writer.put("event", some_records())
        await writer.put("event", some_records())
        writer.close()

    asyncio.run(put())
    assert found == []


def test_a_clock_that_is_off_is_the_operators(cloud: RunningCloud) -> None:
    """SLS takes a date within 15 minutes of its own."""
    make_logstore(cloud.url)
    cloud.clock.forward(20 * 60)

    error = failure(cloud.url)

    assert (type(error), error.code) == (Denied, "RequestTimeTooSkewed")


@pytest.mark.parametrize(("status", "code", "kind"), CODES)
def test_each_code_is_of_its_sort_and_asked_once(
    cloud: RunningCloud, status: int, code: str, kind: type
) -> None:
    """By the vendor's table. What is tried again is decided elsewhere."""
    make_logstore(cloud.url)
    inject(cloud.url, "sls:PostLogStoreLogs", status=status, code=code, message="injected")

    assert type(failure(cloud.url)) is kind
    assert len(requests(cloud.url, "PostLogStoreLogs")) == 1


def test_a_lost_answer_is_unreachable_at_once(cloud: RunningCloud) -> None:
    """The group may be stored or not; nobody here knows."""
    make_logstore(cloud.url)
    inject(cloud.url, "sls:PostLogStoreLogs", reset=True)

    error = failure(cloud.url)

    assert (type(error), error.code) == (Unreachable, NO_ANSWER)
    assert len(requests(cloud.url, "PostLogStoreLogs")) == 1


@pytest.mark.parametrize("answer", [answer for answer in STRANGE_ANSWERS if answer != NOTHING])
def test_an_answer_that_is_not_the_services_is_none(answer: bytes) -> None:
    """A proxy's page in the place of JSON, half a document, nothing at all."""
    with answering(answer) as url:
        error = failure(url)

    assert (type(error), error.code) == (Unreachable, NO_ANSWER)


def test_a_200_without_a_body_is_success() -> None:
    """It is how SLS says that the logs are stored."""
    with answering(NOTHING) as url:
        put_records(url, some_records())


def test_a_closed_writer_refuses(cloud: RunningCloud) -> None:
    """Whoever comes late hears so at once."""

    async def put() -> None:
        writer = LogWriter(cloud.url, PROJECT, LOGSTORE, LOCAL_KEYS, region=REGION)
        writer.close()
        await writer.put("event", some_records())

    with pytest.raises(Unreachable, match="stopped"):
        asyncio.run(put())
