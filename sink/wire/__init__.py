"""HTTP/1.1 as it is needed here: whole requests out, whole answers in, over connections that stay open.

The SDKs spend ten times an event's work on a request, and milliseconds on one that an interruption waits
for. `sources`, `stores` and `cloud` write those requests themselves (`calls.py`, `writing.py`, `rpc.py`) and
send them here; all other calls stay the SDKs'. `client.py` is what they ask, `connection.py` one connection
and the only importer of the parser, `proxy.py` the way to a host that is reached through one.
"""

from sink.wire.client import NO_ANSWER, Client, told
from sink.wire.connection import Answer
from sink.wire.proxy import Proxy, proxy_for

__all__ = ["NO_ANSWER", "Answer", "Client", "Proxy", "proxy_for", "told"]
