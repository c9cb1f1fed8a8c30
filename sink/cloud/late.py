"""The way to the API before it is used: where it is, and a client that is made at the first call.

The vendor's SDK takes longer to load than the sink to start. Whoever enters a queue of calls waits for it in
the thread of the first call, while events are already received and stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from sink.cloud.calls import Answer, Call
from sink.credentials import Provider

if TYPE_CHECKING:
    from sink.cloud.api import Api

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where each product is: a URL with scheme, or "" for the vendor's own in each region."""

    ecs: str = ""
    slb: str = ""
    alb: str = ""
    nlb: str = ""
    ess: str = ""
    cms: str = ""
    actiontrail: str = ""


class LateApi:
    """`Api`, made at the first call. May be called from many threads at once."""

    def __init__(self, endpoints: Endpoints, provider: Provider, *, connections: int) -> None:
        self._endpoints = endpoints
        self._provider = provider
        self._connections = connections
        self._making = Lock()
        self._api: Api | None = None

    def __call__(self, call: Call[T]) -> Answer[T]:
        """Make a call once, and read its answer. Raises CloudError and nothing else."""
        return self._made()(call)

    def close(self) -> None:
        """Close all connections that no call is using."""
        if self._api is not None:
            self._api.close()

    def _made(self) -> Api:
        from sink.cloud.api import Api

        with self._making:
            if self._api is None:
                self._api = Api(self._endpoints, self._provider, connections=self._connections)
            return self._api
