"""An MNS queue as the pipeline's `Source`.

Receiving, deleting and prolonging are asked of every event, so they do without the official SDK, which
spends ten times an event's own work on them: `calls.py` writes their requests, `sink.wire` carries them,
`answers.py` reads what comes back. The rare calls stay the SDK's (`sdk.py`, loaded at the first of them).
Both paths turn errors into ours by the one table in `errors.py`. `queue.py` puts them together.
"""

from sink.sources.calls import BATCH
from sink.sources.queue import MnsSource

__all__ = ["BATCH", "MnsSource"]
