"""The table of ALB: what is emulated of API 2020-06-16, and what RAM has to allow for each."""

from __future__ import annotations

from types import MappingProxyType

from sink.local.alb.calls import ServerGroupCalls, named
from sink.local.pop.call import Operation, Product


def server_group_operations(calls: ServerGroupCalls) -> dict[str, Operation]:
    """The operations that ALB and NLB have under the same names."""
    return {
        "ListServerGroups": Operation(calls.list_server_groups),
        "ListServerGroupServers": Operation(calls.list_server_group_servers, named),
        "AddServersToServerGroup": Operation(calls.add_servers, named, changes=True),
        "RemoveServersFromServerGroup": Operation(calls.remove_servers, named, changes=True),
        "UpdateServerGroupServersAttribute": Operation(calls.update_servers, named, changes=True),
        "CreateServerGroup": Operation(calls.create_server_group, changes=True),
        "DeleteServerGroup": Operation(calls.delete_server_group, named, changes=True),
    }


CALLS = ServerGroupCalls("alb", busy="IncorrectStatus.ServerGroup")
ALB = Product(
    "alb",
    "2020-06-16",
    MappingProxyType({**server_group_operations(CALLS), "ListAsynJobs": Operation(CALLS.list_asyn_jobs)}),
)
