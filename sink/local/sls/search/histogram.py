"""How wide the bars of a histogram are.

GetHistograms does not take a width: the service picks one so that the console's chart reads well. This is
a list of round widths, and the first one that needs at most LIMIT bars; bars begin at multiples of their
width, except the first, which begins where the query does, and the last ends where it does.
"""

from __future__ import annotations

from collections.abc import Mapping

from sink.local.sls.search.queries import Bucket

LIMIT = 60
MINUTE, HOUR, DAY = 60, 3600, 86400
WIDTHS = (
    *(1, 2, 5, 10, 15, 30),
    *(MINUTE * minutes for minutes in (1, 2, 5, 10, 15, 30)),
    *(HOUR * hours for hours in (1, 2, 4, 6, 12)),
    *(DAY * days for days in (1, 2, 7, 14, 30, 90, 365)),
)


def bucket_width(from_: int, to: int) -> int:
    """Seconds per bar for a query over [`from_`, `to`)."""
    span = to - from_
    return next((width for width in WIDTHS if span <= width * LIMIT), -(-span // LIMIT))


def buckets(from_: int, to: int, width: int, counts: Mapping[int, int]) -> list[Bucket]:
    """The bars that cover [`from_`, `to`); `counts` are logs by `time // width`."""
    return [
        Bucket(max(from_, number * width), min(to, (number + 1) * width), counts.get(number, 0))
        for number in range(from_ // width, (to - 1) // width + 1)
    ]
