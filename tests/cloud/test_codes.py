"""What the vendor's codes mean: every documented one is in the table, and what is not is guessed safely."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sink.cloud.codes import BUSY, GONE, PER_SERVER, is_listed, kind_of, passes
from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable

DOCUMENTED: dict[type[CloudError], str] = {
    Unreachable: (
        "InternalError ServiceUnavailable InternalInvokeError SignatureNonceUsed InstanceNotReady "
        "OperationConflict LastTokenProcessing DependencyViolation.SLBConfiguring BackendServer.configuring "
        "ServiceIsConfiguring VServerGroupProcessing OperationBusy SystemBusy ServiceIsStopping "
        "IncorrectStatus.ServerGroup Conflict.Lock ScalingActivityInProgress"
    ),
    Throttled: "Throttling Throttling.User Throttling.Api",
    Denied: (
        "Forbidden.RAM Forbidden.Unauthorized Forbidden.RiskControl InvalidAccessKeyId.NotFound "
        "SignatureDoesNotMatch IncompleteSignature InvalidTimeStamp.Expired"
    ),
    Missing: (
        "InvalidInstanceId.NotFound InvalidLoadBalancerId.NotFound InvalidServerId.NotFound "
        "InvalidLaunchTemplate.NotFound ResourceNotFound.ServerGroup"
    ),
    Rejected: (
        "IncorrectInstanceStatus IncorrectInstanceStatus.Initializing OperationDenied.NoStock "
        "QuotaExceed.ElasticQuota InsufficientBalance InstanceExpired InstanceLockedForSecurity DiskError "
        "OperationDenied.SpotPriceLowerThanPublicPrice InstanceExpiredOrInArrears "
        "InvalidInstanceId.NotSupport ChargeTypeViolation IdempotentParameterMismatch "
        "InvalidSpotPriceLimit.LowerThanPublicPrice "
        "MissingParameter DryRunOperation RspoolVipExist ObtainIpFail BackendServersMalformed "
        "TooManyBackendServers IncorrectScalingGroupStatus IncorrectCapacity.MinSize"
    ),
}
"""Every code of the API references of what is called here, by what a caller has to do about it."""


@pytest.mark.parametrize("kind", DOCUMENTED)
def test_every_documented_code_is_in_the_table(kind: type[CloudError]) -> None:
    """A code that is only guessed is one that nobody thought about."""
    codes = DOCUMENTED[kind].split()

    assert [code for code in codes if not is_listed(code)] == []
    assert {kind_of(code, 400)[0] for code in codes} == {kind}


@given(st.text(max_size=20), st.integers(200, 599))
def test_whatever_begins_with_throttling_is_a_quota(rest: str, status: int) -> None:
    """The vendor adds words to it, and sends it with 400, 403, 429 and 503 alike."""
    assert kind_of(f"Throttling{rest}", status)[0] is Throttled


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InvalidParameter", 404, Missing),
        ("InvalidParameter", 400, Rejected),
        ("Forbidden.NewWord", 403, Denied),
        ("NoPermission.NewWord", 403, Denied),
        ("InvalidThing.NotFound", 404, Missing),
        ("InvalidAction.NotFound", 404, Rejected),
        ("NewWord", 500, Unreachable),
        ("NewWord", 503, Unreachable),
        ("NewWord", 409, Unreachable),
        ("NewWord", 429, Throttled),
        ("NewWord", 401, Denied),
        ("NewWord", 403, Rejected),
        ("NewWord", 400, Rejected),
    ],
)
def test_an_unknown_code_is_guessed_by_its_status(code: str, status: int, kind: type[CloudError]) -> None:
    """New ones come without notice. A 403 is as often the instance's state as a permission."""
    assert kind_of(code, status)[0] is kind


def test_only_refusals_for_the_moment_pass() -> None:
    """A call that passes is made again even where its effect must not come twice: so nothing has happened."""

    def error(code: str) -> CloudError:
        return kind_of(code, 400)[0]("ECS StartInstance", code, "no")

    assert all(passes(error(code)) for code in BUSY)
    assert passes(error("Conflict.NewWord"))
    assert not any(passes(error(code)) for code in ("InternalError", "ServiceUnavailable", "NoAnswer"))
    assert not any(passes(error(code)) for code in [*GONE, *PER_SERVER, "IncorrectInstanceStatus"])


def test_a_hint_names_the_next_step() -> None:
    """Where an operator can do something about it."""
    for code in ("Forbidden.RAM", "InvalidTimeStamp.Expired", "NoAnswer", "QuotaExceed.ElasticQuota"):
        assert kind_of(code, 403)[1]
