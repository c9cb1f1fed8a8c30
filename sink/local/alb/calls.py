"""The calls of ALB and NLB on server groups, which differ in a few names only.

Edits answer with a JobId and take effect later: poll ListServerGroupServers until the server is gone, or ask
for the job. The codes of refusals are those that clients of the real service are written against
(IncorrectStatus.ServerGroup by ALB, Conflict.Lock by NLB); the vendor's reference does not list them all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sink.local.alb.server_groups import Job, Server, ServerGroup, settled
from sink.local.fleet.events import utc_time
from sink.local.fleet.instances import new_id
from sink.local.pop.call import Call, Document
from sink.local.pop.errors import PopError, invalid_parameter, missing_parameter

MOST_SERVERS = 200
Edit = Callable[[Call, ServerGroup, Sequence[Server]], list[Server]]


@dataclass(frozen=True)
class ServerGroupCalls:
    """The calls of one of the two products; `busy` is its code for a group that is being configured."""

    product: str
    busy: str

    def list_server_groups(self, call: Call) -> Document:
        """ListServerGroups."""
        ids, names = call.listed("ServerGroupIds"), call.listed("ServerGroupNames")
        found = [
            one
            for one in self._groups(call)
            if (not ids or one.server_group_id in ids)
            and (not names or one.name in names)
            and call.text("VpcId") in ("", one.vpc_id)
        ]
        shown, token = call.stretch(found, lambda one: one.server_group_id, default=20)
        documents = [_group_document(one, call) for one in shown]
        return {"ServerGroups": documents, **_paging(call, len(found), token)}

    def list_server_group_servers(self, call: Call) -> Document:
        """ListServerGroupServers."""
        group, ids = self._group(call), call.listed("ServerIds")
        found = [one for one in group.servers if not ids or one.server_id in ids]
        shown, token = call.stretch(found, lambda one: f"{one.server_id} {one.port:05}", default=20)
        documents = [_server_document(one, group, call) for one in shown]
        return {"Servers": documents, **_paging(call, len(found), token)}

    def add_servers(self, call: Call) -> Document:
        """AddServersToServerGroup."""
        return self._edit(call, _added)

    def remove_servers(self, call: Call) -> Document:
        """RemoveServersFromServerGroup."""
        return self._edit(call, _removed)

    def update_servers(self, call: Call) -> Document:
        """UpdateServerGroupServersAttribute: weights and descriptions."""
        return self._edit(call, _updated)

    def create_server_group(self, call: Call) -> Document:
        """CreateServerGroup, without servers."""
        group_id, name = new_id("sgp", call.scene.random), call.required("ServerGroupName")
        protocol = call.text("Protocol", "HTTP" if self.product == "alb" else "TCP")
        group = ServerGroup(group_id, name, self.product, call.scene.now, protocol, call.text("VpcId"))
        call.scene.state.shelf(ServerGroup).keep(group_id, group)
        return {"ServerGroupId": group_id, "JobId": self._job(call, group_id, 0)}

    def delete_server_group(self, call: Call) -> Document:
        """DeleteServerGroup."""
        group_id = self._settled_group(call).server_group_id
        call.scene.state.shelf(ServerGroup).drop(group_id)
        return {"ServerGroupId": group_id, "JobId": self._job(call, group_id, 0)}

    def list_asyn_jobs(self, call: Call) -> Document:
        """ListAsynJobs, of ALB."""
        ids = call.listed("JobIds")
        jobs = [one for one in call.scene.state.shelf(Job).all() if one.product == self.product]
        found = [one for one in jobs if not ids or one.job_id in ids]
        shown, token = call.stretch(found, lambda one: one.job_id, default=20)
        return {"Jobs": [_job_document(one, call) for one in shown], **_paging(call, len(found), token)}

    def get_job_status(self, call: Call) -> Document:
        """GetJobStatus, of NLB."""
        job = call.scene.state.shelf(Job).find(call.required("JobId"))
        if job is None:
            raise PopError(404, "ResourceNotFound.Job", "The specified resource job is not found.")
        return {"Status": _job_status(job, call)}

    def _edit(self, call: Call, edit: Edit) -> Document:
        given, group = given_servers(call), self._settled_group(call)
        changed = replace(group, servers=tuple(edit(call, group, given)))
        call.scene.state.shelf(ServerGroup).keep(group.server_group_id, changed)
        job_id = self._job(call, group.server_group_id, call.scene.rates.configuring_seconds)
        return {"JobId": job_id, "ServerGroupId": group.server_group_id}

    def _groups(self, call: Call) -> list[ServerGroup]:
        groups = call.scene.state.shelf(ServerGroup).all()
        return [settled(one, call.scene.now) for one in groups if one.product == self.product]

    def _group(self, call: Call) -> ServerGroup:
        group = call.scene.state.shelf(ServerGroup).find(call.required("ServerGroupId"))
        if group is None or group.product != self.product:
            text = "The specified resource servergroup is not found."
            raise PopError(404, "ResourceNotFound.ServerGroup", text)
        return settled(group, call.scene.now)

    def _settled_group(self, call: Call) -> ServerGroup:
        group = self._group(call)
        if group.status(call.scene.now) != "Available":
            raise PopError(
                409, self.busy, "The status of servergroup [Configuring] is incorrect; try again later."
            )
        return group

    def _job(self, call: Call, group_id: str, seconds: float) -> str:
        job_id, now = str(UUID(int=call.scene.random.getrandbits(128), version=4)), call.scene.now
        job = Job(job_id, self.product, call.operation, group_id, now, now + seconds)
        call.scene.state.shelf(Job).keep(job_id, job)
        return job_id


def named(call: Call) -> list[str]:
    """What a call concerns, for RAM."""
    return [f"servergroup/{call.text('ServerGroupId', '*')}"]


def given_servers(call: Call) -> list[Server]:
    """The servers of `Servers.1.ServerId` and so on. Raises PopError MissingParameter, InvalidParameter."""
    items = call.structures("Servers")
    if not items:
        raise missing_parameter("Servers")
    if len(items) > MOST_SERVERS:
        raise invalid_parameter("Servers", f"{len(items)} servers, where {MOST_SERVERS} are allowed")
    return [_given(item, call.scene.now) for item in items]


def _given(item: dict[str, str], now: float) -> Server:
    for name in ("ServerId", "ServerType", "Port"):
        if not item.get(name):
            raise missing_parameter(f"Servers.N.{name}")
    port, weight = item["Port"], item.get("Weight", "100")
    if not port.isdigit() or int(port) not in range(1, 65536):
        raise invalid_parameter("Port", f"{port} is not 1 to 65535")
    if not weight.isdigit() or int(weight) not in range(101):
        raise invalid_parameter("Weight", f"{weight} is not 0 to 100")
    server = Server(item["ServerId"], int(port), item["ServerType"], item.get("ServerIp", ""))
    return replace(server, description=item.get("Description", "")).weighing(int(weight), now)


def _added(call: Call, group: ServerGroup, given: Sequence[Server]) -> list[Server]:
    known = {one.place for one in group.servers}
    for one in given:
        if one.server_type == "Ecs" and call.scene.find(one.server_id) is None:
            raise _no_server(one)
    new = [_editing(call, one, "Adding") for one in given if one.place not in known]
    return [*group.servers, *new]


def _removed(call: Call, group: ServerGroup, given: Sequence[Server]) -> list[Server]:
    gone = _known_places(group, given)
    return [_editing(call, one, "Removing") if one.place in gone else one for one in group.servers]


def _updated(call: Call, group: ServerGroup, given: Sequence[Server]) -> list[Server]:
    _known_places(group, given)
    wanted = {one.place: one for one in given}
    return [_like(call, one, wanted[one.place]) if one.place in wanted else one for one in group.servers]


def _like(call: Call, server: Server, wanted: Server) -> Server:
    described = replace(server, description=wanted.description or server.description)
    return _editing(call, described.weighing(wanted.weight, call.scene.now), "Configuring")


def _editing(call: Call, server: Server, status: str) -> Server:
    return replace(server, status=status, settles_at=call.scene.now + call.scene.rates.configuring_seconds)


def _known_places(group: ServerGroup, given: Sequence[Server]) -> set[tuple[str, int]]:
    known = {one.place for one in group.servers}
    for one in given:
        if one.place not in known:
            raise _no_server(one)
    return {one.place for one in given}


def _no_server(server: Server) -> PopError:
    text = f"The specified resource backendserver is not found: {server.server_id} on port {server.port}."
    return PopError(404, "ResourceNotFound.BackendServer", text)


def _group_document(group: ServerGroup, call: Call) -> Document:
    return {
        "ServerGroupId": group.server_group_id,
        "ServerGroupName": group.name,
        "ServerGroupStatus": group.status(call.scene.now),
        "ServerGroupType": "Instance",
        "Protocol": group.protocol,
        "Scheduler": "Wrr",
        "ServerCount": len(group.servers),
        "VpcId": group.vpc_id,
        "RegionId": call.scene.envelope.region_id,
        "CreateTime": utc_time(group.created_at),
    }


def _server_document(server: Server, group: ServerGroup, call: Call) -> Document:
    instance = call.scene.find(server.server_id)
    return {
        "ServerGroupId": group.server_group_id,
        "ServerId": server.server_id,
        "ServerType": server.server_type,
        "ServerIp": instance.private_ip_address if instance else server.server_ip,
        "ZoneId": instance.zone_id if instance else "",
        "Port": server.port,
        "Weight": server.weight,
        "Status": server.status,
        "Description": server.description,
    }


def _job_status(job: Job, call: Call) -> str:
    return "Processing" if job.settles_at > call.scene.now else "Succeeded"


def _job_document(job: Job, call: Call) -> Document:
    return {
        "Id": job.job_id,
        "ApiName": job.api_name,
        "ResourceId": job.server_group_id,
        "ResourceType": "servergroup",
        "OperateType": "Update",
        "Status": _job_status(job, call),
        "CreateTime": round(job.created_at * 1000),
    }


def _paging(call: Call, total: int, token: str) -> Document:
    facts = {"TotalCount": total, "MaxResults": call.number("MaxResults", 20, range(1, 101))}
    return {**facts, "NextToken": token} if token else facts
