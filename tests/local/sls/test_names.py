"""Names of projects and logstores, and the project in a Host header."""

from __future__ import annotations

import pytest

from sink.local.sls.names import is_logstore_name, is_project_name, project_of


@pytest.mark.parametrize("name", ["abc", "a-b-1", "0" * 63])
def test_these_are_project_names(name: str) -> None:
    """3 to 63 of a-z, 0-9 and hyphens."""
    assert is_project_name(name)


@pytest.mark.parametrize("name", ["ab", "a" * 64, "Abc", "a_b", "-ab", "ab-", "a.b", "", None, 3])
def test_these_are_not(name: object) -> None:
    """Too short, too long, capitals, underscores, hyphens at an end, or no text at all."""
    assert not is_project_name(name)


def test_logstores_may_have_underscores() -> None:
    """Otherwise the rule is the same."""
    assert is_logstore_name("a_b")
    assert not is_logstore_name("a_b_")


@pytest.mark.parametrize(
    "host",
    [
        "my-project.127.0.0.1",
        "my-project.localhost",
        "my-project.sls.localhost",
        "my-project.cn-hangzhou.log.aliyuncs.com",
        "my-project.cn-hangzhou-intranet.log.aliyuncs.com",
        "my-project.log-global.aliyuncs.com",
        "my-project.cloud",
    ],
)
def test_the_first_label_is_the_project(host: str) -> None:
    """In front of an address, a local name, or the vendor's endpoints."""
    assert project_of(host) == "my-project"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "sls.localhost",
        "cn-hangzhou.log.aliyuncs.com",
        "log-global.aliyuncs.com",
        "cloud",
    ],
)
def test_an_endpoint_alone_has_no_project(host: str) -> None:
    """Calls of the account go there."""
    assert project_of(host) is None
