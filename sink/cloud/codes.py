"""What the vendor's error codes mean for whoever called.

One table for all products: ECS, CLB, ALB, NLB, ESS, CloudMonitor, ActionTrail and the gateway before them
(each API's reference, "Error codes", and our own words for what was no answer). A code that is not in it is
classified by its status and its first word. `BUSY` are those that pass by themselves: somebody else's edit,
or one's own of a moment ago.
"""

from __future__ import annotations

from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.wire import NO_ANSWER

_KEYS = "Check the AccessKey and its RAM permissions: `sink actions` lists what is needed"
_CLOCK = "Set this machine's clock: it is off by more than 15 minutes"
_NETWORK = "Check [endpoints] and the network"
_NOWHERE = (
    "Correct [endpoints]; a balancer's product that the region has not, leave out of [actions] products"
)
_WAIT = "Another change is under way; this one was waited for in vain"

BUSY = frozenset(
    # CLB serialises the edits of a balancer, ALB and NLB those of a group, ESS those of a scaling group.
    "BackendServer.configuring ServiceIsConfiguring VServerGroupProcessing OperationBusy SystemBusy "
    "ServiceIsStopping IncorrectStatus.ServerGroup IncorrectStatus.serverGroup Conflict.Lock "
    "ScalingActivityInProgress OperationConflict InstanceNotReady LastTokenProcessing "
    "DependencyViolation.SLBConfiguring ResourceInConfiguring.ServerGroup".split()
)
"""Refused now, and not a moment later: nothing has happened, and the same call may be made again."""

GONE = frozenset({"ResourceNotFound.BackendServer"})
"""One of the servers named is not in the group."""

PER_SERVER = frozenset({"ObtainIpFail", "InvalidServerId.NotFound"})
"""One of the servers named is not there, or not running: the others may be named without it."""

UNKNOWN_HOST = "UnknownHost"
"""Our own word for a host that no name server knows: the region may not have the product."""

STRANGE = "StrangeAnswer"
"""And for an answer that no such API gives: a proxy's page, half a document."""

_TABLE: tuple[tuple[type[CloudError], str, str], ...] = (
    (
        Unreachable,
        "",
        "InternalError InternalInvokeError ServiceUnavailable UnknownError SignatureNonceUsed",
    ),
    (
        Unreachable,
        _NETWORK,
        f"{NO_ANSWER} {STRANGE}",
    ),
    (Unreachable, _NOWHERE, UNKNOWN_HOST),
    (Unreachable, _WAIT, " ".join(BUSY)),
    (
        Denied,
        _KEYS,
        "Forbidden Forbidden.RAM Forbidden.Unauthorized Forbidden.RiskControl NoPermission "
        "InvalidAccessKeyId.NotFound InvalidAccessKeyId.Inactive InvalidAccessKeyId IncompleteSignature",
    ),
    (
        Denied,
        "The AccessKey secret does not belong to the key",
        "SignatureDoesNotMatch InvalidAccessKeySecret",
    ),
    (
        Denied,
        "The STS token is wrong or has expired",
        "InvalidSecurityToken.Expired InvalidSecurityToken.MismatchWithAccessKey MissingSecurityToken "
        "InvalidSecurityToken.Malformed",
    ),
    (Denied, _CLOCK, "InvalidTimeStamp.Expired InvalidTimeStamp.Format"),
    (
        Missing,
        "",
        "InvalidInstanceId.NotFound InvalidLoadBalancerId.NotFound InvalidServerId.NotFound "
        "InvalidScalingGroupId.NotFound InvalidLaunchTemplate.NotFound TheSpecifiedVServerGroupIsNotExist "
        "ResourceNotFound.ServerGroup ResourceNotFound.serverGroup ResourceNotFound.BackendServer",
    ),
    (
        Rejected,
        "",
        "IncorrectInstanceStatus IncorrectInstanceStatus.Initializing InvalidInstanceId.NotSupport "
        "InvalidOperation.DeletionProtection ChargeTypeViolation IdempotentParameterMismatch DryRunOperation "
        "InvalidSpotPriceLimit.LowerThanPublicPrice MissingParameter InvalidParameter UnsupportedOperation "
        "ObtainIpFail BackendServersMalformed TooManyBackendServers RspoolVipExist "
        "IncorrectScalingGroupStatus IncorrectCapacity.MinSize DiskError",
    ),
    (
        Rejected,
        "There is none of this type left in the zone, or too little is bid for it",
        "OperationDenied.NoStock OperationDenied.SpotPriceLowerThanPublicPrice",
    ),
    (Rejected, "Raise the account's quota", "QuotaExceed.ElasticQuota"),
    (
        Rejected,
        "The account or the instance has to be paid for",
        "InsufficientBalance InstanceExpired InstanceExpiredOrInArrears DiskInArrears",
    ),
    (Rejected, "See the security centre's reason on the console", "InstanceLockedForSecurity"),
    (
        Rejected,
        "This region or product has no such API: correct [endpoints]",
        "InvalidAction.NotFound InvalidVersion",
    ),
)

_KINDS: dict[str, tuple[type[CloudError], str]] = {
    code: (kind, hint) for kind, hint, codes in _TABLE for code in codes.split()
}


def kind_of(code: str, status: int) -> tuple[type[CloudError], str]:
    """The exception for a code and its HTTP status, with the hint that goes with it.

    >>> kind_of("Throttling.User", 400)[0].__name__, kind_of("Throttling", 503)[0].__name__
    ('Throttled', 'Throttled')
    >>> kind_of("IncorrectInstanceStatus", 403)[0].__name__
    'Rejected'
    """
    if code.startswith("Throttling") or status == 429:
        return Throttled, "A quota of calls is used up: others of this account use it too"
    # CLB answers 404 InvalidParameter for a VServer group that is not there.
    if code == "InvalidParameter" and status == 404:
        return Missing, ""
    return _KINDS.get(code) or _unknown(code, status)


def is_listed(code: str) -> bool:
    """Tell whether the table has this code, so that no guess is needed."""
    return code in _KINDS or code.startswith("Throttling")


def passes(error: CloudError) -> bool:
    """Tell whether the refusal passes by itself, and was one: nothing has happened."""
    return error.code in BUSY or (error.code not in _KINDS and error.code.startswith("Conflict."))


def _unknown(code: str, status: int) -> tuple[type[CloudError], str]:
    """What a code that is not listed most likely means."""
    if status >= 500 or status in (409, 449):
        return Unreachable, _WAIT if status in (409, 449) else ""
    if status == 401 or code.startswith(("Forbidden", "NoPermission", "InvalidAccessKey", "InvalidSecurity")):
        return Denied, _KEYS
    if status == 404 and "NotFound" in code:
        return Missing, ""
    return Rejected, "See the code in the API's error reference"
