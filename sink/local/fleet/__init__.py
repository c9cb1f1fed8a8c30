"""The simulated ECS fleet of the embedded cloud, and the events that CloudMonitor tells of it.

`instances.py` is an instance as a state machine, `rates.py` how often things happen, `behaviour.py`
what they are (`lifecycle.py`, `maintenance.py`, `resources.py`), `events.py` how they are told,
`state.py` what is remembered, and `fleet.py` the life of it all. Nothing here knows of queues: the
fleet is handed a function that publishes.
"""
