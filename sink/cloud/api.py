"""A POP call through Alibaba Cloud's own client. The only module that imports `aliyunsdkcore`.

The client is bent in four ways. It repeats some calls by itself, some of them unsafely and none of them
within a deadline: here one call is one request. It takes `ALIYUN_ACCESS_KEY_ID` of the environment before any
key that it was given: our signer asks our provider, at each request, so that tokens may change. It speaks
plain http unless told otherwise: here https, but for loopback. It writes each refusal to standard error:
whoever called tells of it, or had expected it.

It takes a while to load, so `late.py` does that at the first call. Everything here is synchronous and may be
called from many threads at once.
"""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
from aliyunsdkcore.acs_exception.exceptions import ClientException, ServerException
from aliyunsdkcore.auth.signers.signer import Signer
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.endpoint.local_config_regional_endpoint_resolver import LocalConfigRegionalEndpointResolver
from aliyunsdkcore.request import CommonRequest

from sink.cloud.calls import Answer, Call, Document
from sink.cloud.codes import UNKNOWN_HOST, kind_of
from sink.cloud.late import Endpoints
from sink.credentials import Provider
from sink.errors import CloudError, Unreachable

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

_CONNECT_SECONDS = 5
_HOSTS = {"cms": "metrics"}
"""Where the host's first word is not the product's name."""

_NO_SUCH_NAME = re.compile(
    rf"\[Errno ({socket.EAI_NONAME}|{getattr(socket, 'EAI_NODATA', socket.EAI_NONAME)})\]"
)
"""How a resolver says that there is no such name, or no address for it."""

T = TypeVar("T")


def url_of(endpoints: Endpoints, product: str, region_id: str) -> str:
    """The URL of a product in a region.

    >>> url_of(Endpoints(slb="http://127.0.0.1:8080"), "slb", "cn-hangzhou")
    'http://127.0.0.1:8080'
    >>> url_of(Endpoints(), "slb", "cn-hangzhou"), url_of(Endpoints(), "slb", "cn-wulanchabu")
    ('https://slb.aliyuncs.com', 'https://slb.cn-wulanchabu.aliyuncs.com')
    """
    return str(getattr(endpoints, product)) or f"https://{vendor_host(product, region_id)}"


def vendor_host(product: str, region_id: str) -> str:
    """The vendor's host: from the SDK's table where the region is older than the rule, else by the rule."""
    listed = _listed_hosts().get(product, {}).get(region_id)
    return listed or f"{_HOSTS.get(product, product)}.{region_id}.aliyuncs.com"


@cache
def _listed_hosts() -> Mapping[str, Mapping[str, str]]:
    table = orjson.loads(Path(LocalConfigRegionalEndpointResolver.ENDPOINT_JSON).read_bytes())
    hosts: Mapping[str, Mapping[str, str]] = table["regional_endpoints"]
    return hosts


class Api:
    """Makes calls. Raises CloudError and nothing else."""

    def __init__(self, endpoints: Endpoints, provider: Provider, *, connections: int = 8) -> None:
        _silence()
        self._endpoints = endpoints
        self._clients = {
            product: _client(provider, connections, direct=_is_loopback(getattr(endpoints, product)))
            for product in VERSIONS
        }

    def __call__(self, call: Call[T]) -> Answer[T]:
        """Make a call once, and read its answer."""
        service = f"{call.product.upper()} {call.action}"
        try:
            body = self._clients[call.product].do_action_with_exception(self._request(call))
        except CloudError:
            raise
        except ServerException as error:
            raise _refusal(service, error) from None
        except ClientException as error:
            raise _failed_on_the_way(service, error) from None
        except Exception as error:  # noqa: BLE001 - on an answer that is not POP's the SDK trips in many ways
            raise _strange(service, repr(error)) from None
        return _read(call, service, body)

    def close(self) -> None:
        """Close all connections that no call is using."""
        for client in self._clients.values():
            client.session.close()

    def _request(self, call: Call[Any]) -> CommonRequest:
        request = CommonRequest(
            domain=url_of(self._endpoints, call.product, call.region_id),
            version=VERSIONS[call.product],
            action_name=call.action,
        )
        request.set_method("POST")
        request.set_connect_timeout(_CONNECT_SECONDS)
        request.set_read_timeout(call.read_seconds)
        request.set_query_params({"RegionId": call.region_id, **call.parameters})
        return request


class _Signer(Signer):  # type: ignore[misc]
    """Signs with the keys that our provider has now."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def sign(self, region_id: str, request: CommonRequest) -> tuple[dict[str, str], str]:
        keys = self._provider.get_credentials()
        if token := keys.get_security_token():
            request.add_query_param("SecurityToken", token)
        key = (region_id, keys.get_access_key_id(), keys.get_access_key_secret())
        return request.get_signed_header(*key), request.get_url(*key)


def _client(provider: Provider, connections: int, *, direct: bool) -> AcsClient:
    """The SDK's client, which tries once. `direct` keeps it off any proxy of the environment."""
    # With a pair of keys, be it none, the SDK looks for no other; they never sign anything.
    client = AcsClient(
        "unused",
        "unused",
        auto_retry=False,
        pool_size=connections,
        proxy={"http": "", "https": ""} if direct else None,
    )
    client._signer = _Signer(provider)
    return client


def _is_loopback(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _silence() -> None:
    """Keep the SDK's own words off standard error."""
    log = logging.getLogger("aliyunsdkcore")
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())


def _failed_on_the_way(service: str, error: ClientException) -> CloudError:
    """What the SDK tells of a call that was not answered. Of the cause it keeps the words only."""
    text = str(error.get_error_msg())
    code = UNKNOWN_HOST if _NO_SUCH_NAME.search(text) else str(error.get_error_code())
    kind, hint = kind_of(code, 0)
    return kind(service, code, _discreet(text), hint)


def _refusal(service: str, error: ServerException) -> CloudError:
    code = str(error.get_error_code())
    kind, hint = kind_of(code, int(error.get_http_status() or 0))
    return kind(service, code, _discreet(error.get_error_msg()), hint, error.get_request_id() or "")


def _read(call: Call[T], service: str, body: bytes) -> Answer[T]:
    """Read an answer of 200. One that the API does not document is no answer."""
    try:
        document = orjson.loads(body)
        request_id = document["RequestId"]
        if str(document.get("Success", True)).lower() == "false":
            raise _failure(service, document)
        return Answer(call.parse(document), call.action, request_id)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise _strange(service, f"{error!r} in {body[:200]!r}") from error


def _failure(service: str, document: Document) -> CloudError:
    """CloudMonitor refuses with status 200, and often with the status as its code."""
    code = str(document.get("Code", ""))
    kind, hint = kind_of(code, int(code) if code.isdigit() else 400)
    return kind(service, code, str(document.get("Message", "")), hint, document["RequestId"])


def _strange(service: str, what: str) -> Unreachable:
    _, hint = kind_of("StrangeAnswer", 0)
    return Unreachable(service, "StrangeAnswer", f"no answer of its own: {_discreet(what)}", hint)


def _discreet(text: object) -> str:
    """The text without signed URLs and strings to sign, which hold the key's id, signature and token."""
    return re.sub(r"\?\S+", "?…", str(text)).partition("server string to sign")[0].strip()
