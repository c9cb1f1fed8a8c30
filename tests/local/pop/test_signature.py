"""POP lets in who signs with a known key, and says in the vendor's words why it does not."""

from __future__ import annotations

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import CommonRequest
from aliyunsdkcore.utils import parameter_helper

from tests.faults import inject
from tests.local.conftest import LAPSED, STRANGER, STS, RunningCloud
from tests.local.pop_client import REGION, Api, Stage, acs_client, refused


@pytest.fixture
def ecs(cloud: RunningCloud) -> Api:
    return Api(cloud.url, "ecs", acs_client())


AWKWARD = "a b+c*d~e 中文 \"'{}[]%25 &=?/"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_awkward_values_are_signed_as_they_are(cloud: RunningCloud, method: str) -> None:
    """Spaces, signs, quotes and Chinese travel in the query and come back."""
    request = CommonRequest(
        domain=cloud.url.removeprefix("http://"), version="2014-05-26", action_name="DescribeInstances"
    )
    request.set_method(method)
    request.add_query_param("InstanceName", AWKWARD)
    assert b'"TotalCount":0' in acs_client().do_action_with_exception(request)


def test_a_wrong_secret_is_told_as_such(cloud: RunningCloud) -> None:
    """The text after the colon is the client's own string to sign, so the client blames the secret."""
    ecs = Api(cloud.url, "ecs", AcsClient("local", "wrong", REGION))
    with pytest.raises(ServerException) as raised:
        ecs("DescribeRegions")
    assert raised.value.get_error_code() in ("SignatureDoesNotMatch", "InvalidAccessKeySecret")
    assert raised.value.get_http_status() == 400


def test_an_unknown_key_is_not_found(cloud: RunningCloud) -> None:
    """404 InvalidAccessKeyId.NotFound."""
    with refused("InvalidAccessKeyId.NotFound", 404):
        Api(cloud.url, "ecs", AcsClient("nobody", "x", REGION))("DescribeRegions")


def test_a_token_is_good_with_its_key(cloud: RunningCloud) -> None:
    """STS credentials are let in."""
    assert Api(cloud.url, "ecs", acs_client(STS))("DescribeRegions")["Regions"]["Region"]


def test_a_lapsed_token_is_refused(cloud: RunningCloud) -> None:
    """400 InvalidSecurityToken.Expired."""
    with refused("InvalidSecurityToken.Expired", 400):
        Api(cloud.url, "ecs", acs_client(LAPSED))("DescribeRegions")


def test_a_key_of_sts_without_its_token_is_refused(cloud: RunningCloud) -> None:
    """400 MissingSecurityToken."""
    with refused("MissingSecurityToken", 400):
        Api(cloud.url, "ecs", AcsClient(STS.key_id, STS.secret, REGION))("DescribeRegions")


def test_a_nonce_is_good_once(ecs: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """400 SignatureNonceUsed the second time."""
    monkeypatch.setattr(parameter_helper, "get_uuid", lambda: "the-same")
    ecs("DescribeRegions")
    with refused("SignatureNonceUsed", 400):
        ecs("DescribeRegions")


@pytest.mark.parametrize("seconds", [-16 * 60, 16 * 60])
def test_a_clock_that_is_far_off_is_refused(cloud: RunningCloud, ecs: Api, seconds: float) -> None:
    """400 InvalidTimeStamp.Expired, in both directions."""
    cloud.clock.forward(seconds)
    with refused("InvalidTimeStamp.Expired", 400):
        ecs("DescribeRegions")


def test_a_clock_that_is_a_little_off_is_accepted(cloud: RunningCloud, ecs: Api) -> None:
    """Up to fifteen minutes."""
    cloud.clock.forward(14 * 60)
    assert ecs("DescribeRegions")["RequestId"]


def test_an_unknown_action_is_refused(ecs: Api) -> None:
    """404 InvalidAction.NotFound says that it is not emulated."""
    with pytest.raises(ServerException, match="CreateImage is not emulated") as raised:
        ecs("CreateImage")
    assert raised.value.get_error_code() == "InvalidAction.NotFound"


def test_accounts_do_not_see_each_other(cloud: RunningCloud) -> None:
    """An instance belongs to one account."""
    Stage(cloud.url).instance()
    counts = [
        Api(cloud.url, "ecs", acs_client(key))("DescribeInstances")["TotalCount"] for key in (STS, STRANGER)
    ]
    assert counts == [1, 0]


def test_the_vendors_hosts_are_reached_by_proxy(cloud: RunningCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `http_proxy` alone, the request line is in absolute form."""
    monkeypatch.setenv("http_proxy", cloud.url)
    ecs = Api("http://ecs-cn-hangzhou.aliyuncs.com", "ecs", acs_client())
    assert ecs("DescribeRegions")["Regions"]["Region"]


def test_an_injected_fault_has_the_shape_of_the_product(cloud: RunningCloud, ecs: Api) -> None:
    """Status and code of the rule, in POP's document."""
    inject(cloud.url, "ecs:StartInstance", status=400, code="Throttling.User")
    with refused("Throttling.User", 400):
        ecs("StartInstance", InstanceId="i-1")
