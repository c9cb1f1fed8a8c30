"""PutLogs without the SDK: the one call to SLS that every event costs.

`sink run` gives `LogWriter.put` to `GroupingStore`, which decides what goes together and what is tried again;
here each call is made once. The SDK makes the same request in a thread, with many times the work; a test
holds the two together byte for byte.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from hashlib import sha256

import lz4.block

from sink.credentials import HeldKeys, Keys, Provider
from sink.events import Record
from sink.stores.encoding import log_group
from sink.stores.endpoint import address_of
from sink.stores.errors import CHECK_ENDPOINT, error_in
from sink.stores.signing import Signer
from sink.wire import Client

_ANSWER_SECONDS = 10.0


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
        self._path = f"/logstores/{logstore}/shards/lb"
        self._signer = Signer(region)
        self._keys = HeldKeys(provider)
        self._wall_clock = wall_clock
        self._client = Client("SLS", url, connections=connections, hint=CHECK_ENDPOINT)

    async def put(self, topic: str, records: Sequence[Record]) -> None:
        """PutLogs: all of the records, or none and a CloudError."""
        keys = await self._keys.get()
        now = self._wall_clock()
        request = self._request(log_group(topic, records, now=now), keys, now)
        answer = await self._client.ask(request, _ANSWER_SECONDS)
        with self._keys.judged():
            if (error := error_in(answer)) is not None:
                raise error

    def close(self) -> None:
        """End what is under way, and the connections."""
        self._client.cut()

    def _request(self, group: bytes, keys: Keys, now: float) -> bytes:
        body: bytes = lz4.block.compress(group, store_size=False)
        body_hash = sha256(body).hexdigest()
        date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        token = keys.get_security_token()
        signed = {
            "content-type": "application/x-protobuf",
            "host": self._host,
            **({"x-acs-security-token": token} if token else {}),
            "x-log-apiversion": "0.6.0",
            "x-log-bodyrawsize": str(len(group)),
            "x-log-compresstype": "lz4",
            "x-log-content-sha256": body_hash,
            "x-log-date": date,
        }
        authorization = self._signer.authorization(keys, "POST", self._path, signed, body_hash, date)
        headers = {**signed, "content-length": str(len(body)), "authorization": authorization}
        lines = [f"POST {self._path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body
