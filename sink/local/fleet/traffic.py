"""Which balancers a living fleet serves behind, and when its instances join and leave them.

A fleet that lives by chance is founded with a few groups of every kind, one or more for each application.
A new instance joins those of its `app` tag some time after its first boot. A released one leaves every
group there is, the user's own included, as late as the vendor's balancers notice: until then it is
a backend that is gone, which is what a removal in time prevents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from sink.local.alb.server_groups import Server, ServerGroup, drop_server, put_server
from sink.local.ess.scaling_groups import Member, ScalingGroup, drop_member, keep
from sink.local.fleet.instances import State, new_address, new_id
from sink.local.fleet.scene import Scene
from sink.local.fleet.state import Step
from sink.local.slb.balancers import (
    Backend,
    Grouped,
    Listener,
    LoadBalancer,
    VServerGroup,
    drop_backend,
    put_backends,
)

VSERVER_PORTS: Mapping[str, tuple[int, ...]] = MappingProxyType({"web": (80, 8080), "推荐模型": (8500,)})
"""Applications behind a CLB of their own, with a VServer group on each of these ports."""
DEFAULT_GROUPS = ("ci-runner", "跳板机")
"""Applications behind the default group of a CLB of their own."""
SERVER_GROUPS: Mapping[str, tuple[str, int]] = MappingProxyType(
    {"spark-worker": ("alb", 4040), "推荐模型": ("alb", 8501), "ci-runner": ("nlb", 22)}
)
"""Applications in a server group of ALB or NLB, and their port there."""
SCALING_GROUPS: Mapping[str, str] = MappingProxyType({"spark-worker": "asg-bp1fleet0000000000001"})
"""Applications whose instances belong to a scaling group of ESS."""


def found_groups(scene: Scene) -> None:
    """Set up the groups of a fleet that has none yet."""
    if scene.state.shelf(LoadBalancer).all() or scene.state.shelf(ServerGroup).all():
        return
    for application in (*VSERVER_PORTS, *DEFAULT_GROUPS):
        _found_balancer(scene, application)
    for application, group_id in SCALING_GROUPS.items():
        keep(
            scene, ScalingGroup(group_id, f"{application}-asg", scene.envelope.region_id, scene.now, 0, 1000)
        )
    for application, (product, port) in SERVER_GROUPS.items():
        group_id = new_id("sgp", scene.random)
        group = ServerGroup(group_id, f"{application}-{port}", product, scene.now)
        scene.state.shelf(ServerGroup).keep(group_id, group)


def join_groups(scene: Scene, step: Step) -> None:
    """Put a new instance into the groups of its application, if it still runs."""
    instance = scene.find(step.instance_id)
    if instance is not None and instance.state is State.RUNNING:
        application = instance.tags.get("app", "")
        _join_clb(scene, application, instance.instance_id)
        _join_server_group(scene, application, instance.instance_id)
        _join_scaling_group(scene, application, instance.instance_id)


def leave_groups(scene: Scene, step: Step) -> None:
    """Take a released instance out of every group."""
    drop_backend(scene, step.instance_id)
    drop_server(scene, step.instance_id)
    drop_member(scene, step.instance_id)


def _join_clb(scene: Scene, application: str, instance_id: str) -> None:
    for group, port in _clb_groups(scene, application):
        put_backends(scene, group, [*group.backends, Backend(instance_id, port)])


def _join_server_group(scene: Scene, application: str, instance_id: str) -> None:
    _, port = SERVER_GROUPS.get(application, ("", 0))
    for group in scene.state.shelf(ServerGroup).all():
        if group.name == f"{application}-{port}":
            put_server(scene, group, Server(instance_id, port))


def _join_scaling_group(scene: Scene, application: str, instance_id: str) -> None:
    group = scene.state.shelf(ScalingGroup).find(SCALING_GROUPS.get(application, ""))
    if group is not None:
        keep(scene, replace(group, members=(*group.members, Member(instance_id, "AutoCreated"))))


def _found_balancer(scene: Scene, application: str) -> None:
    balancer_id, address = new_id("lb", scene.random), new_address(scene.random)
    region_id, listeners = scene.envelope.region_id, [Listener(80, "tcp", backend_port=80)]
    if application in VSERVER_PORTS:
        listeners = [
            _found_group(scene, balancer_id, application, port) for port in VSERVER_PORTS[application]
        ]
    balancer = LoadBalancer(
        balancer_id, f"{application}-clb", region_id, address, scene.now, listeners=tuple(listeners)
    )
    scene.state.shelf(LoadBalancer).keep(balancer_id, balancer)


def _found_group(scene: Scene, balancer_id: str, application: str, port: int) -> Listener:
    group_id = new_id("rsp", scene.random)
    group = VServerGroup(group_id, f"{application}-{port}", balancer_id)
    scene.state.shelf(VServerGroup).keep(group_id, group)
    return Listener(port, "tcp", group_id=group_id)


def _clb_groups(scene: Scene, application: str) -> list[tuple[Grouped, int]]:
    """The groups of CLB that an application serves in, with the port there, or 0 in a default group."""
    balancers = [one for one in scene.state.shelf(LoadBalancer).all() if one.name == f"{application}-clb"]
    return [(one, 0) for one in balancers if application in DEFAULT_GROUPS] + [
        (group, port)
        for group in scene.state.shelf(VServerGroup).all()
        for port in VSERVER_PORTS.get(application, ())
        if group.name == f"{application}-{port}"
    ]
