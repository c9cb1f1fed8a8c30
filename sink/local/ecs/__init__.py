"""ECS, API 2014-05-26, over the fleet.

`orders.py` is what can be done to an instance and when it is refused, `documents.py` how instances are shown;
`reading.py`, `changing.py`, `launching.py` and `tags.py` are the calls, `product.py` their table.
"""
