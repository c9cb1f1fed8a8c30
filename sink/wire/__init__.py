"""HTTP/1.1 as the data path needs it: whole requests out, whole answers in, over connections that stay open.

The SDKs spend ten times an event's work on a request. `sources` and `stores` write the few requests of every
event themselves (`calls.py`, `writing.py`) and send them here; all other calls stay the SDKs'. `client.py` is
what they ask, `connection.py` one connection and the only importer of the parser.
"""

from sink.wire.client import NO_ANSWER, Client
from sink.wire.connection import Answer

__all__ = ["NO_ANSWER", "Answer", "Client"]
