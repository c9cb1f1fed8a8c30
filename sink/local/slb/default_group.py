"""The calls that edit a balancer's default server group: AddBackendServers and its siblings."""

from __future__ import annotations

from sink.local.pop.call import Call, Document
from sink.local.slb.backends import given_backends
from sink.local.slb.balancers import Backend, LoadBalancer, check_reachable, check_settled, put_backends
from sink.local.slb.documents import backend_documents


def add_backend_servers(call: Call) -> Document:
    """AddBackendServers. A server that is there already stays as it is."""
    given = given_backends(call, ports=False)
    balancer = check_settled(call.scene, call.required("LoadBalancerId"))
    check_reachable(call.scene, given)
    known = {one.place for one in balancer.backends}
    new = [one for one in given if one.place not in known]
    return _put(call, balancer, [*balancer.backends, *new])


def set_backend_servers(call: Call) -> Document:
    """SetBackendServers: weights of servers that are there."""
    weights = {one.place: one.weight for one in given_backends(call, ports=False)}
    balancer = check_settled(call.scene, call.required("LoadBalancerId"))
    concerned = [one for one in balancer.backends if one.place in weights]
    check_reachable(call.scene, concerned)
    now = call.scene.now
    changed = [one.weighing(weights.get(one.place, one.weight), now) for one in balancer.backends]
    return _put(call, balancer, changed)


def remove_backend_servers(call: Call) -> Document:
    """RemoveBackendServers. Servers that are not there are passed over."""
    gone = {one.server_id for one in given_backends(call, ports=False)}
    balancer = check_settled(call.scene, call.required("LoadBalancerId"))
    left = [one for one in balancer.backends if one.server_id not in gone]
    return _put(call, balancer, left)


def _put(call: Call, balancer: LoadBalancer, backends: list[Backend]) -> Document:
    put_backends(call.scene, balancer, backends)
    shown = backend_documents(backends, ports=False)
    return {"LoadBalancerId": balancer.load_balancer_id, "BackendServers": shown}
