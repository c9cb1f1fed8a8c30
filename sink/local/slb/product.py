"""The table of CLB: what is emulated of API 2014-05-15, and what RAM has to allow for each."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType

from sink.local.pop.call import Call, Operation, Product
from sink.local.slb import default_group, reading, setup, vserver_groups
from sink.local.slb.balancers import VServerGroup


def balancer(call: Call) -> Iterable[str]:
    """The balancer that a call names or whose group it names: RAM knows no groups."""
    group = call.scene.state.shelf(VServerGroup).find(call.text("VServerGroupId"))
    return [f"loadbalancer/{group.load_balancer_id if group else call.text('LoadBalancerId', '*')}"]


SLB = Product(
    "slb",
    "2014-05-15",
    MappingProxyType(
        {
            "DescribeLoadBalancers": Operation(reading.describe_load_balancers, balancer),
            "DescribeLoadBalancerAttribute": Operation(reading.describe_load_balancer_attribute, balancer),
            "DescribeVServerGroups": Operation(reading.describe_vserver_groups, balancer),
            "DescribeVServerGroupAttribute": Operation(vserver_groups.describe_attribute, balancer),
            "DescribeMasterSlaveServerGroups": Operation(
                reading.describe_master_slave_server_groups, balancer
            ),
            "DescribeMasterSlaveServerGroupAttribute": Operation(
                reading.describe_master_slave_server_group_attribute
            ),
            "DescribeHealthStatus": Operation(reading.describe_health_status, balancer),
            "AddBackendServers": Operation(default_group.add_backend_servers, balancer, changes=True),
            "SetBackendServers": Operation(default_group.set_backend_servers, balancer, changes=True),
            "RemoveBackendServers": Operation(default_group.remove_backend_servers, balancer, changes=True),
            "AddVServerGroupBackendServers": Operation(
                vserver_groups.add_backend_servers, balancer, changes=True
            ),
            "RemoveVServerGroupBackendServers": Operation(
                vserver_groups.remove_backend_servers, balancer, changes=True
            ),
            "ModifyVServerGroupBackendServers": Operation(
                vserver_groups.modify_backend_servers, balancer, changes=True
            ),
            "SetVServerGroupAttribute": Operation(vserver_groups.set_attribute, balancer, changes=True),
            "CreateLoadBalancer": Operation(setup.create_load_balancer, changes=True),
            "DeleteLoadBalancer": Operation(setup.delete_load_balancer, balancer, changes=True),
            "CreateLoadBalancerTCPListener": Operation(setup.create_listener("tcp"), balancer, changes=True),
            "CreateLoadBalancerUDPListener": Operation(setup.create_listener("udp"), balancer, changes=True),
            "CreateLoadBalancerHTTPListener": Operation(
                setup.create_listener("http"), balancer, changes=True
            ),
            "CreateVServerGroup": Operation(setup.create_vserver_group, balancer, changes=True),
            "DeleteVServerGroup": Operation(setup.delete_vserver_group, balancer, changes=True),
            "CreateMasterSlaveServerGroup": Operation(
                setup.create_master_slave_server_group, balancer, changes=True
            ),
            "DeleteMasterSlaveServerGroup": Operation(
                setup.delete_master_slave_server_group, balancer, changes=True
            ),
        }
    ),
)
