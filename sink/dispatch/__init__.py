"""Enabled actions, run once for each event, in the order of their deadlines.

`dispatcher.py` makes runs of events and records of runs; `conduct.py` is the way of one run, from its guards
to its outcome; `admission.py` what may be carried out now; `run.py` what an action is handed; `newsroom.py`
the events of late; `record.py` what is kept. No SDK comes in here: the cloud is handed in as doors.
"""

from sink.dispatch.admission import Verdict
from sink.dispatch.conduct import ADMITTED, Conduct, Module, deadline_at_pace
from sink.dispatch.dispatcher import Dispatcher, Doors, Told
from sink.dispatch.newsroom import Newsroom
from sink.dispatch.record import ACTION

__all__ = [
    "ACTION",
    "ADMITTED",
    "Conduct",
    "Dispatcher",
    "Doors",
    "Module",
    "Newsroom",
    "Told",
    "Verdict",
    "deadline_at_pace",
]
