"""What SLS lets things be called, and which project a Host header means.

Projects and logstores share one rule but for the underscore ("Basic resources" of the API reference).
The project of a request stands in front of the endpoint, `my-project.cn-hangzhou.log.aliyuncs.com`;
on loopback the endpoint is whatever the client was given, an address or a name, with or without a port.
"""

from __future__ import annotations

import re

_PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_LOGSTORE = re.compile(r"[a-z0-9][a-z0-9_-]{1,61}[a-z0-9]")
_ENDPOINT = re.compile(
    r"\d+\.\d+\.\d+\.\d+|((sls|log)\.)?localhost|log-global\.aliyuncs\.com|[\w-]+\.(log|sls)\.aliyuncs\.com"
)


def is_project_name(name: object) -> bool:
    """Tell whether CreateProject takes this name: 3 to 63 of a-z, 0-9 and inner hyphens."""
    return isinstance(name, str) and _PROJECT.fullmatch(name) is not None


def is_logstore_name(name: object) -> bool:
    """Tell whether CreateLogStore takes this name: 3 to 63 of a-z, 0-9, inner hyphens and underscores."""
    return isinstance(name, str) and _LOGSTORE.fullmatch(name) is not None


def project_of(host: str) -> str | None:
    """The project that a Host (without port) asks for, None for the endpoint itself.

    >>> project_of("my-project.127.0.0.1"), project_of("127.0.0.1")
    ('my-project', None)
    """
    project, _, endpoint = host.partition(".")
    return project if endpoint and not _ENDPOINT.fullmatch(host) else None
