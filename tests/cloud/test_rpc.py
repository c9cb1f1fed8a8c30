"""Requests as the official client writes them, to the byte."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from aliyunsdkcore.request import CommonRequest
from aliyunsdkcore.utils import parameter_helper
from hypothesis import given
from hypothesis import strategies as st

from sink.cloud.calls import Call
from sink.cloud.rpc import VERSIONS, Requests
from sink.credentials import StaticKeys

NOW = 1_780_000_000.0
NONCE = "d23039b058d167c80095de40ce53ee3c"
PARAMETERS = st.dictionaries(
    st.from_regex(r"[A-Z][A-Za-z]{0,8}(\.[1-9])?", fullmatch=True),
    st.text(max_size=12) | st.integers(),
    max_size=6,
).filter(lambda found: not {"RegionId"} & set(found))


@pytest.fixture(autouse=True, scope="module")
def standing_still() -> Iterator[None]:
    """The SDK's clock and its dice, at ours."""
    with pytest.MonkeyPatch.context() as patch:
        moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        patch.setattr(parameter_helper, "get_iso_8061_date", lambda: moment)
        patch.setattr(parameter_helper, "get_uuid", lambda: NONCE)
        yield


def ours(call: Call[Any], keys: StaticKeys) -> bytes:
    return Requests(lambda: NOW, lambda: NONCE).write(call, "http://ecs.example:8080", keys)


def target_of_the_sdk(call: Call[Any], keys: StaticKeys) -> str:
    request = CommonRequest("ecs.example:8080", VERSIONS[call.product], call.action)
    request.set_method("POST")
    request.set_query_params({"RegionId": call.region_id, **call.parameters})
    if keys.token:
        request.add_query_param("SecurityToken", keys.token)
    request.set_accept_format("JSON")
    request.trans_to_acs_request()
    return str(request.get_url(call.region_id, keys.key_id, keys.secret))


def call_of(parameters: dict[str, str | int]) -> Call[Any]:
    return Call("ecs", "DescribeInstances", "cn-hangzhou", lambda document: document, parameters)


@given(PARAMETERS, st.sampled_from(["", "a token+/="]))
def test_the_target_is_the_sdks(parameters: dict[str, str | int], token: str) -> None:
    """Whatever letters stand in it: order, escapes, signature and all."""
    call, keys = call_of(parameters), StaticKeys("key", "secret", token)

    line = ours(call, keys).split(b"\r\n")[0].decode()

    assert line == f"POST {target_of_the_sdk(call, keys)} HTTP/1.1"


def test_names_are_signed_in_order() -> None:
    """One that begins another comes before it: in the escaped text it would not."""
    call, keys = call_of({"Tag.1.Key": "x", "Tag": "y", "Tag.1": "z"}), StaticKeys("key", "secret")

    assert target_of_the_sdk(call, keys).encode() in ours(call, keys)


def test_the_rest_is_a_head_without_a_body() -> None:
    """Nothing of it is signed."""
    head = ours(call_of({}), StaticKeys("key", "secret")).decode().split("\r\n")

    assert head[1:] == [
        "host: ecs.example:8080",
        "user-agent: ecs-event-sink",
        "accept: */*",
        "accept-encoding: identity",
        "content-length: 0",
        "",
        "",
    ]


def test_no_two_requests_have_one_nonce() -> None:
    """The vendor refuses the second."""
    requests = Requests()
    written = [requests.write(call_of({}), "http://x", StaticKeys("key", "secret")) for _ in range(100)]
    targets = [one.split()[1].decode() for one in written]

    assert len({dict(parse_qsl(urlsplit(one).query))["SignatureNonce"] for one in targets}) == 100
