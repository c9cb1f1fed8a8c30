"""MNS's error codes as our exceptions: one table, for the SDK's path and for our own alike.

By its page "Error codes". The last three are the SDK's and `sink.wire`'s own, for what MNS never said.
"""

from __future__ import annotations

from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.wire import NO_ANSWER

CHECK_ENDPOINT = "Check [mns] endpoint and the network"
_CHECK_KEYS = "Check the AccessKey and its permissions (mns:ReceiveMessage and the like) on this queue"
_NOT_MNS = "Something between here and MNS answered in its place, or broke the answer"

_KINDS: dict[str, tuple[type[CloudError], str]] = {
    "MessageNotExist": (Missing, ""),
    "QueueNotExist": (Missing, "Create the queue, or correct [mns] queues"),
    "QueueDeletedRecently": (Missing, "MNS takes a deleted queue's name again after a minute"),
    "AccessDenied": (Denied, _CHECK_KEYS),
    "InvalidAccessKeyId": (Denied, _CHECK_KEYS),
    "SignatureDoesNotMatch": (Denied, "The AccessKey secret does not belong to the key"),
    "InvalidSecurityToken": (Denied, "The STS token is wrong or has expired"),
    "SecurityTokenExpired": (Denied, "The STS token has expired"),
    "TimeExpired": (Denied, "Set this machine's clock: it is off by more than MNS allows"),
    "InvalidDateHeader": (Denied, "Set this machine's clock"),
    "QpsLimitExceeded": (Throttled, ""),
    "InternalError": (Unreachable, ""),
    "InternalServerError": (Unreachable, ""),
    "ServiceUnavailable": (Unreachable, ""),
    "NetWorkException": (Unreachable, CHECK_ENDPOINT),
    "RespDataDamaged": (Unreachable, _NOT_MNS),
    NO_ANSWER: (Unreachable, _NOT_MNS),
}


def error_of(
    code: str, message: str, request_id: str = "", *, unlisted: type[CloudError] = Rejected
) -> CloudError:
    """Our exception for a code; `unlisted` is the kind of one that the table does not know.

    >>> error_of("QueueNotExist", "no such queue", "5F2A")
    Missing('MNS: no such queue (QueueNotExist)')
    """
    kind, hint = _KINDS.get(code, (unlisted, ""))
    return kind("MNS", code, message, hint, request_id)
