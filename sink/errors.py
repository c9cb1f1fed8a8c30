"""What can go wrong, and the exit code that says so.

    SinkError                       70  a bug of ours, unless a subclass says otherwise
    ├── UsageError                  64  the command line is off
    ├── ConfigError                 78  config.ini is off; holds every fault found
    ├── LedgerError                 69  the ledger cannot be opened, read or written
    ├── ActionError                     an action cannot go on
    │   ├── TemporaryError              it may work later
    │   ├── PermanentError              it will not
    │   └── LostRun                     another sink has taken the run over
    └── CloudError                      the cloud said no, or nothing
        ├── Unreachable             69  no answer, or 5xx: try again with growing pauses
        ├── Throttled               75  a quota: try again, slower
        ├── Denied                  77  keys, permissions or the clock: an operator must act
        ├── Missing                 69  the queue, project or logstore is not there
        └── Rejected                64  the request itself is refused: trying it again is no use

A class exists only where a caller does something else for it. `sources`, `stores` and `cloud` turn whatever a
service, its SDK or the network says into these; nothing else leaves those modules.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar


class SinkError(Exception):
    """What was tried and failed, with a `hint` that names the next step."""

    exit_code: ClassVar[int] = 70
    code: str = ""
    """The vendor's own, where it was the cloud that said no."""
    request_id: str = ""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message


class UsageError(SinkError):
    """The command line asks for something that cannot be."""

    exit_code = 64


class ConfigError(SinkError):
    """Every fault of a configuration, in the order of the file."""

    exit_code = 78

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = tuple(faults)


class LedgerError(SinkError):
    """The ledger of actions cannot be opened, read or written."""

    exit_code = 69


class CloudError(SinkError):
    """An answer other than yes. `code` is the vendor's own, or ours or the SDK's for a failure on the way."""

    exit_code = 69

    def __init__(self, service: str, code: str, message: str, hint: str = "", request_id: str = "") -> None:
        super().__init__(f"{service}: {message} ({code})" if code else f"{service}: {message}", hint)
        self.service = service
        self.code = code
        self.request_id = request_id


class Unreachable(CloudError):
    """No answer in time, a broken connection, or a fault on the service's side."""


class Throttled(CloudError):
    """A quota of requests or bytes is used up."""

    exit_code = 75


class Denied(CloudError):
    """Keys, permissions, an expired token, or a clock that is off."""

    exit_code = 77


class Missing(CloudError):
    """A queue, project, logstore or index that is not there."""


class Rejected(CloudError):
    """The service refuses this very request, and would again."""

    exit_code = 64


class ActionError(SinkError):
    """What an action raises where it cannot go on."""


class TemporaryError(ActionError):
    """It may work later: planned again after the pause, while there is time."""

    def __init__(self, message: str, *, retry_after_seconds: float, hint: str = "") -> None:
        super().__init__(message, hint)
        self.retry_after_seconds = retry_after_seconds


class PermanentError(ActionError):
    """It will not work, however often it is tried."""


class LostRun(ActionError):
    """The run belongs to another sink by now: this one lets go without a word."""
