"""SLS's error codes, as its documentation spells them ("Common error codes" and the page of each API).

Raise `SlsError`; the API layer turns it into `{"errorCode", "errorMessage"}` with the status.
"""

from __future__ import annotations


class SlsError(Exception):
    """An answer other than 200: the vendor's status, code and a text that says what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def parameter_invalid(message: str) -> SlsError:
    """400 ParameterInvalid: also how a query is refused that this emulator cannot serve."""
    return SlsError(400, "ParameterInvalid", message)
