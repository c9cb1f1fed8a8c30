"""An SLS logstore, searched through the official SDK: what commands need, not every event.

The SDK's client tries a failing call ten times, a second apart. Here its answers are turned into our
exceptions below that loop, so that each call is made once. Requests are signed with v4: v1 sets the locale
of the whole process at every request. The import takes a while, so `wiring.py` does it where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aliyun.log import LogClient
from aliyun.log.logexception import LogException

from sink.credentials import Provider
from sink.errors import CloudError, Unreachable
from sink.stores import errors
from sink.stores.endpoint import is_address
from sink.stores.errors import CHECK_ENDPOINT

_ANSWER_SECONDS = 60
"""SLS cuts a query off after 55 s."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave: rows of text, their columns in order, and whether SLS had time for all of it."""

    rows: Sequence[Mapping[str, str]]
    columns: Sequence[str]
    complete: bool
    processed_rows: int
    milliseconds: int


class SlsLogstore:
    """One logstore, for one thread."""

    def __init__(
        self,
        endpoint: str,
        project: str,
        logstore: str,
        provider: Provider,
        *,
        region: str,
    ) -> None:
        self.project = project
        self.name = logstore
        self._client = _OneTryClient(endpoint, provider, region)

    def query(self, text: str, start: int, end: int, limit: int = 100) -> Answer:
        """GetLogs over [start, end), in seconds since the epoch: a search, or a search and `| SQL`."""
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

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


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
            "SLS", type(error).__name__, f"no answer of SLS's: {error}", CHECK_ENDPOINT
        ) from error


class _OneTryClient(LogClient):  # type: ignore[misc]
    """The SDK's client, which makes each call once and raises our exceptions."""

    def __init__(self, endpoint: str, provider: Provider, region: str) -> None:
        super().__init__(
            endpoint, credentials_provider=provider, auth_version="v4", region=region, source="ecs-event-sink"
        )
        # The SDK looks for an address with scheme and port still on it, and so never finds one.
        self._isRowIp = is_address(endpoint)
        self.timeout = _ANSWER_SECONDS

    def close(self) -> None:
        self._session.close()

    def _sendRequest(self, *args: Any, **options: Any) -> Any:  # noqa: N802 - the SDK's name
        try:
            return super()._sendRequest(*args, **options)
        except LogException as error:
            raise error_of(error) from error


def _row(log: Any) -> dict[str, str]:
    """A row as SLS gave it: the contents, and the time that the SDK takes apart from them."""
    contents: dict[str, str] = dict(log.get_contents())
    if log.get_time() and "__time__" not in contents:
        contents = {"__time__": str(log.get_time()), **contents}
    return contents


def error_of(error: LogException) -> CloudError:
    """Our exception for the SDK's. On its own failures the status tells nothing: it is 200 there."""
    return errors.error_of(
        error.get_error_code(), error.resp_status, error.get_error_message(), error.get_request_id() or ""
    )
