"""The logstore as the pipeline's `Store`, and as what commands search.

`grouping.py` decides what goes together, what is tried again and what is set apart; `sls.py` is the only
module that imports `aliyun.log`; `index.py` says which fields are searchable.
"""

from sink.stores.grouping import GroupingStore
from sink.stores.sls import Answer, SlsLogstore

__all__ = ["Answer", "GroupingStore", "SlsLogstore"]
