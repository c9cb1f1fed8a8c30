"""How CLB shows balancers, groups and backends."""

from __future__ import annotations

from collections.abc import Iterable

from sink.local.fleet.events import utc_minute
from sink.local.pop.call import Document
from sink.local.slb.balancers import Backend, LoadBalancer


def backend_documents(backends: Iterable[Backend], *, ports: bool = True) -> Document:
    """The element `BackendServers`; a default group shows no ports."""
    return {"BackendServer": [_backend(one, ports) for one in backends]}


def balancer_document(balancer: LoadBalancer) -> Document:
    """One element of `LoadBalancers.LoadBalancer`."""
    tags = [{"TagKey": key, "TagValue": value} for key, value in (balancer.tags or {}).items()]
    return {
        "LoadBalancerId": balancer.load_balancer_id,
        "LoadBalancerName": balancer.name,
        "LoadBalancerStatus": "active",
        "RegionId": balancer.region_id,
        "RegionIdAlias": balancer.region_id,
        "Address": balancer.address,
        "AddressType": "intranet",
        "AddressIPVersion": "ipv4",
        "NetworkType": "vpc",
        "CreateTime": utc_minute(balancer.created_at),
        "CreateTimeStamp": round(balancer.created_at * 1000),
        "PayType": "PayOnDemand",
        "DeleteProtection": "off",
        "ModificationProtectionStatus": "NonProtection",
        "Tags": {"Tag": tags},
    }


def _backend(backend: Backend, ports: bool) -> Document:
    shown = {
        "ServerId": backend.server_id,
        "Weight": backend.weight,
        "Type": backend.type,
        "ServerIp": backend.server_ip,
        "Description": backend.description,
    }
    if backend.server_type:
        shown["ServerType"] = backend.server_type
    return {**shown, "Port": backend.port} if ports else shown
