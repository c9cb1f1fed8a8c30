"""The embedded cloud: one loopback process that the unchanged official SDKs accept.

A newcomer's first run, every test and the notebooks talk to it. It imports nothing of the sink:
what it understands of the wire it has from the vendor's documents, so that agreement between the
two proves something. `wire.py` is what a service sees of HTTP, `app.py` picks the service,
`server.py` runs it; each product has a folder of its own.
"""
