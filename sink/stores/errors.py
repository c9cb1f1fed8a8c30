"""What SLS's refusals mean for whoever called.

One table for both ways to SLS: the SDK's exceptions (`sls.py`) and the answers to PutLogs (`writing.py`). It
follows SLS's common error codes and the retry classes of the vendor's Java producer. What stands between here
and SLS may answer in its place: only what has SLS's form is taken for its word.
"""

from __future__ import annotations

from typing import Any

import orjson

from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.wire import NO_ANSWER, Answer

CHECK_ENDPOINT = "Check [sls] endpoint and the network"
_CHECK_KEYS = "Check the AccessKey and its permissions (log:PostLogStoreLogs and the like) on this logstore"
_QUOTA = "SLS's quota is used up: more shards, or a higher quota, help"
_SHOWN = 200
"""Characters of a stranger's answer that go into the error."""

_TABLE: tuple[tuple[type[CloudError], str, str], ...] = (
    (Unreachable, "", "InternalServerError ServerBusy RequestTimeout ServiceUnavailable"),
    # The SDK's own words for no answer, and for one that it cannot read.
    (Unreachable, CHECK_ENDPOINT, "LogRequestError BadResponse"),
    (
        Throttled,
        _QUOTA,
        "WriteQuotaExceed ShardWriteQuotaExceed ReadQuotaExceed ExceedQuota ProjectQuotaExceed "
        "ShardReadQuotaExceed QuotaExceed",
    ),
    (Denied, "Set this machine's clock: it is off by more than 15 minutes", "RequestTimeTooSkewed"),
    (Denied, "Set this machine's clock", "RequestTimeExpired"),
    (Denied, _CHECK_KEYS, "Unauthorized InvalidAccessKeyId AccessKeyDisabled"),
    (Denied, "The AccessKey secret does not belong to the key", "SignatureNotMatch"),
    (Denied, "The STS token is wrong or has expired", "SecurityTokenExpired InvalidSecurityToken"),
    (Missing, "Correct [sls] project, or create the project", "ProjectNotExist"),
    (Missing, "Correct [sls] logstore, or create the logstore", "LogStoreNotExist"),
    (Missing, "Create the logstore's index", "IndexConfigNotExist"),
)


def error_of(code: str, status: int, message: str, request_id: str = "") -> CloudError:
    """Our exception for a refusal of SLS's.

    >>> type(error_of("ShardWriteQuotaExceed", 403, "too fast")).__name__
    'Throttled'
    """
    kind, hint = _KINDS.get(_folded(code)) or _kind_of_status(status)
    return kind("SLS", code, message, hint, request_id)


def error_in(answer: Answer) -> CloudError | None:
    """What an answer to PutLogs refuses; None where the logs are stored.

    SLS's 200 has no body. A page that some proxy sends with a 200 stores nothing.
    """
    if answer.status == 200 and not answer.body:
        return None
    said = _read(answer.body)
    if answer.status == 200 and said:
        return None
    code, message = said.get("errorCode"), said.get("errorMessage")
    if answer.status == 200 or not isinstance(code, str) or not isinstance(message, str):
        return _stranger(answer)
    return error_of(code, answer.status, message, answer.headers.get("x-log-requestid", ""))


def _read(body: bytes) -> dict[str, Any]:
    """A JSON object; an empty one where it is anything else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _stranger(answer: Answer) -> Unreachable:
    shown = answer.body.decode(errors="replace")[:_SHOWN]
    message = f"no answer of SLS's, but status {answer.status}: {shown or 'nothing'}"
    return Unreachable("SLS", NO_ANSWER, message, CHECK_ENDPOINT)


def _folded(code: str) -> str:
    """The vendor's own pages spell codes with and without a plural s, and in both cases."""
    return code.lower().removesuffix("s")


def _kind_of_status(status: int) -> tuple[type[CloudError], str]:
    """What an unknown code means: refused for good only where SLS says that the request is bad."""
    if status >= 500:
        return Unreachable, ""
    return (Rejected, "") if status in (400, 413) else (Denied, "See the code in SLS's error reference")


_KINDS: dict[str, tuple[type[CloudError], str]] = {
    _folded(code): (kind, hint) for kind, hint, codes in _TABLE for code in codes.split()
}
