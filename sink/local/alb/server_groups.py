"""Server groups of ALB and NLB: edits are accepted at once and take effect a moment later.

A server is Adding, Configuring or Removing until its edit settles, and the group is Configuring meanwhile
and refuses other edits. Nothing has to happen for an edit to settle: `settled` is the group as it is at a
given time, and whoever reads a group reads it through that.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from sink.local.fleet.scene import Scene


@dataclass(frozen=True)
class Server:
    """A backend server; `server_id` is an instance's id for type Ecs."""

    server_id: str
    port: int
    server_type: str = "Ecs"
    server_ip: str = ""
    weight: int = 100
    description: str = ""
    status: str = "Available"
    settles_at: float = 0.0
    """When the edit that `status` tells of takes effect, in seconds since the epoch."""
    drained_since: float | None = None
    """When the weight became 0, in seconds since the epoch."""

    @property
    def place(self) -> tuple[str, int]:
        """What tells two servers of one group apart."""
        return (self.server_id, self.port)

    def weighing(self, weight: int, now: float) -> Server:
        """This server with another weight from now on."""
        since = (self.drained_since or now) if weight == 0 else None
        return replace(self, weight=weight, drained_since=since)


@dataclass(frozen=True)
class ServerGroup:
    """A server group of `product`, `alb` or `nlb`."""

    server_group_id: str
    name: str
    product: str
    created_at: float
    protocol: str = "HTTP"
    vpc_id: str = "vpc-bp1fleet0000000000000"
    servers: tuple[Server, ...] = ()

    def status(self, now: float) -> str:
        """`Configuring` while an edit has not taken effect, else `Available`."""
        return "Configuring" if any(one.settles_at > now for one in self.servers) else "Available"


@dataclass(frozen=True)
class Job:
    """An asynchronous edit of a server group."""

    job_id: str
    product: str
    api_name: str
    server_group_id: str
    created_at: float
    settles_at: float


def settled(group: ServerGroup, now: float) -> ServerGroup:
    """The group with every edit in effect that is due."""
    servers = [_settled(one, now) for one in group.servers]
    return replace(group, servers=tuple(one for one in servers if one is not None))


def put_server(scene: Scene, group: ServerGroup, server: Server) -> None:
    """Put a server into a group at once, as Auto Scaling does."""
    _keep(scene, group, [*(one for one in group.servers if one.place != server.place), server])


def drop_server(scene: Scene, server_id: str) -> None:
    """Take an instance out of every group, as happens some time after its release, and by ESS at once."""
    for group in scene.state.shelf(ServerGroup).mentioning(server_id):
        _keep(scene, group, [one for one in group.servers if one.server_id != server_id])


def weigh_server(scene: Scene, server_id: str, weight: int) -> None:
    """Give an instance this weight in every group, as ESS does."""
    for group in scene.state.shelf(ServerGroup).mentioning(server_id):
        servers = [
            one.weighing(weight, scene.now) if one.server_id == server_id else one for one in group.servers
        ]
        _keep(scene, group, servers)


def _keep(scene: Scene, group: ServerGroup, servers: Iterable[Server]) -> None:
    scene.state.shelf(ServerGroup).keep(group.server_group_id, replace(group, servers=tuple(servers)))


def _settled(server: Server, now: float) -> Server | None:
    if server.settles_at > now or server.status == "Available":
        return server
    return None if server.status == "Removing" else replace(server, status="Available")
