"""Which operation a request calls, and how what is not emulated is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from aliyun.log import LogClient, LogException

from sink.local.sls.api.call import Call, Route, Scope, done
from sink.local.sls.errors import SlsError
from sink.local.sls.routes import Routes
from sink.local.wire import Request, Response
from tests.local.conftest import RunningCloud
from tests.local.sls.conftest import refusal


async def _handle(call: Call) -> Response:
    return done()


ROUTES = Routes(
    [
        Route("GET", "/", "ListProject", _handle, scope=Scope.ACCOUNT),
        Route("GET", "/", "GetProject", _handle),
        Route("GET", "/logstores/{logstore}", "GetLogStore", _handle, ("type", "")),
        Route("GET", "/logstores/{logstore}", "GetLogs", _handle, ("type", "log")),
    ]
)


@pytest.mark.parametrize(
    ("host", "path", "query", "operation"),
    [
        ("127.0.0.1", "/", "", "ListProject"),
        ("my-project.127.0.0.1", "/", "", "GetProject"),
        ("my-project.127.0.0.1", "/logstores/events", "", "GetLogStore"),
        ("my-project.127.0.0.1", "/logstores/events", "query=x&type=log", "GetLogs"),
    ],
)
def test_host_path_and_parameter_name_an_operation(host: str, path: str, query: str, operation: str) -> None:
    """One path may be several operations."""
    route, _ = ROUTES.find(Request("GET", path, query, {"host": host}))
    assert route.operation == operation


def test_names_in_a_path_are_decoded() -> None:
    """Dashboards may be called in Chinese."""
    _, names = ROUTES.find(Request("GET", "/logstores/%E4%B8%AD", "", {"host": "my-project.cloud"}))
    assert names == {"logstore": "中"}


def test_a_missing_project_is_explained() -> None:
    """A client that was given an address instead of a name sends no project: the text says so."""
    with pytest.raises(SlsError, match="no project in the Host header") as refused:
        ROUTES.find(Request("GET", "/logstores/events", "", {"host": "127.0.0.1"}))
    assert refused.value.code == "ProjectNotExist"


def test_what_is_not_emulated_is_refused_loudly(client: LogClient, project: str) -> None:
    """400, in the vendor's form, with a text that says it."""
    with pytest.raises(LogException, match="not emulated") as refused:
        client.list_logtail_config(project)
    assert (refused.value.get_resp_status(), refused.value.get_error_code()) == (400, "ParameterInvalid")


def test_requests_without_a_project_reach_the_account(
    sls: RunningCloud, log_client: Callable[..., LogClient], project: str
) -> None:
    """ListProject works on the bare endpoint, GetLogStore does not."""
    assert project in [
        each["projectName"] for each in log_client(sls.url).list_project(size=-1).get_projects()
    ]
    assert refusal(lambda: log_client(sls.url).get_logstore("", "events")) == (404, "ProjectNotExist")
