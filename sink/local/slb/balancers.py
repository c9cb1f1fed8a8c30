"""Classic load balancers and where their traffic goes: default group, VServer groups, master/slave groups.

A value each, kept on the account's shelf. An edit of any group of a balancer takes a moment to settle; until
then every other edit of that balancer is refused with BackendServer.configuring, while other balancers
can be edited. Whoever edits asks `begin_edit` first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

from sink.local.fleet.instances import State
from sink.local.fleet.scene import Scene
from sink.local.pop.errors import PopError


@dataclass(frozen=True)
class Backend:
    """A server in a group. `port` is 0 in a default group, where listeners say the port."""

    server_id: str
    port: int = 0
    weight: int = 100
    type: str = "ecs"
    server_ip: str = ""
    description: str = ""
    server_type: str = ""
    """`Master` or `Slave`, in a master/slave group."""
    drained_since: float | None = None
    """When the weight became 0, in seconds since the epoch."""

    @property
    def place(self) -> tuple[str, str, int]:
        """What tells two backends of one group apart."""
        return (self.server_id, self.server_ip, self.port)

    def weighing(self, weight: int, now: float) -> Backend:
        """This backend with another weight from now on."""
        since = (self.drained_since or now) if weight == 0 else None
        return replace(self, weight=weight, drained_since=since)


@dataclass(frozen=True)
class Listener:
    """A port that a balancer serves, and the group it sends to: its own id for none but the default."""

    port: int
    protocol: str
    backend_port: int = 0
    group_id: str = ""


@dataclass(frozen=True)
class LoadBalancer:
    """A CLB instance with its default server group."""

    load_balancer_id: str
    name: str
    region_id: str
    address: str
    created_at: float
    backends: tuple[Backend, ...] = ()
    listeners: tuple[Listener, ...] = ()
    tags: dict[str, str] | None = None
    configuring_until: float = 0.0
    """Seconds since the epoch."""


@dataclass(frozen=True)
class VServerGroup:
    """A VServer group of a balancer."""

    group_id: str
    name: str
    load_balancer_id: str
    backends: tuple[Backend, ...] = ()


@dataclass(frozen=True)
class MasterSlaveServerGroup:
    """A master/slave group: one of each, which nobody edits."""

    group_id: str
    name: str
    load_balancer_id: str
    backends: tuple[Backend, ...] = ()


Grouped: TypeAlias = LoadBalancer | VServerGroup | MasterSlaveServerGroup


def find_balancer(scene: Scene, load_balancer_id: str) -> LoadBalancer:
    """The balancer of this id. Raises PopError InvalidLoadBalancerId.NotFound."""
    balancer = scene.state.shelf(LoadBalancer).find(load_balancer_id)
    if balancer is None:
        text = "The specified LoadBalancerId does not exist."
        raise PopError(404, "InvalidLoadBalancerId.NotFound", text)
    return balancer


def find_group(scene: Scene, group_id: str) -> VServerGroup:
    """The VServer group of this id. Raises PopError InvalidParameter, as the vendor's table has it."""
    group = scene.state.shelf(VServerGroup).find(group_id)
    if group is None:
        raise PopError(404, "InvalidParameter", "The specified VServerGroupId does not exist.")
    return group


def groups_of(scene: Scene, load_balancer_id: str) -> list[VServerGroup]:
    """The VServer groups of a balancer."""
    groups = scene.state.shelf(VServerGroup).mentioning(load_balancer_id)
    return [one for one in groups if one.load_balancer_id == load_balancer_id]


def pairs_of(scene: Scene, load_balancer_id: str) -> list[MasterSlaveServerGroup]:
    """The master/slave groups of a balancer."""
    groups = scene.state.shelf(MasterSlaveServerGroup).mentioning(load_balancer_id)
    return [one for one in groups if one.load_balancer_id == load_balancer_id]


def check_settled(scene: Scene, load_balancer_id: str) -> LoadBalancer:
    """The balancer, if it can be edited now. Raises PopError BackendServer.configuring."""
    balancer = find_balancer(scene, load_balancer_id)
    if scene.now < balancer.configuring_until:
        text = "The previous configuration of the backend server is pending; please try again later."
        raise PopError(409, "BackendServer.configuring", text)
    return balancer


def put_backends(scene: Scene, group: Grouped, backends: Iterable[Backend]) -> Grouped:
    """Give a group other backends, and keep its balancer busy for a moment, unless they are the same."""
    changed = replace(group, backends=tuple(backends))
    if changed == group:
        return group
    busy_until = scene.now + scene.rates.configuring_seconds
    if isinstance(changed, LoadBalancer):
        changed = replace(changed, configuring_until=busy_until)
        scene.state.shelf(LoadBalancer).keep(changed.load_balancer_id, changed)
        return changed
    balancer = find_balancer(scene, changed.load_balancer_id)
    busy = replace(balancer, configuring_until=busy_until)
    scene.state.shelf(LoadBalancer).keep(busy.load_balancer_id, busy)
    scene.state.shelf(type(changed)).keep(changed.group_id, changed)
    return changed


def check_reachable(scene: Scene, backends: Iterable[Backend]) -> None:
    """Raise PopError ObtainIpFail for a server that is not there or not running."""
    for backend in backends:
        instance = scene.find(backend.server_id)
        if backend.type == "ecs" and (instance is None or instance.state is not State.RUNNING):
            text = f"Obtain the ip of the backend server failed: {backend.server_id} is not running."
            raise PopError(400, "ObtainIpFail", text)


def is_healthy(scene: Scene, backend: Backend) -> bool:
    """Tell whether a health check reaches the backend: its instance runs."""
    instance = scene.find(backend.server_id)
    return instance is not None and instance.state is State.RUNNING


def drop_backend(scene: Scene, server_id: str) -> None:
    """Take an instance out of every group, as CLB does some time after its release, and ESS at once."""
    for group in _groups_with(scene, server_id):
        put_backends(scene, group, [one for one in group.backends if one.server_id != server_id])


def weigh_backend(scene: Scene, server_id: str, weight: int) -> None:
    """Give an instance this weight in every group, as ESS does."""
    for group in _groups_with(scene, server_id):
        backends = [
            one.weighing(weight, scene.now) if one.server_id == server_id else one for one in group.backends
        ]
        put_backends(scene, group, backends)


def _groups_with(scene: Scene, server_id: str) -> list[Grouped]:
    return [
        *scene.state.shelf(LoadBalancer).mentioning(server_id),
        *scene.state.shelf(VServerGroup).mentioning(server_id),
        *scene.state.shelf(MasterSlaveServerGroup).mentioning(server_id),
    ]
