"""The official client for POP, aliyun-python-sdk-core, as tests call it."""

from __future__ import annotations

import atexit
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.request import Request, urlopen

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest

from sink.local.accounts import AccessKey
from tests.local.conftest import OWNER

VERSIONS = {
    "ecs": "2014-05-26",
    "slb": "2014-05-15",
    "alb": "2020-06-16",
    "nlb": "2022-04-30",
    "ess": "2014-08-28",
    "cms": "2019-01-01",
    "actiontrail": "2020-07-06",
}
REGION = "cn-hangzhou"


@cache
def acs_client(key: AccessKey = OWNER) -> AcsClient:
    """The AcsClient with this key, or a token by STS. One for all: none closes its own connections."""
    if key.security_token:
        credential = StsTokenCredential(key.key_id, key.secret, key.security_token)
        client = AcsClient(region_id=REGION, credential=credential)
    else:
        client = AcsClient(key.key_id, key.secret, REGION)
    atexit.register(client.session.close)
    return client


@dataclass(frozen=True)
class Api:
    """One product by CommonRequest: `api("StartInstance", InstanceId="i-1")` returns the answer."""

    url: str
    product: str
    client: AcsClient

    def __call__(self, action: str, parameters: Mapping[str, Any] | None = None, **more: Any) -> Any:
        request = CommonRequest(
            domain=self.url.removeprefix("http://"), version=VERSIONS[self.product], action_name=action
        )
        request.set_method("POST")
        for name, value in {**(parameters or {}), **more}.items():
            request.add_query_param(name, value)
        return json.loads(self.client.do_action_with_exception(request))


@dataclass(frozen=True)
class Stage:
    """The pages that set the scene: `stage("POST", "instances", tags={})`."""

    url: str

    def __call__(self, method: str, page: str, **wishes: Any) -> Any:
        request = Request(f"{self.url}/_local/{page}", json.dumps(wishes).encode(), method=method)
        with urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def instance(self, **wishes: Any) -> str:
        """Put an instance there and return its id."""
        instance_id: str = self("POST", "instances", **wishes)["instance_id"]
        return instance_id


@contextmanager
def refused(code: str, status: int) -> Iterator[None]:
    """Expect the vendor's code and status."""
    with pytest.raises(ServerException) as raised:
        yield
    assert (raised.value.get_error_code(), raised.value.get_http_status()) == (code, status)
