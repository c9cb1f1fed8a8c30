"""Whom SLS lets in, and what it tells the others."""

from __future__ import annotations

import base64
import hmac
import http.client
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aliyun.log import GetHistogramsRequest, LogClient, LogException

from sink.local.accounts import DEFAULT_ACCOUNT_ID, AccessKey
from tests.local.conftest import LAPSED, OWNER, STRANGER, STS, RunningCloud, running_cloud
from tests.local.sls.conftest import Store, refusal

Connect = Callable[..., LogClient]


@pytest.mark.parametrize("options", [{}, {"auth_version": "v4", "region": "cn-hangzhou"}], ids=["v1", "v4"])
@pytest.mark.parametrize("key", [OWNER, STS], ids=["key", "token"])
def test_both_signature_versions_are_taken(
    sls: RunningCloud, log_client: Connect, project: str, key: AccessKey, options: dict[str, str]
) -> None:
    """Version 1 and 4, with a permanent key and with an STS token."""
    assert log_client(sls.url, key, **options).get_project(project).get_projectname() == project


@pytest.mark.parametrize("options", [{}, {"auth_version": "v4", "region": "cn-hangzhou"}], ids=["v1", "v4"])
def test_values_are_signed_decoded(
    sls: RunningCloud, log_client: Connect, store: Store, options: dict[str, str]
) -> None:
    """Spaces, Chinese and reserved characters in a query do not break the signature."""
    store.index(name="text")
    client, now = log_client(sls.url, **options), int(time.time())
    request = GetHistogramsRequest(
        store.project, store.name, now - 60, now, "", 'name: "实例 a+b=c&d" and not x'
    )
    assert client.get_histograms(request).get_total_count() == 0


def test_a_body_is_signed(store: Store) -> None:
    """A compressed PutLogs body passes, Content-MD5 and all."""
    store.put({"a": "1"})
    assert len(store.pull(0)) + len(store.pull(1)) == 1


def test_hmac_sha256_is_taken_over_the_same_layout(sls: RunningCloud, project: str) -> None:
    """Newer SDKs of other languages name hmac-sha256 in x-log-signaturemethod."""
    assert _get(sls, project, "hmac-sha256", "sha256")[0] == 200


def test_an_unknown_hash_is_refused(sls: RunningCloud, project: str) -> None:
    """InvalidSignatureMethod names what is not known."""
    assert _get(sls, project, "hmac-md5", "md5") == (400, "InvalidSignatureMethod")


@pytest.mark.parametrize("options", [{}, {"auth_version": "v4", "region": "cn-hangzhou"}], ids=["v1", "v4"])
def test_a_wrong_secret_does_not_match(
    sls: RunningCloud, log_client: Connect, options: dict[str, str]
) -> None:
    """401 SignatureNotMatch, in the spelling of SLS."""
    client = log_client(sls.url, AccessKey(DEFAULT_ACCOUNT_ID, "local", "wrong"), **options)
    assert refusal(client.list_project) == (401, "SignatureNotMatch")


def test_an_unknown_key_is_unauthorized(sls: RunningCloud, log_client: Connect) -> None:
    """401 Unauthorized: AccessKeyId not found."""
    client = log_client(sls.url, AccessKey("1", "nobody", "secret"))
    assert refusal(client.list_project) == (401, "Unauthorized")


def test_a_malformed_key_is_invalid(sls: RunningCloud, log_client: Connect) -> None:
    """401 InvalidAccessKeyId for what cannot be a key."""
    client = log_client(sls.url, AccessKey("1", "no body", "secret"))
    assert refusal(client.list_project) == (401, "InvalidAccessKeyId")


def test_a_lapsed_token_is_unauthorized(sls: RunningCloud, log_client: Connect) -> None:
    """A token is good until it expires."""
    assert refusal(log_client(sls.url, LAPSED).list_project) == (401, "Unauthorized")


@pytest.mark.parametrize("token", [None, "another"], ids=["missing", "wrong"])
def test_a_token_has_to_come_with_its_key(sls: RunningCloud, log_client: Connect, token: str | None) -> None:
    """An STS key without its token, or with another's, is nobody."""
    key = AccessKey(DEFAULT_ACCOUNT_ID, STS.key_id, STS.secret, security_token=token)
    assert refusal(log_client(sls.url, key).list_project) == (401, "Unauthorized")


def test_a_clock_may_be_wrong_by_less_than_fifteen_minutes(tmp_path: Path, log_client: Connect) -> None:
    """14 minutes are taken, 16 are RequestTimeTooSkewed."""
    with running_cloud(tmp_path) as cloud:
        client = log_client(cloud.url)
        cloud.clock.forward(14 * 60)
        assert client.list_project().get_count() == 0
        cloud.clock.forward(2 * 60)
        assert refusal(client.list_project) == (400, "RequestTimeTooSkewed")


def test_x_log_date_replaces_date(sls: RunningCloud, project: str) -> None:
    """A proxy may hold back Date; then the date of SLS's own header is meant, for the skew too."""
    assert (
        _get(sls, project, dates={"date": formatdate(0, usegmt=True), "x-log-date": formatdate(usegmt=True)})[
            0
        ]
        == 200
    )
    assert _get(sls, project, dates={"x-log-date": formatdate(0, usegmt=True)}) == (
        400,
        "RequestTimeTooSkewed",
    )


@pytest.mark.parametrize(
    ("dropped", "code"),
    [
        ("authorization", "Unauthorized"),
        ("date", "MissingDate"),
        ("x-log-apiversion", "MissingAPIVersion"),
        ("x-log-signaturemethod", "MissingSignatureMethod"),
    ],
)
def test_a_missing_header_is_named(sls: RunningCloud, project: str, dropped: str, code: str) -> None:
    """Each header that every request needs has a code for its absence."""
    assert _get(sls, project, dropped=dropped)[1] == code


def test_a_refused_signature_shows_what_the_server_signed(sls: RunningCloud, log_client: Connect) -> None:
    """The text helps who writes a client: it holds the string to sign."""
    client = log_client(sls.url, AccessKey(DEFAULT_ACCOUNT_ID, "local", "wrong"))
    with pytest.raises(LogException) as refused:
        client.list_project()
    assert r"GET\n\n\n" in refused.value.get_error_message()


def test_a_stranger_does_not_reach_a_project(sls: RunningCloud, log_client: Connect, project: str) -> None:
    """Project names are global: the stranger learns that it is somebody else's."""
    assert refusal(lambda: log_client(sls.url, STRANGER).get_project(project)) == (401, "Unauthorized")


def _get(
    sls: RunningCloud,
    project: str,
    method: str = "hmac-sha1",
    digest: str = "sha1",
    dates: dict[str, str] | None = None,
    dropped: str = "",
) -> tuple[int, str]:
    """GetProject, signed by hand as clients of other languages do; its status and error code."""
    address = urlsplit(sls.url).netloc
    headers = {"x-log-apiversion": "0.6.0", "x-log-signaturemethod": method, "host": f"{project}.{address}"}
    dates = dates or {"date": formatdate(usegmt=True)}
    date = dates.get("date") or dates["x-log-date"]
    text = f"GET\n\n\n{date}\nx-log-apiversion:0.6.0\nx-log-signaturemethod:{method}\n/"
    signature = base64.b64encode(hmac.digest(OWNER.secret.encode(), text.encode(), digest)).decode()
    headers |= {"authorization": f"LOG {OWNER.key_id}:{signature}", **dates}
    headers.pop(dropped, None)
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", "/", headers=headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read()).get("errorCode", "")
    finally:
        connection.close()
