"""One call: signed with our keys, made once, and every failure one of ours."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sink.cloud.api import Api
from sink.cloud.calls import Answer, Call, Document
from sink.cloud.endpoints import Endpoints, url_of, vendor_host
from sink.cloud.rpc import VERSIONS
from sink.credentials import LOCAL_KEYS, DefaultChain, Keys, StaticKeys
from sink.errors import CloudError, Denied, Missing, Rejected, Throttled, Unreachable
from sink.local.accounts import AccessKey
from sink.local.products import PRODUCTS
from tests.cloud.conftest import Nowhere
from tests.cloud.world import Scene, everything_at
from tests.faults import STRANGE_ANSWERS, answering, inject, requests
from tests.local.conftest import LAPSED, OWNER, STRANGER, STS, Watch, running_cloud
from tests.local.pop_client import REGION
from tests.wire.serving import proxying

Make = Callable[..., Callable[[Call[Any]], Answer[Any]]]


def keys_of(key: AccessKey) -> StaticKeys:
    return StaticKeys(key.key_id, key.secret, key.security_token or "")


def whole(document: Document) -> Document:
    return document


def regions_call() -> Call[Document]:
    return Call("ecs", "DescribeRegions", REGION, whole)


def start_call(instance_id: str) -> Call[Document]:
    return Call("ecs", "StartInstance", REGION, whole, {"InstanceId": instance_id})


def test_an_answer_comes_with_its_request_id(api: Make, scene: Scene) -> None:
    """The vendor's support asks for it."""
    answer = api(scene.url)(regions_call())

    assert answer.value["Regions"]["Region"]
    assert answer.api == "DescribeRegions"
    assert answer.request_id == answer.value["RequestId"]


@pytest.mark.parametrize("key", [OWNER, STS])
def test_lasting_and_temporary_keys_sign(api: Make, scene: Scene, key: AccessKey) -> None:
    """A token travels with the call and is signed with it."""
    assert api(scene.url, keys_of(key))(regions_call()).request_id


def test_keys_that_were_refused_are_asked_for_anew(api: Make, scene: Scene) -> None:
    """A token that has expired is replaced while the sink runs."""

    class Rotating:
        found: StaticKeys = keys_of(LAPSED)

        def get_credentials(self) -> Keys:
            return self.found

    keys = Rotating()
    rotating = api(scene.url, keys)
    with pytest.raises(Denied, match="has expired"):
        rotating(regions_call())

    keys.found = keys_of(STS)

    assert rotating(regions_call()).request_id


def test_the_chain_is_denied_where_no_link_gives_keys(
    api: Make, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the provider raises comes through as it is."""
    monkeypatch.setenv("HOME", "/nonexistent")

    with pytest.raises(Denied, match="no link of it gave keys"):
        api(scene.url, DefaultChain())(regions_call())


@pytest.mark.parametrize(
    ("keys", "code"),
    [
        (StaticKeys("nobody", "x"), "InvalidAccessKeyId.NotFound"),
        (StaticKeys("local", "wrong"), "SignatureDoesNotMatch"),
        (StaticKeys("STS.local", "sts-secret", "wrong"), "InvalidSecurityToken.MismatchWithAccessKey"),
        (keys_of(LAPSED), "InvalidSecurityToken.Expired"),
    ],
)
def test_wrong_keys_are_denied_with_a_hint(api: Make, scene: Scene, keys: StaticKeys, code: str) -> None:
    """An operator must act, and is told where."""
    with pytest.raises(Denied) as raised:
        api(scene.url, keys)(regions_call())

    assert raised.value.code == code
    assert raised.value.hint
    assert raised.value.request_id


def test_ram_denies_what_its_policy_does_not_allow(api: Make, limited: Callable[..., Scene]) -> None:
    """And what it does allow works with the same key."""
    calling = api(limited("ecs:Describe*").url)

    assert calling(regions_call()).request_id
    with pytest.raises(Denied, match="ecs:StartInstance") as raised:
        calling(start_call("i-1"))

    assert raised.value.code == "Forbidden.RAM"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "Throttling.User", Throttled),
        (503, "ServiceUnavailable", Unreachable),
        (500, "InternalError", Unreachable),
        (409, "BackendServer.configuring", Unreachable),
        (403, "IncorrectInstanceStatus", Rejected),
        (404, "InvalidInstanceId.NotFound", Missing),
        (403, "Forbidden.RAM", Denied),
    ],
)
def test_a_refusal_becomes_one_of_ours_after_one_request(
    api: Make, scene: Scene, status: int, code: str, kind: type[CloudError]
) -> None:
    """Whether it is made again is for the gate to say; here each call is one request."""
    inject(scene.url, "ecs:Describe*", status=status, code=code)

    with pytest.raises(kind) as raised:
        api(scene.url)(regions_call())

    assert raised.value.code == code
    assert raised.value.service == "ECS DescribeRegions"
    assert scene.asked("DescribeRegions") == 1


def test_a_connection_that_breaks_is_unreachable_after_one_request(api: Make, scene: Scene) -> None:
    """Whether the call had its effect is for the caller to find out."""
    inject(scene.url, "ecs:DescribeRegions", reset=True)

    with pytest.raises(Unreachable) as raised:
        api(scene.url)(regions_call())

    assert raised.value.code == "NoAnswer"
    assert scene.asked("DescribeRegions") == 1


def test_an_answer_that_does_not_come_is_given_up(api: Make, scene: Scene) -> None:
    """A call has a timeout of its own."""
    inject(scene.url, "ecs:DescribeRegions", delay_seconds=30)
    hurried: Call[Document] = Call("ecs", "DescribeRegions", REGION, whole, read_seconds=0.2)

    with pytest.raises(Unreachable):
        api(scene.url)(hurried)


def test_nobody_there_is_unreachable(api: Make) -> None:
    """The hint names the setting."""
    with pytest.raises(Unreachable, match=r"\[endpoints\]"):
        api("http://127.0.0.1:9")(regions_call())


@pytest.mark.parametrize(
    ("says", "code"), [(socket.EAI_NONAME, "UnknownHost"), (socket.EAI_AGAIN, "NoAnswer")]
)
def test_a_host_that_no_name_server_knows_is_told_from_one_that_none_tells_of(
    api: Make, nowhere: Nowhere, says: int, code: str
) -> None:
    """The region may not have the product; where a name server is down, nobody knows."""
    nowhere.says = says

    with pytest.raises(Unreachable, match=r"\[endpoints\]") as raised:
        api(nowhere.url)(regions_call())

    assert raised.value.code == code
    assert nowhere.asked == 1


def test_a_proxy_that_no_name_server_knows_says_nothing_of_the_host(
    api: Make, nowhere: Nowhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The region has the product for all that anybody knows."""
    monkeypatch.setenv("https_proxy", f"http://{urlsplit(nowhere.url).hostname}:3128")

    with pytest.raises(Unreachable, match=r"no way to the proxy nlb\.nowhere\.test") as raised:
        api("https://ecs.example")(regions_call())

    assert raised.value.code == "NoAnswer"
    assert nowhere.asked == 1


@pytest.mark.parametrize("answer", STRANGE_ANSWERS, ids=range(len(STRANGE_ANSWERS)))
def test_whoever_answers_in_its_place_is_unreachable(api: Make, answer: bytes) -> None:
    """A proxy's page or half a document is no answer of the cloud's."""
    with answering(answer) as url, pytest.raises(Unreachable):
        api(url)(regions_call())


@pytest.mark.parametrize(
    "body", ["[]", "null", '"text"', "{}", '{"RequestId": "1"}', '{"RequestId": "1", "Regions": 7}']
)
def test_json_that_no_such_api_answers_is_unreachable(api: Make, body: str) -> None:
    """Nothing found and nothing understood are not the same."""
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    call = Call("ecs", "DescribeRegions", REGION, lambda document: list(document["Regions"]["Region"]))

    with answering(f"{head}{body}".encode()) as url, pytest.raises(Unreachable) as raised:
        api(url)(call)

    assert raised.value.code == "StrangeAnswer"


def test_a_refusal_with_status_200_is_a_refusal(api: Make, scene: Scene) -> None:
    """CloudMonitor answers so: Success is false, and the code is a status."""
    parameters = {"Namespace": "acs_ecs_dashboard", "MetricName": "unheard_of"}

    with pytest.raises(CloudError) as raised:
        api(scene.url)(Call("cms", "DescribeMetricLast", REGION, whole, parameters))

    assert raised.value.code == "404"
    assert "not emulated" in raised.value.message


@pytest.mark.parametrize(("code", "kind"), [("403", Rejected), ("429", Throttled), ("500", Unreachable)])
def test_its_code_counts_as_a_status(api: Make, code: str, kind: type[CloudError]) -> None:
    """And one in words as any other."""
    body = json.dumps({"RequestId": "1", "Success": False, "Code": code, "Message": "no"})
    head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(body)}\r\n\r\n"

    with answering(f"{head}{body}".encode()) as url, pytest.raises(kind):
        api(url)(Call("cms", "DescribeMetricLast", REGION, whole))


def test_no_secret_stands_in_an_error(api: Make, scene: Scene) -> None:
    """Errors end in logs and in the logstore, and a signed URL holds key, signature and token."""
    keys = keys_of(STS)
    errors = []
    for url, more in ((scene.url, "x"), ("http://127.0.0.1:9", "")):
        with pytest.raises(CloudError) as raised:
            api(url, StaticKeys(keys.key_id, keys.secret + more, keys.token))(regions_call())
        errors.append(str(raised.value))

    for text in errors:
        assert not any(secret in text for secret in (keys.secret, keys.token, "Signature=", "SecurityToken="))


def test_a_refusal_is_not_written_to_standard_error(
    api: Make, scene: Scene, capfd: pytest.CaptureFixture[str]
) -> None:
    """A refusal that was expected is no line in an operator's log."""
    with pytest.raises(Missing):
        api(scene.url)(start_call("i-none"))

    assert capfd.readouterr().err == ""


def test_parameters_of_any_letters_arrive(api: Make, scene: Scene) -> None:
    """The signature is computed over them, spaces and all."""
    instance_id = scene.instance(instance_name="a b+c*~%&中文")
    wanted = {"InstanceName": "a b+c*~%&中文"}
    found = api(scene.url)(Call("ecs", "DescribeInstances", REGION, whole, wanted)).value

    assert [one["InstanceId"] for one in found["Instances"]["Instance"]] == [instance_id]


def test_many_calls_at_once_get_their_own_answers(scene: Scene) -> None:
    """However few connections there are."""
    ids = scene.instances(40)

    async def run() -> list[str]:
        api = Api(everything_at(scene.url), LOCAL_KEYS, connections=8)

        async def name(instance_id: str) -> str:
            wanted = {"InstanceIds": json.dumps([instance_id])}
            answer = await api(Call("ecs", "DescribeInstances", REGION, whole, wanted))
            found: str = answer.value["Instances"]["Instance"][0]["InstanceId"]
            return found

        found = await asyncio.gather(*(name(one) for one in ids * 3))
        api.close()
        return found

    assert asyncio.run(run()) == ids * 3


@pytest.mark.parametrize(("repeatable", "made"), [(True, 2), (False, 1)])
def test_only_what_does_no_harm_twice_is_sent_again_where_an_old_connection_fails(
    api: Make, scene: Scene, repeatable: bool, made: int
) -> None:
    """The other side may have closed it before it heard, and it may have heard."""
    calling = api(scene.url)
    calling(regions_call())
    inject(scene.url, "ecs:DescribeZones", reset=True)
    call: Call[Document] = Call("ecs", "DescribeZones", REGION, whole, repeatable=repeatable)

    with pytest.raises(Unreachable):
        calling(call)

    assert scene.asked("DescribeZones") == made


def test_a_clock_that_is_off_is_named(api: Make, tmp_path: Path) -> None:
    """It looks like wrong keys, and is none."""
    ahead = Watch()
    ahead.forward(3600)
    with running_cloud(tmp_path / "ahead", ahead) as cloud, pytest.raises(Denied, match="clock"):
        api(cloud.url)(regions_call())


def test_loopback_is_reached_whatever_proxy_the_environment_names(
    api: Make, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy for the way out knows nothing of this machine's own loopback."""
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert api(scene.url)(regions_call()).request_id


def test_a_proxy_of_the_environment_is_used_for_the_vendor(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no other way out."""
    ways = {"ecs.example:80": urlsplit(scene.url).port or 0}

    async def run() -> str:
        async with proxying([], ways) as proxy:
            monkeypatch.setenv("http_proxy", proxy)
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            through_proxy = Api(Endpoints(ecs="http://ecs.example"), LOCAL_KEYS)
            answer = await through_proxy(regions_call())
            through_proxy.close()
            return answer.request_id

    assert asyncio.run(run())
    assert requests(scene.url, "DescribeRegions")[0]["resource"].startswith("ecs.example")


def test_a_proxy_that_cannot_be_used_is_unreachable(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said so, and it is not gone past."""
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:9")

    async def run() -> None:
        await Api(Endpoints(ecs="https://ecs.example"), LOCAL_KEYS)(regions_call())

    with pytest.raises(Unreachable, match="http://HOST:PORT"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("product", "region_id", "host"),
    [
        ("ecs", "cn-hangzhou", "ecs-cn-hangzhou.aliyuncs.com"),
        ("ecs", "cn-wulanchabu", "ecs.cn-wulanchabu.aliyuncs.com"),
        ("slb", "cn-hangzhou", "slb.aliyuncs.com"),
        ("slb", "eu-central-1", "slb.eu-central-1.aliyuncs.com"),
        ("slb", "cn-wulanchabu", "slb.cn-wulanchabu.aliyuncs.com"),
        ("alb", "cn-hangzhou", "alb.cn-hangzhou.aliyuncs.com"),
        ("nlb", "ap-southeast-1", "nlb.ap-southeast-1.aliyuncs.com"),
        ("ess", "cn-hangzhou", "ess.aliyuncs.com"),
        ("ess", "cn-guangzhou", "ess.cn-guangzhou.aliyuncs.com"),
        ("cms", "cn-shanghai", "metrics.cn-hangzhou.aliyuncs.com"),
        ("cms", "cn-wulanchabu", "metrics.cn-wulanchabu.aliyuncs.com"),
        ("actiontrail", "cn-beijing", "actiontrail.cn-beijing.aliyuncs.com"),
    ],
)
def test_the_vendors_hosts_of_old_and_new_regions(product: str, region_id: str, host: str) -> None:
    """Old regions share central hosts, and new ones have their own."""
    assert vendor_host(product, region_id) == host
    assert url_of(Endpoints(), product, region_id) == f"https://{host}"


def test_an_endpoint_that_is_set_holds_for_all_regions() -> None:
    """A test cloud or an internal address stands for the product as a whole."""
    endpoints = Endpoints(slb="http://127.0.0.1:1")

    for region in ("cn-hangzhou", "eu-west-1"):
        assert url_of(endpoints, "slb", region) == "http://127.0.0.1:1"
    assert url_of(endpoints, "ecs", "eu-west-1").startswith("https://")


def test_the_versions_are_those_of_the_embedded_cloud() -> None:
    """Products are told apart by them."""
    assert {product.name: product.version for product in PRODUCTS} == VERSIONS


def test_a_stranger_sees_nothing_of_another_account(api: Make, scene: Scene) -> None:
    """Keys decide whose fleet is asked about."""
    scene.instance()

    call = Call("ecs", "DescribeInstances", REGION, lambda document: document["TotalCount"])

    assert api(scene.url, keys_of(STRANGER))(call).value == 0
    assert api(scene.url)(call).value == 1
