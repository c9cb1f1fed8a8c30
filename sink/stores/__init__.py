"""The logstore as the pipeline's `Store`, and as what commands search.

`grouping.py` decides what goes together, what is tried again and what is set apart; `writing.py` puts it, and
makes the logstore; `sls.py` searches it through the SDK and is imported from there, by those who need the
SDK; `errors.py` says what SLS's codes mean; `index.py` says which fields are searchable.
"""

from sink.stores.grouping import GroupingStore
from sink.stores.writing import LogWriter

__all__ = ["GroupingStore", "LogWriter"]
