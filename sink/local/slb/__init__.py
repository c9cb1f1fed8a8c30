"""CLB, the classic load balancer, API slb 2014-05-15.

`balancers.py` is the model, without HTTP; `backends.py` reads the JSON that its calls carry in a string;
`reading.py`, `default_group.py`, `vserver_groups.py` and `setup.py` are the calls, `product.py` their table.
"""
