"""ALB, API 2020-06-16, and what it shares with NLB: server groups and their asynchronous edits.

`server_groups.py` is the model, `calls.py` the calls of both products, `product.py` ALB's table; NLB's is
`sink/local/nlb/product.py`.
"""
