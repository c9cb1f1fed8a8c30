"""Calls as requests that are ready to go, in the vendor's RPC style with signature version 1.0.

They are what the official SDK would send, in method, target and every header that the API reads ("Request
structure and signature", RPC style, in the reference of each product): all parameters stand in the query,
and the signature covers their names in ascending order, each name and value escaped by RFC 3986.
"""

from __future__ import annotations

import hmac
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import uuid4

from sink.cloud.calls import Call
from sink.credentials import Keys

VERSIONS = {
    "ecs": "2014-05-26",
    "slb": "2014-05-15",
    "alb": "2020-06-16",
    "nlb": "2022-04-30",
    "ess": "2014-08-28",
    "cms": "2019-01-01",
    "actiontrail": "2020-07-06",
}
"""The version of each product's API that is spoken here."""

_HEADERS = "user-agent: ecs-event-sink\r\naccept: */*\r\naccept-encoding: identity\r\ncontent-length: 0\r\n"


class Requests:
    """Writes requests. A `nonce` is used once: the vendor answers no other request that has it."""

    def __init__(
        self, wall_clock: Callable[[], float] = time.time, nonce: Callable[[], str] = lambda: uuid4().hex
    ) -> None:
        self._wall_clock = wall_clock
        self._nonce = nonce

    def write(self, call: Call[Any], url: str, keys: Keys) -> bytes:
        """The request for a call to the host of `url`, signed now."""
        token = keys.get_security_token()
        signed = {
            "RegionId": call.region_id,
            **call.parameters,
            **({"SecurityToken": token} if token else {}),
            "Version": VERSIONS[call.product],
            "Action": call.action,
            "Format": "JSON",
            "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._wall_clock())),
            "SignatureMethod": "HMAC-SHA1",
            "SignatureType": "",
            "SignatureVersion": "1.0",
            "SignatureNonce": self._nonce(),
            "AccessKeyId": keys.get_access_key_id(),
        }
        pairs = {name: f"{_escaped(name)}={_escaped(value)}" for name, value in signed.items()}
        signature = _escaped(_signature(keys.get_access_key_secret(), pairs))
        target = f"/?{'&'.join(pairs.values())}&Signature={signature}"
        return f"POST {target} HTTP/1.1\r\nhost: {urlsplit(url).netloc}\r\n{_HEADERS}\r\n".encode()


def _signature(secret: str, pairs: Mapping[str, str]) -> str:
    canonical = "&".join(pairs[name] for name in sorted(pairs))
    return b64encode(
        hmac.digest(f"{secret}&".encode(), f"POST&%2F&{_escaped(canonical)}".encode(), "sha1")
    ).decode()


def _escaped(value: str | int) -> str:
    return quote(str(value), safe="~")
