"""The table of NLB: what is emulated of API 2022-04-30, and what RAM has to allow for each."""

from __future__ import annotations

from types import MappingProxyType

from sink.local.alb.calls import ServerGroupCalls
from sink.local.alb.product import server_group_operations
from sink.local.pop.call import Operation, Product

CALLS = ServerGroupCalls("nlb", busy="Conflict.Lock")
NLB = Product(
    "nlb",
    "2022-04-30",
    MappingProxyType({**server_group_operations(CALLS), "GetJobStatus": Operation(CALLS.get_job_status)}),
)
