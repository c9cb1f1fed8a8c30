"""ESS, Auto Scaling, API 2014-08-28, over instances of the fleet.

`scaling_groups.py` is the model, `calls.py` the calls and their table. Groups do not scale by themselves
here: what is removed is not replaced.
"""
