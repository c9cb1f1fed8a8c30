"""POP's error documents and the codes that all products share ("Common error codes" of each API reference).

Raise `PopError` anywhere below `PopService`, which renders it with `error_response`; the server does the same
for an injected fault. Texts are the vendor's where it publishes one. Where the emulator knows more, the
text says so, because a person reads it.
"""

from __future__ import annotations

import orjson

from sink.local.wire import Response


class PopError(Exception):
    """An answer of 400 or above: the vendor's status, code and a text that says what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def error_response(status: int, code: str, message: str, request_id: str, host: str) -> Response:
    """Render the error document. The content type is JSON's, as Format=JSON asks for."""
    document = {
        "RequestId": request_id,
        "HostId": host,
        "Code": code,
        "Message": message,
        "Recommend": f"https://api.alibabacloud.com/troubleshoot?q={code}",
    }
    return Response(status, {"content-type": "application/json;charset=utf-8"}, orjson.dumps(document))


def missing_parameter(name: str) -> PopError:
    """400 MissingParameter."""
    text = f'The input parameter "{name}" that is mandatory for processing this request is not supplied.'
    return PopError(400, "MissingParameter", text)


def invalid_parameter(name: str, why: str) -> PopError:
    """400 InvalidParameter."""
    return PopError(400, "InvalidParameter", f"The specified parameter {name} is not valid: {why}.")


def not_emulated(what: str) -> PopError:
    """400 UnsupportedOperation, for what the real service does and this one does not."""
    return PopError(400, "UnsupportedOperation", f"{what} is not emulated by the embedded cloud.")
