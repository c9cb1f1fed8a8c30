"""The way through an HTTP proxy: CONNECT, and then TLS with the service itself (RFC 9110, section 9.3.6).

Which proxy that is, the environment says as it does for most programs: `https_proxy`, `http_proxy` or
`all_proxy`, and `no_proxy` for the hosts that are reached without. Loopback always is.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TypeVar, cast
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

_LONGEST_HEAD = 64 << 10
"""Bytes of a proxy's answer."""

P = TypeVar("P", bound=asyncio.Protocol)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where a proxy is. Its password is not shown."""

    host: str
    port: int
    credentials: str = ""
    """`user:password`, if it wants to know who asks."""

    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


def proxy_for(url: str) -> Proxy | None:
    """The proxy that the environment names for a URL; None where it is reached without.

    Raises OSError for one that is no HTTP proxy: TLS to the proxy itself and SOCKS are not spoken.
    """
    parts = urlsplit(url)
    host, named = parts.hostname or "", getproxies()
    address = named.get(parts.scheme) or named.get("all")
    if not address or _is_loopback(host) or proxy_bypass(host):
        return None
    try:
        return _read(address if "://" in address else f"http://{address}")
    except ValueError as error:
        raise OSError(f"the environment's proxy for {parts.scheme} is no http://HOST:PORT") from error


async def tunnel(
    proxy: Proxy, protocol: Callable[[], P], host: str, port: int, tls: ssl.SSLContext | None
) -> P:
    """Open a connection to a host through a proxy. Raises OSError."""
    loop = asyncio.get_running_loop()
    try:
        transport, opening = await loop.create_connection(
            lambda: _Opening(_connect_request(proxy, host, port)), proxy.host, proxy.port
        )
    except socket.gaierror as error:
        # Of the proxy's own name: about the host's, nobody has been asked.
        raise ConnectionError(f"no way to the proxy {proxy.host}: {error}") from error
    connection = protocol()
    try:
        await opening.is_open
        if tls is not None:
            secured = await loop.start_tls(transport, connection, tls, server_hostname=host)
            transport = cast(asyncio.Transport, secured)
        else:
            transport.set_protocol(connection)
    except BaseException:
        transport.abort()
        raise
    connection.connection_made(transport)
    return connection


def _read(address: str) -> Proxy:
    proxy = urlsplit(address)
    if proxy.scheme != "http" or not proxy.hostname:
        raise ValueError(proxy.scheme)
    credentials = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}" if proxy.username else ""
    return Proxy(proxy.hostname, proxy.port or 80, credentials)


class _Opening(asyncio.Protocol):
    """Asks the proxy for the way, and waits until it has opened it."""

    def __init__(self, request: bytes) -> None:
        self.is_open: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._request = request
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        """Some of the proxy's answer; behind its head nobody speaks before we do."""
        self._head += data
        if b"\r\n\r\n" in self._head:
            status = self._head.split(b"\r\n", 1)[0].decode("latin-1")
            self._end(
                None if status.split(" ")[1:2] == ["200"] else ConnectionError(f"the proxy said: {status}")
            )
        elif len(self._head) > _LONGEST_HEAD:
            self._end(ConnectionError("the proxy answers without end"))

    def connection_lost(self, error: Exception | None) -> None:
        """The proxy has hung up."""
        self._end(ConnectionError(f"the proxy closed the connection{f': {error}' if error else ''}"))

    def _end(self, error: OSError | None) -> None:
        if self.is_open.done():
            return
        if error is None:
            self.is_open.set_result(None)
        else:
            self.is_open.set_exception(error)


def _connect_request(proxy: Proxy, host: str, port: int) -> bytes:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    known = b64encode(proxy.credentials.encode()).decode()
    who = f"proxy-authorization: Basic {known}\r\n" if proxy.credentials else ""
    return f"CONNECT {place} HTTP/1.1\r\nhost: {place}\r\n{who}\r\n".encode()


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
