"""TLS: only a server whose certificate the system's store vouches for, by its name, is told anything."""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sink.errors import Unreachable
from sink.wire import NO_ANSWER
from tests.wire.serving import Caller, asking, client_of, echo, on_both_loops, serving


@dataclass(frozen=True)
class Authority:
    """Somebody who vouches for servers, and the folder where the papers are kept."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    @classmethod
    def found_in(cls, folder: Path) -> Authority:
        """A new one; `ca.pem` is its own certificate."""
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test authority")])
        authority = cls(folder, ec.generate_private_key(ec.SECP256R1()), name)
        own = authority._paper(name, authority.key).add_extension(x509.BasicConstraints(True, None), True)
        authority._write("ca.pem", own.sign(authority.key, hashes.SHA256()))
        return authority

    def server(self, host: str, days: int = 1) -> ssl.SSLContext:
        """What a server of this name needs."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        names = x509.SubjectAlternativeName([x509.DNSName(host)])
        paper = self._paper(name, key, days).add_extension(names, False).sign(self.key, hashes.SHA256())
        text = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._write("server.pem", paper, text))
        return context

    def _paper(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int = 1
    ) -> x509.CertificateBuilder:
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        return (
            x509.CertificateBuilder(issuer_name=self.name, subject_name=subject, public_key=key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=9))
            .not_valid_after(end)
        )

    def _write(self, name: str, paper: x509.Certificate, key: bytes = b"") -> Path:
        path = self.folder / name
        path.write_bytes(paper.public_bytes(serialization.Encoding.PEM) + key)
        return path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority.found_in(tmp_path)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """One that the system's store knows."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.folder / "ca.pem"))
    return authority


@on_both_loops
async def test_a_server_that_is_vouched_for_is_asked(trusted: Authority) -> None:
    """SSL_CERT_FILE names the store, as it does for every program that rests on OpenSSL."""
    async with serving(echo, trusted.server("localhost")) as url, client_of(url) as client:
        answers = [(await client.ask(asking(path))).body for path in ("/a", "/b")]

    assert answers == [b"1/a", b"1/b"]


async def refusal(tls: ssl.SSLContext) -> tuple[Unreachable, list[str]]:
    """How a question to such a server fails, and what the server has heard."""
    heard = []

    async def talk(caller: Caller) -> None:
        heard.append(await caller.question())

    async with serving(talk, tls) as url, client_of(url) as client:
        with pytest.raises(Unreachable) as caught:
            await client.ask(asking("/secret"))
    return caught.value, [path for path in heard if path]


@on_both_loops
async def test_an_unknown_authority_is_refused(authority: Authority) -> None:
    """Anybody can found one."""
    error, heard = await refusal(authority.server("localhost"))

    assert (error.code, heard) == (NO_ANSWER, [])
    assert "CERTIFICATE_VERIFY_FAILED" in error.message


@on_both_loops
@pytest.mark.parametrize(
    ("server", "words"),
    [
        (lambda authority: authority.server("elsewhere.example"), "not valid for 'localhost'"),
        (lambda authority: authority.server("localhost", days=-1), "expired"),
    ],
)
async def test_a_certificate_must_fit(
    trusted: Authority, server: Callable[[Authority], ssl.SSLContext], words: str
) -> None:
    """The name that was asked for, and today."""
    error, heard = await refusal(server(trusted))

    assert (error.code, heard) == (NO_ANSWER, [])
    assert words in error.message


@on_both_loops
async def test_connection_close_is_obeyed_over_tls(trusted: Authority) -> None:
    """Without waiting for the other side's farewell."""

    async def talk(caller: Caller) -> None:
        await caller.question()
        caller.say(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n%d" % caller.number)

    async with serving(talk, trusted.server("localhost")) as url, client_of(url) as client:
        assert [(await client.ask(asking())).body for _ in range(2)] == [b"1", b"2"]
