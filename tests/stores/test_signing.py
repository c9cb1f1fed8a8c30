"""Signatures of SLS, beside those that the official SDK computes."""

from __future__ import annotations

import pytest
from aliyun.log.auth import AuthV4

from sink.credentials import StaticKeys
from sink.stores.signing import Signer

PATH = "/logstores/ecs-events/shards/lb"


def by_the_sdk(keys: StaticKeys, region: str, date: str) -> tuple[str, dict[str, str]]:
    """The SDK's signature, and the headers that it signed."""
    headers = {"Content-Type": "application/x-protobuf", "Host": "p.log.example", "x-log-bodyrawsize": "9"}
    auth = AuthV4(keys, region)
    found: str = auth._do_sign_request("POST", PATH, {}, headers, b"body", date)
    return found, dict(sorted((name.lower(), value) for name, value in headers.items()))


@pytest.mark.parametrize("token", ["", "a-token"])
def test_the_signature_is_the_sdks(token: str) -> None:
    """On every day, for every secret and region; one signer for them all, for it keeps a derived key."""
    signers = {region: Signer(region) for region in ("cn-hangzhou", "eu-central-1")}
    for region, signer in signers.items():
        for secret, date in [
            ("one", "20261126T235959Z"),
            ("one", "20261127T000000Z"),
            ("two", "20261127T000001Z"),
            ("one", "20261127T000002Z"),
        ]:
            keys = StaticKeys("key", secret, token)
            expected, signed = by_the_sdk(keys, region, date)
            body_hash = signed["x-log-content-sha256"]
            assert signer.authorization(keys, "POST", PATH, signed, body_hash, date) == expected
