"""The embedded cloud, with the scene that a test sets on it.

What owners do goes through the vendor's own APIs (`cloud.api("ecs")("StopInstance", InstanceId=…)`); what
nobody can order, crashes, reclaims and markets, through the pages of `/_local/`. It lives `speed` times as
fast as life: a boot of half a minute takes half a second.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from sink.cloud import AlibabaCloud, Endpoints
from sink.cloud.api import Api
from sink.cloud.calls import Call
from sink.credentials import LOCAL_KEYS
from sink.local.embedded import attach

REGION_ID = "cn-hangzhou"
"""Where everything is."""
_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class EmbeddedCloud:
    """A running embedded cloud. Its pages raise urllib's HTTPError for what cannot be."""

    url: str
    speed: float

    def place(self, **fields: Any) -> str:
        """Put an instance there, Running, on demand and untagged but for `fields`; its id."""
        instance_id: str = self._page("POST", "instances", fields)["instance_id"]
        return instance_id

    def change(self, instance_id: str, **fields: Any) -> None:
        """Change fields of an instance: `state`, `operation_locks`, `tags`, `stopped_mode`, …"""
        self._page("PATCH", f"instances/{instance_id}", fields)

    def crash(self, instance_id: str) -> None:
        """Let the guest go down: a Stopped that nothing explains."""
        self._page("POST", f"instances/{instance_id}/crash")

    def fail_host(self, instance_id: str) -> None:
        """Let the host fail: what follows says the instance's field `recovery`, `Reboot` or `Stop`."""
        self._page("POST", f"instances/{instance_id}/fail_host")

    def interrupt(self, instance_id: str) -> None:
        """Give a preemptible instance the notice of its reclaim."""
        self._page("POST", f"instances/{instance_id}/interrupt")

    def withdraw(self, instance_id: str) -> None:
        """Take the notice back."""
        self._page("POST", f"instances/{instance_id}/withdraw")

    def market(self, **fields: Any) -> None:
        """Set `out_of_stock`, `spot_prices`, `instance_quota` or `insufficient_balance`."""
        self._page("PUT", "market", fields)

    def inject(self, match: str, **rule: Any) -> None:
        """Strike calls with a fault: `inject("ecs:StartInstance", status=503, times=2)`."""
        self._page("POST", "faults", {"match": match, **rule})

    def heal(self) -> None:
        """End all faults."""
        self._page("DELETE", "faults")

    def requests(self, operation: str) -> Sequence[dict[str, Any]]:
        """The calls of an operation so far, oldest first, with their `status`."""
        found: list[dict[str, Any]] = self._page("GET", "requests")
        return [one for one in found if one["operation"] == operation]

    def state(self, instance_id: str) -> str:
        """The state of an instance, `Deleted` if it is gone."""
        states = {one["instance_id"]: one["state"] for one in self._page("GET", "instances")}
        return str(states.get(instance_id, "Deleted"))

    def api(self, product: str) -> Callable[..., Any]:
        """The APIs of `ecs slb alb nlb ess cms actiontrail`, as the sink calls them. Raises CloudError.

        `cloud.api("slb")("DescribeLoadBalancers", PageSize=100)` gives the answer's JSON.
        """

        async def ask(action: str, parameters: Mapping[str, str | int]) -> Any:
            api = Api(self._endpoints(), LOCAL_KEYS)
            try:
                answer = await api(Call(product, action, REGION_ID, lambda document: document, parameters))
            finally:
                api.close()
            return answer.value

        def call(action: str, **parameters: str | int) -> Any:
            # On a loop of its own: a test may be in the middle of one.
            with ThreadPoolExecutor(1) as thread:
                return thread.submit(asyncio.run, ask(action, parameters)).result()

        return call

    def connected(self, **options: Any) -> AlibabaCloud:
        """What the sink acts through, to be opened by `async with`; without a warm cache unless told to."""
        settings = {"keep_warm": False, **options}
        return AlibabaCloud(self._endpoints(), LOCAL_KEYS, REGION_ID, pace=self.speed, **settings)

    def _endpoints(self) -> Endpoints:
        return Endpoints(*[self.url] * 7)

    def _page(self, method: str, page: str, body: Any = None) -> Any:
        request = Request(f"{self.url}/_local/{page}", json.dumps(body or {}).encode(), method=method)
        with urlopen(request, timeout=_PATIENCE_SECONDS) as answer:
            return json.loads(answer.read() or b"null")


@contextmanager
def embedded_cloud(folder: Path, *, speed: float = 60.0) -> Iterator[EmbeddedCloud]:
    """The embedded cloud of a folder, empty at first, for as long as the context lasts.

    Raises CloudNotStarted.
    """
    with attach(folder, ["--fleet-speed", str(speed)]) as attached:
        yield EmbeddedCloud(attached.url, speed)
