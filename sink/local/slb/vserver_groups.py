"""The calls that edit VServer groups: a server may be in one several times, by different ports.

A pair of server and port that is not in the group is passed over without a word, by removals and by
changes of weight alike: a wrong port is answered with 200 and does nothing.
"""

from __future__ import annotations

from dataclasses import replace

from sink.local.pop.call import Call, Document
from sink.local.slb.backends import given_backends
from sink.local.slb.balancers import (
    Backend,
    VServerGroup,
    check_reachable,
    check_settled,
    find_group,
    put_backends,
)
from sink.local.slb.documents import backend_documents


def add_backend_servers(call: Call) -> Document:
    """AddVServerGroupBackendServers. A pair that is there already stays as it is."""
    given, group = given_backends(call, ports=True), _settled_group(call)
    check_reachable(call.scene, given)
    known = {one.place for one in group.backends}
    return _put(call, group, [*group.backends, *(one for one in given if one.place not in known)])


def remove_backend_servers(call: Call) -> Document:
    """RemoveVServerGroupBackendServers."""
    gone = {one.place for one in given_backends(call, ports=True)}
    group = _settled_group(call)
    return _put(call, group, [one for one in group.backends if one.place not in gone])


def modify_backend_servers(call: Call) -> Document:
    """ModifyVServerGroupBackendServers: the old ones out, the new ones in."""
    old = {one.place for one in given_backends(call, "OldBackendServers", ports=True)}
    new, group = given_backends(call, "NewBackendServers", ports=True), _settled_group(call)
    check_reachable(call.scene, new)
    left = [one for one in group.backends if one.place not in old]
    known = {one.place for one in left}
    return _put(call, group, [*left, *(one for one in new if one.place not in known)])


def set_attribute(call: Call) -> Document:
    """SetVServerGroupAttribute: the group's name, and weights and descriptions of pairs that are there."""
    group = _settled_group(call)
    given = given_backends(call, ports=True) if call.text("BackendServers") else []
    wanted = {one.place: one for one in given}
    check_reachable(call.scene, [one for one in group.backends if one.place in wanted])
    named = replace(group, name=call.text("VServerGroupName", group.name))
    if named != group:
        call.scene.state.shelf(VServerGroup).keep(group.group_id, named)
    return _put(
        call, named, [_like(one, wanted.get(one.place, one), call.scene.now) for one in group.backends]
    )


def describe_attribute(call: Call) -> Document:
    """DescribeVServerGroupAttribute."""
    return _document(find_group(call.scene, call.required("VServerGroupId")))


def _settled_group(call: Call) -> VServerGroup:
    group = find_group(call.scene, call.required("VServerGroupId"))
    check_settled(call.scene, group.load_balancer_id)
    return group


def _like(backend: Backend, wanted: Backend, now: float) -> Backend:
    described = replace(backend, description=wanted.description or backend.description)
    return described.weighing(wanted.weight, now)


def _put(call: Call, group: VServerGroup, backends: list[Backend]) -> Document:
    put_backends(call.scene, group, backends)
    return _document(replace(group, backends=tuple(backends)))


def _document(group: VServerGroup) -> Document:
    return {
        "VServerGroupId": group.group_id,
        "VServerGroupName": group.name,
        "LoadBalancerId": group.load_balancer_id,
        "BackendServers": backend_documents(group.backends),
    }
