"""The sink's core: `pipeline.py` is the way of every message, `inlet.py` how messages are received.

`contract.py` has what it needs of others. No SDK and no setting comes in here.
"""

from sink.pipeline.contract import Actions, Limits, NoActions, Report, Source, Store, Tally
from sink.pipeline.pipeline import Pipeline

__all__ = ["Actions", "Limits", "NoActions", "Pipeline", "Report", "Source", "Store", "Tally"]
