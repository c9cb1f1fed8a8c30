"""The calls that make and delete balancers, listeners and groups, as far as a scene needs them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sink.local.fleet.instances import new_address, new_id
from sink.local.pop.call import Call, Document
from sink.local.pop.errors import PopError
from sink.local.slb.backends import given_backends
from sink.local.slb.balancers import (
    Backend,
    Listener,
    LoadBalancer,
    MasterSlaveServerGroup,
    VServerGroup,
    check_reachable,
    check_settled,
    find_group,
    groups_of,
    pairs_of,
)
from sink.local.slb.documents import backend_documents


def create_load_balancer(call: Call) -> Document:
    """CreateLoadBalancer: an internal one in the fleet's network, whatever else is asked for."""
    scene, load_balancer_id = call.scene, new_id("lb", call.scene.random)
    name = call.text("LoadBalancerName", f"auto_named_slb_{load_balancer_id[-6:]}")
    region_id, address = call.required("RegionId"), new_address(scene.random)
    balancer = LoadBalancer(load_balancer_id, name, region_id, address, scene.now)
    scene.state.shelf(LoadBalancer).keep(load_balancer_id, balancer)
    return {
        "LoadBalancerId": load_balancer_id,
        "LoadBalancerName": name,
        "Address": address,
        "NetworkType": "vpc",
    }


def delete_load_balancer(call: Call) -> Document:
    """DeleteLoadBalancer, and all its groups."""
    scene = call.scene
    balancer_id = check_settled(scene, call.required("LoadBalancerId")).load_balancer_id
    for group in groups_of(scene, balancer_id):
        scene.state.shelf(VServerGroup).drop(group.group_id)
    for pair in pairs_of(scene, balancer_id):
        scene.state.shelf(MasterSlaveServerGroup).drop(pair.group_id)
    scene.state.shelf(LoadBalancer).drop(balancer_id)
    return {}


def create_listener(protocol: str) -> Callable[[Call], Document]:
    """CreateLoadBalancerTCPListener and its siblings, one for each protocol."""

    def create(call: Call) -> Document:
        balancer = check_settled(call.scene, call.required("LoadBalancerId"))
        port = call.number("ListenerPort", 0, range(1, 65536))
        if port in [one.port for one in balancer.listeners]:
            raise PopError(400, "ListenerAlreadyExists", "There is already a listener bound to the port.")
        group_id = call.text("VServerGroupId") or call.text("MasterSlaveServerGroupId")
        backend_port = 0 if group_id else call.number("BackendServerPort", 0, range(1, 65536))
        listeners = (*balancer.listeners, Listener(port, protocol, backend_port, group_id))
        changed = replace(balancer, listeners=listeners)
        call.scene.state.shelf(LoadBalancer).keep(balancer.load_balancer_id, changed)
        return {}

    return create


def create_vserver_group(call: Call) -> Document:
    """CreateVServerGroup, with or without servers."""
    balancer = check_settled(call.scene, call.required("LoadBalancerId"))
    backends = _reachable(call, "BackendServers")
    group_id = new_id("rsp", call.scene.random)
    group = VServerGroup(
        group_id, call.text("VServerGroupName", group_id), balancer.load_balancer_id, backends
    )
    call.scene.state.shelf(VServerGroup).keep(group_id, group)
    return {"VServerGroupId": group_id, "BackendServers": backend_documents(backends)}


def delete_vserver_group(call: Call) -> Document:
    """DeleteVServerGroup, unless a listener sends to it."""
    group = find_group(call.scene, call.required("VServerGroupId"))
    balancer = check_settled(call.scene, group.load_balancer_id)
    if group.group_id in [one.group_id for one in balancer.listeners]:
        raise PopError(400, "RspoolVipExist", "There are vips binding with this rspool.")
    call.scene.state.shelf(VServerGroup).drop(group.group_id)
    return {}


def create_master_slave_server_group(call: Call) -> Document:
    """CreateMasterSlaveServerGroup: exactly one Master and one Slave."""
    balancer = check_settled(call.scene, call.required("LoadBalancerId"))
    backends = _reachable(call, "MasterSlaveBackendServers")
    if sorted(one.server_type for one in backends) != ["Master", "Slave"]:
        text = "A master/slave server group needs one server of ServerType Master and one of Slave."
        raise PopError(400, "InvalidParameter.MasterSlaveBackendServers", text)
    group_id = new_id("rsp", call.scene.random)
    name = call.text("MasterSlaveServerGroupName", group_id)
    group = MasterSlaveServerGroup(group_id, name, balancer.load_balancer_id, backends)
    call.scene.state.shelf(MasterSlaveServerGroup).keep(group_id, group)
    return {"MasterSlaveServerGroupId": group_id}


def delete_master_slave_server_group(call: Call) -> Document:
    """DeleteMasterSlaveServerGroup."""
    call.scene.state.shelf(MasterSlaveServerGroup).drop(call.required("MasterSlaveServerGroupId"))
    return {}


def _reachable(call: Call, name: str) -> tuple[Backend, ...]:
    backends = tuple(given_backends(call, name, ports=True)) if call.text(name) else ()
    check_reachable(call.scene, backends)
    return backends
