"""An SLS logstore, written and searched. The only module that imports `aliyun.log`.

The SDK's client tries a failing call ten times, a second apart, and a failing put each time for as long as
its timeout: twenty minutes in which nothing is decided. Here its answers are turned into our
exceptions below that loop, so that each call is made once and `grouping.py` decides what to do. Requests are
signed with v4: v1 sets the locale of the whole process at every request.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from aliyun.log import IndexConfig, LogClient
from aliyun.log.log_logs_pb2 import LogGroup
from aliyun.log.logexception import LogException

from sink.credentials import Provider
from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.events import Record
from sink.stores.index import index_config

_PUT_SECONDS = 10
_QUERY_SECONDS = 60
"""SLS cuts a query off after 55 s."""

OLDEST_SECONDS = 168 * 3600 - 600
"""SLS takes log times of the last 168 h; ten minutes are left for the way and for clocks that differ."""
NEWEST_SECONDS = 600
"""And up to 15 min ahead; likewise."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave: rows of text, their columns in order, and whether SLS had time for all of it."""

    rows: Sequence[Mapping[str, str]]
    columns: Sequence[str]
    complete: bool
    processed_rows: int
    milliseconds: int


class SlsLogstore:
    """One logstore. `put` is for the event loop, the rest is for commands and synchronous."""

    def __init__(
        self,
        endpoint: str,
        project: str,
        logstore: str,
        provider: Provider,
        *,
        region: str,
        lanes: int = 4,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self.project = project
        self.name = logstore
        self._client = _OneTryClient(endpoint, provider, region)
        self._threads = ThreadPoolExecutor(lanes, "sls")
        self._wall_clock = wall_clock

    async def put(self, topic: str, records: Sequence[Record]) -> None:
        """PutLogs: all of the records, or none and a CloudError."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._put, topic, records)

    def _put(self, topic: str, records: Sequence[Record]) -> None:
        group = log_group(topic, records, now=self._wall_clock())
        self._client.timeout = _PUT_SECONDS
        with _mapped():
            self._client.put_log_raw(self.project, self.name, group)

    def query(self, text: str, start: int, end: int, limit: int = 100) -> Answer:
        """GetLogs over [start, end), in seconds since the epoch: a search, or a search and `| SQL`."""
        self._client.timeout = _QUERY_SECONDS
        with _mapped():
            answer = self._client.get_log(
                self.project, self.name, start, end, query=text, size=limit, reverse=True
            )
        rows = [_row(log) for log in answer.get_logs()]
        meta = answer.get_meta()
        return Answer(
            rows=rows,
            columns=meta.get_keys() or [] if answer.get_has_sql() else [],
            complete=answer.is_completed(),
            processed_rows=answer.get_processed_rows(),
            milliseconds=answer.get_elapsed_mills(),
        )

    def create(self, ttl_days: int) -> None:
        """Create project, logstore and index, whichever are missing; what is there is left as it is."""
        unless_there(lambda: self._client.create_project(self.project, "ecs-event-sink"))
        unless_there(lambda: self._client.create_logstore(self.project, self.name, ttl=ttl_days))
        config = IndexConfig()
        config.from_json(index_config())
        unless_there(lambda: self._client.create_index(self.project, self.name, config))

    def close(self) -> None:
        """End the threads; calls under way are let finish."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def log_group(topic: str, records: Sequence[Record], now: float) -> Any:
    """Build the protobuf that PutLogs takes.

    A log time outside SLS's window would have the whole group refused, so it is moved to the window's
    edge; the true time stands in the record as `event_time_ms`.
    """
    oldest, newest = int(now) - OLDEST_SECONDS, int(now) + NEWEST_SECONDS
    group = LogGroup(Topic=topic, Source="ecs-event-sink")
    for record in records:
        log = group.Logs.add(Time=min(max(record.time, oldest), newest))
        for key, value in record.fields.items():
            log.Contents.add(Key=key, Value=value)
    return group


@contextmanager
def _mapped() -> Iterator[None]:
    """Turn whatever the SDK raises into ours.

    On an answer that is not SLS's (a proxy's page, half a document) the SDK trips in many ways. They all mean
    that the service was not reached.
    """
    try:
        yield
    except CloudError:
        raise
    except LogException as error:
        raise error_of(error) from error
    except Exception as error:
        raise Unreachable(
            "SLS", type(error).__name__, f"no answer of SLS's: {error}", _CHECK_ENDPOINT
        ) from error


def unless_there(create: Callable[[], object]) -> None:
    """Create what may be there already."""
    try:
        with _mapped():
            create()
    except Rejected as error:
        if not error.code.lower().endswith(("alreadyexist", "alreadyexists")):
            raise


class _OneTryClient(LogClient):  # type: ignore[misc]
    """The SDK's client, which makes each call once and raises our exceptions."""

    def __init__(self, endpoint: str, provider: Provider, region: str) -> None:
        super().__init__(
            endpoint, credentials_provider=provider, auth_version="v4", region=region, source="ecs-event-sink"
        )
        # The SDK looks for an address with scheme and port still on it, and so never finds one.
        self._isRowIp = _is_address(endpoint)

    def _sendRequest(self, *args: Any, **options: Any) -> Any:  # noqa: N802 - the SDK's name
        try:
            return super()._sendRequest(*args, **options)
        except LogException as error:
            raise error_of(error) from error


def _is_address(endpoint: str) -> bool:
    host = urlsplit(endpoint if "//" in endpoint else f"//{endpoint}").hostname or ""
    return host == "localhost" or re.fullmatch(r"[\d.]+", host) is not None


def _row(log: Any) -> dict[str, str]:
    """A row as SLS gave it: the contents, and the time that the SDK takes apart from them."""
    contents: dict[str, str] = dict(log.get_contents())
    if log.get_time() and "__time__" not in contents:
        contents = {"__time__": str(log.get_time()), **contents}
    return contents


def error_of(error: LogException) -> CloudError:
    """Our exception for the SDK's, by the table of SLS's common error codes.

    On the SDK's own failures the status tells nothing: it is 200 there. The vendor's own pages spell codes
    with and without a plural s, and in both cases.
    """
    code, status = error.get_error_code(), error.resp_status
    kind, hint = _KINDS.get(_folded(code)) or _kind_of_status(status, code)
    return kind("SLS", code, error.get_error_message(), hint, error.get_request_id() or "")


def _folded(code: str) -> str:
    return code.lower().removesuffix("s")


def _kind_of_status(status: int, code: str) -> tuple[type[CloudError], str]:
    """What an unknown code means: refused for good only where SLS says that the request is bad."""
    if code == "LogRequestError" and status not in (400, 413):
        return Unreachable, _CHECK_ENDPOINT
    if status >= 500 or code == "BadResponse":
        return Unreachable, ""
    return (Rejected, "") if status in (400, 413) else (Denied, "See the code in SLS's error reference")


_CHECK_ENDPOINT = "Check [sls] endpoint and the network"
_CHECK_KEYS = "Check the AccessKey and its permissions (log:PostLogStoreLogs and the like) on this logstore"
_QUOTA = "SLS's quota is used up: more shards, or a higher quota, help"

_KINDS: dict[str, tuple[type[CloudError], str]] = {
    _folded(code): (kind, hint)
    for kind, hint, codes in (
        (Unreachable, "", "InternalServerError ServerBusy RequestTimeout ServiceUnavailable"),
        (
            Throttled,
            _QUOTA,
            "WriteQuotaExceed ShardWriteQuotaExceed ReadQuotaExceed ExceedQuota ProjectQuotaExceed",
        ),
        (Throttled, _QUOTA, "ShardReadQuotaExceed QuotaExceed"),
        (Denied, "Set this machine's clock: it is off by more than 15 minutes", "RequestTimeTooSkewed"),
        (Denied, "Set this machine's clock", "RequestTimeExpired"),
        (Denied, _CHECK_KEYS, "Unauthorized InvalidAccessKeyId AccessKeyDisabled"),
        (Denied, "The AccessKey secret does not belong to the key", "SignatureNotMatch"),
        (Denied, "The STS token is wrong or has expired", "SecurityTokenExpired InvalidSecurityToken"),
        (Missing, "Correct [sls] project, or create the project", "ProjectNotExist"),
        (Missing, "Correct [sls] logstore, or create the logstore", "LogStoreNotExist"),
        (Missing, "Create the logstore's index", "IndexConfigNotExist"),
    )
    for code in codes.split()
}
