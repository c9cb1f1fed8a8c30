"""Signatures of SLS, version 4 ("Request signatures" of the API reference; the SDK's `AuthV4`).

`writing.py` signs its requests with it. The key that signs is derived from the secret and the day by four
hashes, and kept while both stay the same.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from hashlib import sha256

from sink.credentials import Keys


class Signer:
    """Signs for one region."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._derived = ("", "", b"")

    def authorization(
        self, keys: Keys, method: str, path: str, signed: Mapping[str, str], body_hash: str, date: str
    ) -> str:
        """The Authorization header of a request without a query.

        `signed` are the headers that count, by names in lower case and sorted; `date` is as in `x-log-date`.
        """
        lines = [f"{name}:{value}" for name, value in signed.items()]
        request = "\n".join([method, path, "", *lines, "", ";".join(signed), body_hash])
        day = date[:8]
        scope = f"{day}/{self._region}/sls/aliyun_v4_request"
        text = f"SLS4-HMAC-SHA256\n{date}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        signature = _hashed(self._key(keys.get_access_key_secret(), day), text).hex()
        return f"SLS4-HMAC-SHA256 Credential={keys.get_access_key_id()}/{scope},Signature={signature}"

    def _key(self, secret: str, day: str) -> bytes:
        known_secret, known_day, key = self._derived
        if (known_secret, known_day) != (secret, day):
            key = f"aliyun_v4{secret}".encode()
            for part in (day, self._region, "sls", "aliyun_v4_request"):
                key = _hashed(key, part)
            self._derived = (secret, day, key)
        return key


def _hashed(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")
