"""POP RPC, the wire that ECS, SLB, ALB, NLB, ESS, CloudMonitor and ActionTrail share.

`signature.py` knows who calls, `call.py` what they ask, `errors.py` how it is refused; `service.py` carries a
call out on the fleet of the caller's account. The products themselves stand in folders of their own, each
a table of operations.
"""
