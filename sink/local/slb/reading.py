"""The calls of CLB that only read.

`DescribeLoadBalancers(ServerId=…)` looks into default groups only: whether the vendor's sees VServer groups
is nowhere documented, so a client must not rely on it. Health is what a check of the instance would find;
weights do not enter into it.
"""

from __future__ import annotations

from sink.local.pop.call import Call, Document
from sink.local.pop.errors import PopError
from sink.local.slb.balancers import (
    Backend,
    Listener,
    LoadBalancer,
    MasterSlaveServerGroup,
    VServerGroup,
    find_balancer,
    groups_of,
    is_healthy,
    pairs_of,
)
from sink.local.slb.documents import backend_documents, balancer_document


def describe_load_balancers(call: Call) -> Document:
    """DescribeLoadBalancers."""
    found = [one for one in call.scene.state.shelf(LoadBalancer).all() if _fits(call, one)]
    shown = [balancer_document(one) for one in call.page(found)]
    return {"LoadBalancers": {"LoadBalancer": shown}, "TotalCount": len(found), **call.page_facts}


def describe_load_balancer_attribute(call: Call) -> Document:
    """DescribeLoadBalancerAttribute: the balancer with its listeners and its default group."""
    balancer = find_balancer(call.scene, call.required("LoadBalancerId"))
    ports = [{"ListenerPort": one.port, "ListenerProtocol": one.protocol} for one in balancer.listeners]
    return {
        **balancer_document(balancer),
        "BackendServers": backend_documents(balancer.backends, ports=False),
        "ListenerPorts": {"ListenerPort": [one.port for one in balancer.listeners]},
        "ListenerPortsAndProtocol": {"ListenerPortAndProtocol": ports},
        "ListenerPortsAndProtocal": {"ListenerPortAndProtocal": ports},
    }


def describe_vserver_groups(call: Call) -> Document:
    """DescribeVServerGroups, of one balancer."""
    balancer = find_balancer(call.scene, call.required("LoadBalancerId"))
    groups = groups_of(call.scene, balancer.load_balancer_id)
    shown = [_group_summary(call, balancer, one) for one in groups]
    return {"VServerGroups": {"VServerGroup": shown}}


def describe_master_slave_server_groups(call: Call) -> Document:
    """DescribeMasterSlaveServerGroups, of one balancer."""
    balancer = find_balancer(call.scene, call.required("LoadBalancerId"))
    groups = pairs_of(call.scene, balancer.load_balancer_id)
    shown = [
        {"MasterSlaveServerGroupId": one.group_id, "MasterSlaveServerGroupName": one.name} for one in groups
    ]
    return {"MasterSlaveServerGroups": {"MasterSlaveServerGroup": shown}}


def describe_master_slave_server_group_attribute(call: Call) -> Document:
    """DescribeMasterSlaveServerGroupAttribute."""
    group = call.scene.state.shelf(MasterSlaveServerGroup).find(call.required("MasterSlaveServerGroupId"))
    if group is None:
        raise PopError(404, "InvalidParameter", "The specified MasterSlaveServerGroupId does not exist.")
    return {
        "MasterSlaveServerGroupId": group.group_id,
        "MasterSlaveServerGroupName": group.name,
        "LoadBalancerId": group.load_balancer_id,
        "MasterSlaveBackendServers": {
            "MasterSlaveBackendServer": backend_documents(group.backends)["BackendServer"]
        },
    }


def describe_health_status(call: Call) -> Document:
    """DescribeHealthStatus: every backend behind every listener, or behind one."""
    balancer = find_balancer(call.scene, call.required("LoadBalancerId"))
    port = call.number("ListenerPort", 0, range(65536))
    listeners = [one for one in balancer.listeners if port in (0, one.port)]
    shown = [
        _health(call, listener, backend)
        for listener in listeners
        for backend in _backends_behind(call, balancer, listener)
    ]
    return {"BackendServers": {"BackendServer": shown}}


def _fits(call: Call, balancer: LoadBalancer) -> bool:
    ids = call.text("LoadBalancerId")
    server_id, region_id = call.text("ServerId"), call.required("RegionId")
    return (
        balancer.region_id == region_id
        and (not ids or balancer.load_balancer_id in ids.split(","))
        and call.text("LoadBalancerName") in ("", balancer.name)
        and call.text("Address") in ("", balancer.address)
        and (not server_id or server_id in [one.server_id for one in balancer.backends])
    )


def _group_summary(call: Call, balancer: LoadBalancer, group: VServerGroup) -> Document:
    serving = [
        {"Port": one.port, "Protocol": one.protocol}
        for one in balancer.listeners
        if one.group_id == group.group_id
    ]
    summary = {
        "VServerGroupId": group.group_id,
        "VServerGroupName": group.name,
        "ServerCount": len(group.backends),
    }
    if call.flag("IncludeListener"):
        summary["AssociatedObjects"] = {"Listeners": {"Listener": serving}, "Rules": {"Rule": []}}
    return summary


def _backends_behind(call: Call, balancer: LoadBalancer, listener: Listener) -> tuple[Backend, ...]:
    if not listener.group_id:
        return balancer.backends
    balancer_id = balancer.load_balancer_id
    groups: list[VServerGroup | MasterSlaveServerGroup] = [
        *groups_of(call.scene, balancer_id),
        *pairs_of(call.scene, balancer_id),
    ]
    return next((one.backends for one in groups if one.group_id == listener.group_id), ())


def _health(call: Call, listener: Listener, backend: Backend) -> Document:
    instance = call.scene.find(backend.server_id)
    return {
        "ServerId": backend.server_id,
        "ListenerPort": listener.port,
        "Protocol": listener.protocol,
        "Port": backend.port or listener.backend_port,
        "ServerIp": instance.private_ip_address if instance else backend.server_ip,
        "ServerHealthStatus": "normal" if is_healthy(call.scene, backend) else "abnormal",
    }
