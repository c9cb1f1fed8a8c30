"""The way through a proxy: which one the environment names, and what is said to it and behind it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from sink.errors import Unreachable
from sink.wire import Proxy, proxy_for
from tests.wire.serving import Caller, asking, client_of, echo, on_both_loops, proxying, serving
from tests.wire.test_secure import Authority, authority, trusted

__all__ = ["authority", "trusted"]


def port_of(url: str) -> int:
    return urlsplit(url).port or 0


def at(url: str, credentials: str = "") -> Proxy:
    return Proxy("127.0.0.1", port_of(url), credentials)


@on_both_loops
async def test_a_service_is_asked_through_it() -> None:
    """Over one connection as long as it stays open."""
    heard: list[str] = []
    async with (
        serving(echo) as far,
        proxying(heard, {"service.example:80": port_of(far)}) as near,
        client_of("http://service.example", proxy=at(near)) as client,
    ):
        answers = [(await client.ask(asking(path))).body for path in ("/a", "/b")]

    assert answers == [b"1/a", b"1/b"]
    assert [one.split("\r\n")[0] for one in heard] == ["CONNECT service.example:80 HTTP/1.1"]


@on_both_loops
async def test_the_service_behind_it_is_asked_over_tls(trusted: Authority) -> None:
    """The proxy sees the host's name, and nothing of what is asked."""
    heard: list[str] = []
    async with (
        serving(echo, trusted.server("localhost")) as far,
        proxying(heard, {f"localhost:{port_of(far)}": port_of(far)}) as near,
        client_of(far, proxy=at(near)) as client,
    ):
        answer = await client.ask(asking("/secret"))

    assert answer.body == b"1/secret"
    assert len(heard) == 1
    assert "secret" not in heard[0]


@on_both_loops
async def test_the_certificate_must_be_the_hosts(trusted: Authority) -> None:
    """A proxy that leads elsewhere is found out."""
    async with (
        serving(echo, trusted.server("elsewhere.example")) as far,
        proxying([], {f"localhost:{port_of(far)}": port_of(far)}) as near,
        client_of(far, proxy=at(near)) as client,
    ):
        with pytest.raises(Unreachable, match="not valid for 'localhost'"):
            await client.ask(asking())


@on_both_loops
async def test_it_is_told_who_asks() -> None:
    """User and password, and only where it was given some."""
    heard: list[str] = []
    async with serving(echo) as far, proxying(heard, {"service.example:80": port_of(far)}) as near:
        for credentials in ("me:s3cret", ""):
            async with client_of("http://service.example", proxy=at(near, credentials)) as client:
                await client.ask(asking())

    assert "proxy-authorization: Basic bWU6czNjcmV0\r\n" in heard[0]
    assert "proxy-authorization" not in heard[1]


@on_both_loops
async def test_what_it_refuses_is_no_answer() -> None:
    """With the proxy's own words."""
    async with proxying([], {}) as near, client_of("http://service.example", proxy=at(near)) as client:
        with pytest.raises(Unreachable, match="502 No such way"):
            await client.ask(asking())


@on_both_loops
@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "closed the connection"),
        (b"HTTP/1.1 200", "closed the connection"),
        (b"who are you?\r\n\r\n", "who are you"),
        (b"x" * 100_000, "without end"),
    ],
)
async def test_one_that_is_no_proxy_is_no_answer(answer: bytes, words: str) -> None:
    """Whatever it says."""

    async def talk(caller: Caller) -> None:
        await caller.question()
        caller.say(answer)
        caller.hang_up()

    async with serving(talk) as near, client_of("http://service.example", proxy=at(near)) as client:
        with pytest.raises(Unreachable, match=words):
            await client.ask(asking())


@on_both_loops
async def test_a_proxy_that_is_not_there_is_no_answer() -> None:
    """Like any host."""
    async with client_of("http://service.example", proxy=Proxy("127.0.0.1", 9)) as client:
        with pytest.raises(Unreachable, match="no answer"):
            await client.ask(asking())


@pytest.mark.parametrize(
    ("environment", "url", "proxy"),
    [
        ({}, "https://ecs.example", None),
        ({"https_proxy": "http://proxy:3128"}, "https://ecs.example", Proxy("proxy", 3128)),
        ({"https_proxy": "proxy:3128"}, "https://ecs.example", Proxy("proxy", 3128)),
        ({"HTTPS_PROXY": "http://proxy"}, "https://ecs.example", Proxy("proxy", 80)),
        ({"https_proxy": "http://a%40b:c%3Ad@proxy:1"}, "https://ecs.example", Proxy("proxy", 1, "a@b:c:d")),
        ({"http_proxy": "http://proxy:1"}, "https://ecs.example", None),
        ({"http_proxy": "http://proxy:1"}, "http://ecs.example", Proxy("proxy", 1)),
        ({"all_proxy": "http://proxy:1"}, "https://ecs.example", Proxy("proxy", 1)),
        ({"https_proxy": "http://proxy:1", "no_proxy": ".example"}, "https://ecs.example", None),
        ({"https_proxy": "http://proxy:1", "no_proxy": "other"}, "https://ecs.example", Proxy("proxy", 1)),
        ({"http_proxy": "http://proxy:1"}, "http://127.0.0.1:80", None),
        ({"http_proxy": "http://proxy:1"}, "http://localhost:80", None),
        ({"http_proxy": "http://proxy:1"}, "http://[::1]:80", None),
    ],
)
def test_the_environment_names_it(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], url: str, proxy: Proxy | None
) -> None:
    """As for most programs; loopback is reached without."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert proxy_for(url) == proxy


@pytest.mark.parametrize("address", ["socks5://proxy:1", "https://proxy:1", "http://proxy:port", "http://"])
def test_what_is_no_http_proxy_is_refused(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """Going past it would be worse: it is there for a reason. Its password is not repeated."""
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("https_proxy", address.replace("://", "://me:s3cret@"))

    with pytest.raises(OSError, match="http://HOST:PORT") as raised:
        proxy_for("https://ecs.example")

    assert "s3cret" not in str(raised.value)


def test_its_password_is_not_shown() -> None:
    """A repr ends in logs."""
    assert "s3cret" not in repr(Proxy("proxy", 1, "me:s3cret"))
