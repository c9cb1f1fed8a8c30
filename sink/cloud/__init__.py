"""Alibaba Cloud as actions meet it: ECS, CLB, ALB, NLB, ESS, CloudMonitor and ActionTrail.

`alibaba.py` puts it together; `door.py` is what a run is handed. Below:

    membership.py   where an instance serves, from memory: cache.py, refreshing.py
    instances.py    evidence.py    scaling.py    balancers/    one API each, as values of `sink.action`
    sharing.py      questions that wait together are asked together
    gate.py         the order of calls, their rates and repetitions: turn.py, lanes.py, hush.py, rates.py
    api.py          one call: calls.py what it is, endpoints.py where it goes, rpc.py how it is written,
                    codes.py what refusals mean

Everything raises CloudError and nothing else.
"""

from sink.cloud.alibaba import PERMISSIONS, PRODUCTS, AlibabaCloud, needed
from sink.cloud.endpoints import Endpoints
from sink.cloud.membership import CacheState
from sink.cloud.rates import RATES, Rate

__all__ = ["PERMISSIONS", "PRODUCTS", "RATES", "AlibabaCloud", "CacheState", "Endpoints", "Rate", "needed"]
