"""Writing to a logstore without the SDK: PutLogs, the one call to SLS that every event costs.

`sink run` gives `LogWriter.put` to `GroupingStore`, which decides what goes together and what is tried again;
here each call is made once. The SDK makes the same request in a thread, with many times the work; a test
holds the two together byte for byte. `LogWriter.create` makes the logstore where it is missing: loading the
SDK for that would take half of the sink's own start.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any

import lz4.block
import orjson

from sink.credentials import HeldKeys, Keys, Provider
from sink.errors import Rejected
from sink.events import Record
from sink.stores.encoding import log_group
from sink.stores.endpoint import address_of
from sink.stores.errors import CHECK_ENDPOINT, error_in
from sink.stores.index import index_config
from sink.stores.signing import Signer
from sink.wire import Client

_ANSWER_SECONDS = 10.0
_SHARDS = {"shardCount": 2, "autoSplit": True, "maxSplitShard": 64}
"""Of a logstore that is made here: as the SDK makes one."""


class LogWriter:
    """Writes to one logstore, for one event loop, over so many `connections` at most."""

    def __init__(
        self,
        endpoint: str,
        project: str,
        logstore: str,
        provider: Provider,
        *,
        region: str,
        connections: int = 4,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        url, self._host = address_of(endpoint, project)
        self._project, self._logstore = project, logstore
        self._signer = Signer(region)
        self._keys = HeldKeys(provider)
        self._wall_clock = wall_clock
        self._client = Client("SLS", url, connections=connections, hint=CHECK_ENDPOINT)

    async def put(self, topic: str, records: Sequence[Record]) -> None:
        """PutLogs: all of the records, or none and a CloudError."""
        group = log_group(topic, records, now=self._wall_clock())
        body: bytes = lz4.block.compress(group, store_size=False)
        described = {
            "content-type": "application/x-protobuf",
            "x-log-bodyrawsize": str(len(group)),
            "x-log-compresstype": "lz4",
        }
        await self._post(f"/logstores/{self._logstore}/shards/lb", body, described)

    async def create(self, ttl_days: int) -> None:
        """Create project, logstore and index, whichever are missing; what is there is left as it is."""
        project = {"projectName": self._project, "description": "ecs-event-sink"}
        logstore = {"logstoreName": self._logstore, "ttl": ttl_days, **_SHARDS}
        await self._create("/", project)
        await self._create("/logstores", logstore)
        await self._create(f"/logstores/{self._logstore}/index", index_config())

    def close(self) -> None:
        """End what is under way, and the connections."""
        self._client.cut()

    async def _create(self, path: str, document: Mapping[str, Any]) -> None:
        body = orjson.dumps(document)
        described = {"content-type": "application/json", "x-log-bodyrawsize": str(len(body))}
        try:
            await self._post(path, body, described)
        except Rejected as error:
            if not error.code.lower().endswith(("alreadyexist", "alreadyexists")):
                raise

    async def _post(self, path: str, body: bytes, described: Mapping[str, str]) -> None:
        """Ask once. `described` are the headers that tell what the body is. Raises CloudError."""
        request = self._request(await self._keys.get(), path, body, described)
        answer = await self._client.ask(request, _ANSWER_SECONDS)
        with self._keys.judged():
            if (error := error_in(answer)) is not None:
                raise error

    def _request(self, keys: Keys, path: str, body: bytes, described: Mapping[str, str]) -> bytes:
        body_hash = sha256(body).hexdigest()
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self._wall_clock()))
        token = keys.get_security_token()
        signed = {
            **described,
            "host": self._host,
            **({"x-acs-security-token": token} if token else {}),
            "x-log-apiversion": "0.6.0",
            "x-log-content-sha256": body_hash,
            "x-log-date": date,
        }
        authorization = self._signer.authorization(
            keys, "POST", path, dict(sorted(signed.items())), body_hash, date
        )
        headers = {**signed, "content-length": str(len(body)), "authorization": authorization}
        lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body
