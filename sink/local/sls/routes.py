"""Finds the operation that a request calls.

SLS names operations by method, path and often one parameter (`type=cursor`, `action=split`); every
operation that is emulated stands in one table, which `service.py` gathers from the modules of `api/`.
Whatever is not in it is refused loudly, in the vendor's form, with a text that says it is not emulated.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs, unquote

from sink.local.sls.api.call import Route, Scope
from sink.local.sls.errors import SlsError, parameter_invalid
from sink.local.sls.names import project_of
from sink.local.wire import Request


class Routes:
    """The table of operations."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = [(_pattern(route.template), route) for route in routes]

    def find(self, request: Request) -> tuple[Route, Mapping[str, str]]:
        """The operation that a request calls, and the variables of its path.

        Raises `SlsError`: ParameterInvalid for what is not emulated, ProjectNotExist without a project.
        """
        fitting = [
            (route, match.groupdict())
            for pattern, route in self._routes
            if route.method == request.method and (match := pattern.fullmatch(request.path))
        ]
        here = Scope.ACCOUNT if project_of(request.host) is None else Scope.PROJECT
        for route, names in fitting:
            if route.scope in (here, Scope.ANY) and _is_meant(route, request):
                return route, {name: unquote(value) for name, value in names.items()}
        raise _refusal(request, [route for route, _ in fitting], here)


def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(template)))


def _is_meant(route: Route, request: Request) -> bool:
    if not route.when:
        return True
    name, *values = route.when
    given = parse_qs(request.query).get(name, [""])[0]
    return given in values


def _refusal(request: Request, fitting: list[Route], here: Scope) -> SlsError:
    if here is Scope.ACCOUNT and any(route.scope is Scope.PROJECT for route in fitting):
        text = f"no project in the Host header {request.headers.get('host')!r}: it has to be PROJECT.ENDPOINT"
        return SlsError(404, "ProjectNotExist", f"The Project does not exist : {text}")
    call = f"{request.method} {request.path}" + (f"?{request.query}" if request.query else "")
    return parameter_invalid(f"{call} is not emulated by the embedded cloud (on {here.value}).")
