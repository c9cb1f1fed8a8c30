"""Where a project of SLS answers.

A project is a host of its own below the endpoint's name. An endpoint that is an address, as the embedded
cloud's, has no names below it: it is connected to as it is, and the project stands in the Host header alone.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit


class ProjectAddress(NamedTuple):
    """What to connect to, and the Host header, which is signed and never holds the port."""

    url: str
    host: str


def address_of(endpoint: str, project: str) -> ProjectAddress:
    """Where a project is reached.

    >>> address_of("https://log.example:8443", "events")
    ProjectAddress(url='https://events.log.example:8443', host='events.log.example')
    >>> address_of("http://[::1]:8080", "events")
    ProjectAddress(url='http://[::1]:8080', host='events.[::1]')
    """
    parts = urlsplit(endpoint)
    name = parts.hostname or ""
    host = f"{project}.[{name}]" if ":" in name else f"{project}.{name}"
    if is_address(endpoint):
        return ProjectAddress(f"{parts.scheme}://{parts.netloc}", host)
    port = f":{parts.port}" if parts.port else ""
    return ProjectAddress(f"{parts.scheme}://{host}{port}", host)


def is_address(endpoint: str) -> bool:
    """Tell whether names below the endpoint's host lead nowhere.

    >>> is_address("http://localhost:8080"), is_address("https://10.0.0.1"), is_address("https://x.com")
    (True, True, False)
    """
    host = urlsplit(endpoint).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return host == "localhost"
    return True
