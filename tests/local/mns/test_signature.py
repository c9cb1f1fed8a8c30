"""Who may, and what the others are told."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate

import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta

from sink.local.accounts import DEFAULT_ACCOUNT_ID, AccessKey
from tests.local.conftest import LAPSED, STS, RunningCloud
from tests.local.mns.conftest import Bare, refusal

Connect = Callable[..., Account]


def test_an_unknown_key_is_refused(cloud: RunningCloud, mns_account: Connect) -> None:
    """InvalidAccessKeyId."""
    account = mns_account(cloud.url, AccessKey("42", "nobody", "hush"))
    assert refusal(account.list_queue) == "InvalidAccessKeyId"


def test_a_wrong_secret_is_refused_with_what_was_signed(cloud: RunningCloud, mns_account: Connect) -> None:
    """SignatureDoesNotMatch; the text shows the string to sign, so that one can compare."""
    account = mns_account(cloud.url, AccessKey(DEFAULT_ACCOUNT_ID, "local", "wrong"))
    with pytest.raises(MNSServerException, match=r"The server signed: 'GET\\n\\n\\n.*/queues'") as refused:
        account.list_queue()
    assert refused.value.type == "SignatureDoesNotMatch"


def test_a_security_token_comes_with_its_key(cloud: RunningCloud, mns_account: Connect) -> None:
    """An STS credential works, and belongs to its account."""
    mns_account(cloud.url).get_queue("events").create(QueueMeta())
    assert mns_account(cloud.url, STS).list_queue()[0] == [f"{cloud.url}/queues/events"]


@pytest.mark.parametrize("token", [None, "another"])
def test_a_key_without_its_token_is_refused(
    cloud: RunningCloud, mns_account: Connect, token: str | None
) -> None:
    """AccessDenied for a missing token and for a wrong one."""
    key = AccessKey(STS.account_id, STS.key_id, STS.secret, token)
    assert refusal(mns_account(cloud.url, key).list_queue) == "AccessDenied"


def test_a_token_nobody_gave_out_is_refused(cloud: RunningCloud, mns_account: Connect) -> None:
    """Also with a key that needs none."""
    key = AccessKey(DEFAULT_ACCOUNT_ID, "local", "local-secret", "token")
    assert refusal(mns_account(cloud.url, key).list_queue) == "AccessDenied"


def test_a_lapsed_token_is_refused(cloud: RunningCloud, mns_account: Connect) -> None:
    """AccessDenied once `expires_at` has passed."""
    assert refusal(mns_account(cloud.url, LAPSED).list_queue) == "AccessDenied"


def test_clocks_may_differ_by_a_quarter_of_an_hour(cloud: RunningCloud, mns_account: Connect) -> None:
    """14 minutes are good, 16 are TimeExpired."""
    account = mns_account(cloud.url)
    cloud.clock.forward(14 * 60)
    account.list_queue()
    cloud.clock.forward(2 * 60)
    assert refusal(account.list_queue) == "TimeExpired"


def test_x_mns_date_counts_instead_of_date(cloud: RunningCloud, bare: Bare) -> None:
    """Clients that cannot set Date send x-mns-date, which is signed as a header."""
    stale = {"date": formatdate(0, usegmt=True)}
    assert bare("GET", "/queues", headers=stale).text("Code") == "TimeExpired"
    assert bare("GET", "/queues", headers={**stale, "x-mns-date": formatdate(usegmt=True)}).status == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"authorization": "MNS local"}, "InvalidAuthorizationHeader"),
        ({"authorization": "Basic bG9jYWw6"}, "InvalidAuthorizationHeader"),
        ({"authorization": "MNS :"}, "InvalidAuthorizationHeader"),
        ({"date": "yesterday"}, "InvalidDateHeader"),
    ],
)
def test_faulty_headers_are_refused(bare: Bare, headers: dict[str, str], code: str) -> None:
    """400 with the vendor's code."""
    answer = bare("GET", "/queues", headers=headers)
    assert (answer.status, answer.text("Code")) == (400, code)


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "MissingAuthorizationHeader"), ({"authorization": "MNS local:x"}, "MissingDateHeader")],
)
def test_missing_headers_are_refused(bare: Bare, headers: dict[str, str], code: str) -> None:
    """400 with the vendor's code."""
    bare.connection.request("GET", "/queues", headers=headers)
    assert f"<Code>{code}</Code>" in bare.connection.getresponse().read().decode()


def test_a_host_of_another_account_is_refused(bare: Bare) -> None:
    """The account is in the host; its queues take its own keys only."""
    other = {"host": "2000000000000002.mns.cn-hangzhou.aliyuncs.com"}
    own = {"host": f"{DEFAULT_ACCOUNT_ID}.mns.cn-hangzhou.aliyuncs.com"}
    assert bare("GET", "/queues", headers=other).text("Code") == "AccessDenied"
    assert bare("GET", "/queues", headers=own).status == 200
