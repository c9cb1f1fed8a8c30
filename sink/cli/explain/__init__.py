"""`sink explain`: everything that the logstore knows of one instance or one event, in the order of time.

`timeline.py` makes entries of records, each once however often it was stored, and says where something
is missing between them. `decisions.py` reads an action's record: its steps, and how a notice's seconds
were used. `showing.py` prints both. Nothing but the logstore is asked.
"""

from sink.cli.explain.showing import explain_history

__all__ = ["explain_history"]
