"""SLS's error codes, as its documentation spells them ("Common error codes" and the page of each API).

Raise `SlsError`; the API layer turns it into `{"errorCode", "errorMessage"}` with the status. The server
renders injected faults with the same `error_response`. Texts are the vendor's where it publishes one;
where the emulator knows more (which value, what it signed), the text says so, because a person reads it.
"""

from __future__ import annotations

import orjson

from sink.local.wire import Response


class SlsError(Exception):
    """An answer other than 200: the vendor's status, code and a text that says what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def error_response(status: int, code: str, message: str, request_id: str) -> Response:
    """Render an error as every SLS client expects it."""
    headers = {"content-type": "application/json", "x-log-requestid": request_id}
    return Response(status, headers, orjson.dumps({"errorCode": code, "errorMessage": message}))


def parameter_invalid(message: str) -> SlsError:
    """400 ParameterInvalid: also how a query is refused that this emulator cannot serve."""
    return SlsError(400, "ParameterInvalid", message)


def post_body_invalid(message: str) -> SlsError:
    """400 PostBodyInvalid: the body is not what the operation reads, and nothing was written."""
    return SlsError(400, "PostBodyInvalid", message)


def unauthorized(message: str) -> SlsError:
    """401 Unauthorized."""
    return SlsError(401, "Unauthorized", message)


def project_not_exist(name: str) -> SlsError:
    """404 ProjectNotExist."""
    return SlsError(404, "ProjectNotExist", f"The Project does not exist : {name}")


def logstore_not_exist(name: str) -> SlsError:
    """404 LogStoreNotExist."""
    return SlsError(404, "LogStoreNotExist", f"logstore {name} does not exist")
