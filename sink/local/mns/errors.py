"""MNS's error codes and texts, as its documentation lists them ("Error codes", document 27501).

Raise `MnsError` anywhere below `MnsService`; the service renders it with `error_response`, and so does
the server for an injected fault. Texts are the vendor's where it publishes one; where the emulator
knows more (which value, which limit, what it signed), the text says so, because a person reads it.
"""

from __future__ import annotations

from sink.local.mns import xml
from sink.local.wire import Response


class MnsError(Exception):
    """An answer of 400 or above: the vendor's status, code and a text that says what is wrong."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def error_response(status: int, code: str, message: str, request_id: str, host: str) -> Response:
    """Render the `<Error>` document. Python's SDK needs all four of its children."""
    children = {"Code": code, "Message": message, "RequestId": request_id, "HostId": f"http://{host}"}
    return Response(status, body=xml.document("Error", xml.elements(children)))


def invalid_argument(message: str) -> MnsError:
    """400 InvalidArgument."""
    return MnsError(400, "InvalidArgument", message)


def schema_violation(cause: str) -> MnsError:
    """400 InvalidArgument for XML of the wrong shape."""
    text = f"The XML you provided did not validate against our published schema, cause by {cause}."
    return invalid_argument(text)


def out_of_range(name: str, low: int, high: int, unit: str) -> MnsError:
    """400 InvalidArgument for a number outside its limits."""
    return invalid_argument(f"The value of {name} should between {low} and {high} {unit}.")


def not_exist(kind: str) -> MnsError:
    """404 QueueNotExist, TopicNotExist or SubscriptionNotExist."""
    return MnsError(404, f"{kind}NotExist", f"The {kind.lower()} name you provided is not exist.")


def already_exist(kind: str) -> MnsError:
    """409 QueueAlreadyExist, TopicAlreadyExist or SubscriptionAlreadyExist."""
    text = f"The {kind.lower()} you want to create is already exist, with different attributes."
    return MnsError(409, f"{kind}AlreadyExist", text)


def message_not_exist() -> MnsError:
    """404 MessageNotExist: how an empty queue answers, which is no error to a consumer."""
    return MnsError(404, "MessageNotExist", "Message not exist.")


def receipt_handle_error() -> MnsError:
    """400 ReceiptHandleError: forged, used up, or void since its message became visible again."""
    return MnsError(400, "ReceiptHandleError", "The receipt handle you provide is not valid.")
