"""ActionTrail, API 2020-07-06: who did what.

`trail.py` is the record that every change leaves; `product.py` the one call, LookupEvents.
"""
