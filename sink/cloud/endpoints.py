"""Where the API is: a host for each product and region, the vendor's unless `[endpoints]` names another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import orjson

_HOSTS = {"cms": "metrics"}
"""Where the host's first word is not the product's name."""


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
    table = orjson.loads((files("aliyunsdkcore") / "data" / "endpoints.json").read_bytes())
    hosts: Mapping[str, Mapping[str, str]] = table["regional_endpoints"]
    return hosts
