"""A message body, in whatever envelope it came, becomes an `Event`; an `Event` becomes a record.

`parse_body` never raises: what cannot be read comes back as `Unreadable`, which makes a record too
(topic `quarantine`), so that nothing is dropped for its shape.

`envelope.py` opens the wrappings, `event.py` reads the event inside, `record.py` is what the
logstore keeps of it.
"""

from sink.events.event import INTERRUPTION, STATE_CHANGE, Event, Unreadable, parse_body
from sink.events.record import SCHEMA_VERSION, Receipt, Record

__all__ = [
    "INTERRUPTION",
    "SCHEMA_VERSION",
    "STATE_CHANGE",
    "Event",
    "Receipt",
    "Record",
    "Unreadable",
    "parse_body",
]
